/* SPDX-License-Identifier: MIT */
/*
 * gzip is zlib's, for libarchive neither proves its checksum nor gives what
 * comes before a truncation; the others are libarchive's.
 */
#include "tail/archive.h"

#include "base/mem.h"
#include "tail/gunzip.h"
#include "tail/libarchive.h"
#include "tail/xz.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define INPUT (64 * 1024)        /* one read of the file */
#define BLOCK (64 * 1024)        /* gzip unpacked at once */
#define BARREN (4 * 1024 * 1024) /* most compressed bytes without a text */

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
	COMPRESSION_XZ,
	COMPRESSION_BZIP2,
};

struct packed {
	int fd;         /* lent */
	char *input;    /* what was read last */
	size_t head;    /* that many of it are still to be given out first */
	int64_t taken;  /* compressed bytes given out */
	int64_t barren; /* taken when text came last */
	bool ended;     /* the file has no more */
	bool finished;  /* nor has the text */
	bool failed;    /* for the reason */
	struct err reason;
	int64_t given;       /* unpacked bytes read or skipped */
	struct text block;   /* unpacked and not yet given; lent */
	struct gunzip *gzip; /* or NULL */
	struct text rest;    /* of the input: all of it for libarchive, what is
	                        not yet unpacked for gzip; lent */
	char *room;          /* BLOCK bytes, for gzip */
#ifdef HAVE_LIBARCHIVE
	struct libarchive lib;
	struct archive *archive; /* or NULL */
	struct xz *xz;           /* or NULL */
#endif
};

static const struct magic {
	enum compression compression;
	size_t len;
	const char *bytes;
} magics[] = {
	{ COMPRESSION_GZIP, 3, "\x1f\x8b\x08" },
	{ COMPRESSION_ZSTD, 4, "\x28\xb5\x2f\xfd" },
	{ COMPRESSION_XZ, 6,
	    "\xfd"
	    "7zXZ\0" },
	/* ? is the block size; a first block, or the end of one without any. */
	{ COMPRESSION_BZIP2, 10, "BZh?1AY&SY" },
	{ COMPRESSION_BZIP2, 10,
	    "BZh?\x17"
	    "rE8P\x90" },
};

static bool
magic_fits(const struct magic *m, struct text head)
{
	for (size_t i = 0; i < m->len && i < head.len; i++)
		if (m->bytes[i] == '?'
			? head.data[i] < '1' || head.data[i] > '9'
			: head.data[i] != m->bytes[i])
			return false;
	return true;
}

static enum compression
compression_of(struct text head)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (head.len >= magics[i].len && magic_fits(&magics[i], head))
			return magics[i].compression;
	return COMPRESSION_NONE;
}

bool
compression_is(struct text head)
{
	return compression_of(head) != COMPRESSION_NONE;
}

bool
packed_is(int fd)
{
	char head[COMPRESSION_HEAD];
	ssize_t n = pread(fd, head, sizeof head, 0);

	return n > 0 && compression_is((struct text){ head, (size_t)n });
}

bool
compression_may_be(struct text head)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (head.len < magics[i].len && magic_fits(&magics[i], head))
			return true;
	return false;
}

static ssize_t
read_input(struct packed *p, char *to, size_t room)
{
	ssize_t n;

	do
		n = read(p->fd, to, room);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		p->ended = true;
	return n;
}

/* The next compressed bytes.  Returns how many, 0 at the end of the file, or
 * -1 with the reason. */
static ssize_t
more(struct packed *p, struct text *in)
{
	ssize_t n = (ssize_t)p->head;

	if (p->taken - p->barren > BARREN)
		return err_set(&p->reason,
		    "damaged: more than %d MiB hold no text, up to byte "
		    "%" PRId64 " of the compressed file",
		    BARREN / 1024 / 1024, p->taken);
	if (n == 0)
		n = read_input(p, p->input, INPUT);
	if (n < 0)
		return err_set(&p->reason,
		    "read at byte %" PRId64 " of the compressed file: %m",
		    p->taken);
	p->head = 0;
	p->taken += n;
	*in = (struct text){ p->input, (size_t)n };
	return n;
}

static const char behind[] = "other bytes behind the compressed text";

/* What is wrong with a file that does not end well. */
static int
fault(struct packed *p, int64_t at, const char *why)
{
	if (p->ended && why != behind)
		return err_set(&p->reason,
		    "truncated: the compressed file ends at byte %" PRId64
		    " in the middle, the rest of its text is missing",
		    p->taken);
	return err_set(&p->reason,
	    "damaged near byte %" PRId64 " of the compressed file: %s", at,
	    why);
}

/* Unpacks a block of gzip.  Returns 0 or -1; an empty block is the end. */
static int
next_gzip(struct packed *p)
{
	const char *why = NULL;
	size_t got = 0;

	while (why == NULL && got == 0) {
		ssize_t n = 1;

		if (p->rest.len == 0)
			n = more(p, &p->rest);
		if (n < 0)
			return -1;
		if (n == 0)
			return gunzip_may_end(p->gzip)
			           ? 0
			           : fault(p, p->taken, "it ends");
		why = gunzip_feed(p->gzip, &p->rest, p->room, BLOCK, &got);
	}
	p->block = (struct text){ p->room, got };
	if (why == NULL)
		return 0;
	return fault(p, p->taken - (int64_t)p->rest.len, why);
}

#ifdef HAVE_LIBARCHIVE
static bool
is_zeros(struct text in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.data[i] != '\0')
			return false;
	return true;
}

/* liblzma allocates what a block asks for, and libarchive sets it no limit. */
static int
check_dictionary(struct packed *p)
{
	uint64_t refused;

	if (p->xz == NULL)
		return 0;
	p->rest.len = xz_feed(p->xz, p->rest);
	refused = xz_refused(p->xz);
	if (p->rest.len > 0 || refused == 0)
		return 0;
	return err_set(&p->reason,
	    "compressed by xz with a dictionary of %" PRIu64 " MiB, over the "
	    "%" PRIu64 " MiB that are read: unpack it first",
	    (refused >> 20) + (refused % (1 << 20) != 0), XZ_DICTIONARY >> 20);
}

static la_ssize_t
on_read(struct archive *a, void *ctx, const void **buf)
{
	struct packed *p = ctx;

	if (more(p, &p->rest) < 0 || check_dictionary(p) < 0) {
		p->failed = true;
		p->lib.archive_set_error(a, EIO, "read");
		return -1;
	}
	*buf = p->rest.data;
	return (la_ssize_t)p->rest.len;
}

/* The reason is on_read()'s, or libarchive's; where its filter could not even
 * start, it does not know where that was. */
static int
fault_archive(struct packed *p)
{
	const char *why = p->lib.archive_error_string(p->archive);
	int64_t at = p->lib.archive_filter_bytes(p->archive, -1);

	if (p->failed)
		return -1;
	return fault(p, at < 0 ? 0 : at, why != NULL ? why : "not readable");
}

/* libarchive ends silently where bytes follow that are not of its format; zeros
 * are padding. */
static int
check_rest(struct packed *p)
{
	int64_t at = p->lib.archive_filter_bytes(p->archive, -1);
	int64_t left = p->taken - at;
	struct text in = p->rest;

	/* What is not in the last input any more was looked at by libarchive:
	 * it is longer than a padding that looks like nothing. */
	if (left > (int64_t)in.len)
		return fault(p, at, behind);
	in.data += in.len - (size_t)left;
	in.len = (size_t)left;
	for (;;) {
		ssize_t n;

		if (!is_zeros(in))
			return fault(p, at, behind);
		n = more(p, &in);
		if (n <= 0)
			return (int)n;
	}
}

static int
next_archive(struct packed *p)
{
	const void *data;
	size_t len;
	la_int64_t offset;
	int status =
	    p->lib.archive_read_data_block(p->archive, &data, &len, &offset);

	if (status == ARCHIVE_EOF)
		return check_rest(p);
	if (status != ARCHIVE_OK)
		return fault_archive(p);
	p->block = (struct text){ data, len };
	return 0;
}

/* One filter and none behind it, so that what was compressed twice takes no
 * more memory than once. */
static int
start_archive(struct packed *p, enum compression compression)
{
	const struct libarchive *lib = &p->lib;
	struct archive_entry *entry;
	struct archive *a;

	if (libarchive_open(&p->lib, &p->reason) < 0)
		return -1;
	if (compression == COMPRESSION_XZ)
		p->xz = xz_new();
	a = p->archive = mem_check(lib->archive_read_new());
	if (compression == COMPRESSION_ZSTD)
		lib->archive_read_support_filter_zstd(a);
	else if (compression == COMPRESSION_XZ)
		lib->archive_read_support_filter_xz(a);
	else
		lib->archive_read_support_filter_bzip2(a);
	lib->archive_read_support_format_raw(a);
	lib->archive_read_support_format_empty(a);
	if (lib->archive_read_open(a, p, NULL, on_read, NULL) != ARCHIVE_OK ||
	    lib->archive_errno(a) != 0)
		return fault_archive(p);
	if (lib->archive_filter_count(a) > 2)
		return err_set(&p->reason,
		    "compressed several times over: unpack it once");
	if (lib->archive_filter_count(a) < 2)
		return fault(p, 0, "its header");
	switch (lib->archive_read_next_header(a, &entry)) {
	case ARCHIVE_OK:
		return 0;
	case ARCHIVE_EOF: /* nothing was compressed */
		p->finished = true;
		return check_rest(p);
	default:
		return fault_archive(p);
	}
}
#else
static int
start_archive(struct packed *p, enum compression compression)
{
	(void)compression;
	return err_set(&p->reason,
	    "built without libarchive, which zstd, xz and bzip2 need: unpack "
	    "it first");
}
#endif

/* Reads the first bytes where nobody did. */
static int
read_head(struct packed *p)
{
	while (compression_may_be((struct text){ p->input, p->head })) {
		ssize_t n = read_input(p, p->input + p->head, INPUT - p->head);

		if (n < 0)
			return err_set(&p->reason, "read: %m");
		if (n == 0)
			break;
		p->head += (size_t)n;
	}
	return 0;
}

static int
start(struct packed *p)
{
	enum compression compression;

	if (p->head == 0 && read_head(p) < 0)
		return -1;
	compression = compression_of((struct text){ p->input, p->head });
	if (compression == COMPRESSION_NONE)
		return err_set(&p->reason, "not compressed");
	if (compression != COMPRESSION_GZIP)
		return start_archive(p, compression);
	p->gzip = gunzip_new();
	p->room = mem_new(BLOCK, 1);
	return 0;
}

struct packed *
packed_open(int fd, struct text head, struct err *err)
{
	struct packed *p = mem_new(1, sizeof *p);

	p->fd = fd;
	p->head = head.len;
	p->input = mem_new(head.len > INPUT ? head.len : INPUT, 1);
	if (head.len > 0)
		memcpy(p->input, head.data, head.len);
	if (start(p) == 0)
		return p;
	err_set(err, "%s", p->reason.text);
	packed_free(p);
	return NULL;
}

void
packed_free(struct packed *p)
{
	if (p == NULL)
		return;
#ifdef HAVE_LIBARCHIVE
	if (p->archive != NULL)
		p->lib.archive_read_free(p->archive);
	libarchive_close(&p->lib);
	xz_free(p->xz);
#endif
	gunzip_free(p->gzip);
	free(p->room);
	free(p->input);
	free(p);
}

/* Unpacks a block where there is none.  What came before a fault is given
 * first. */
static void
fill(struct packed *p)
{
	int status;

	if (p->block.len > 0 || p->finished || p->failed)
		return;
#ifdef HAVE_LIBARCHIVE
	status = p->archive != NULL ? next_archive(p) : next_gzip(p);
#else
	status = next_gzip(p);
#endif
	p->failed = status < 0;
	p->finished = status == 0 && p->block.len == 0;
	p->barren = p->taken;
}

ssize_t
packed_skip(struct packed *p, size_t len, struct err *err)
{
	assert(len > 0);
	fill(p);
	if (p->block.len == 0)
		return p->failed ? err_set(err, "%s", p->reason.text) : 0;
	if (len > p->block.len)
		len = p->block.len;
	p->block.data += len;
	p->block.len -= len;
	p->given += (int64_t)len;
	return (ssize_t)len;
}

ssize_t
packed_read(struct packed *p, char *buf, size_t len, struct err *err)
{
	const char *from;
	ssize_t n;

	fill(p);
	from = p->block.data;
	n = packed_skip(p, len, err);
	if (n > 0)
		memcpy(buf, from, (size_t)n);
	return n;
}

int64_t
packed_offset(const struct packed *p)
{
	return p->given;
}
