/* SPDX-License-Identifier: MIT */
/*
 * A file is read together with the last bytes that were read before: where
 * they are others, it has been truncated and written anew, whatever its size.
 */
#include "tail/file.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_BYTES BLOCKS_ANCHOR /* that tell one file from another */
#define COUNT_MAX (1024LL << 20) /* lines further in are not counted */
#define COUNT_SHARE (4 << 20)    /* counted in one turn */
#define ZEROS_MAX (64 * 1024)    /* looked at behind a hole */
#define HEAD_PRINT (2 + 8)       /* bytes: length, hash */
#define ANCHOR_PRINT (8 + 2 + 8) /* bytes: its end's offset, length, hash */

struct file {
	int fd;
	char *path;
	struct blocks *blocks;
	int64_t count_at, count_end; /* where lines are counted; equal: done */
	int64_t counted;
	size_t head_len;
	char head[HEAD_BYTES];
	char head_print[HEAD_PRINT];
	char anchor_print[ANCHOR_PRINT];
};

static const char *
mode_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

static enum file_opening
refuse(mode_t mode, struct err *err)
{
	err_set(err, "it is %s, no regular file", mode_name(mode));
	return S_ISDIR(mode) ? FILE_DIR : FILE_REFUSED;
}

static enum file_opening
failure(struct err *err)
{
	err_set(err, "%m");
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return FILE_MISSING;
	case EACCES:
	case EPERM:
		return FILE_DENIED;
	case ELOOP:
	case ENAMETOOLONG:
	case ENXIO:
	case ENODEV:
		return FILE_REFUSED;
	default:
		return FILE_FAILED;
	}
}

enum file_opening
file_open(const char *path, int *fd, struct stat *st, struct err *err)
{
	/* Before open(2), which can have effects on a device. */
	if (stat(path, st) != 0)
		return failure(err);
	if (!S_ISREG(st->st_mode))
		return refuse(st->st_mode, err);
	if (log_is_own(st->st_dev, st->st_ino)) {
		err_set(err, "logwatch's own log goes there; send it elsewhere "
			     "(--log-file)");
		return FILE_REFUSED;
	}
	*fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0)
		return failure(err);
	if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
		return FILE_OPENED;
	close(*fd);
	return refuse(st->st_mode, err);
}

/* Reads len bytes at offset.  Returns how many there are. */
static size_t
read_at(int fd, char *buf, size_t len, int64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n =
		    pread(fd, buf + done, len - done, offset + (int64_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static size_t
min_size(size_t a, int64_t b)
{
	return b < (int64_t)a ? (size_t)b : a;
}

struct file *
file_new(const struct file_spec *spec, block_fn *emit, void *ctx)
{
	struct file *f = mem_new(1, sizeof *f);
	char before[BLOCKS_ANCHOR];
	size_t len = min_size(sizeof before, spec->offset);
	struct block_origin origin = {
		.file = spec->id,
		.source = spec->source,
		.path = spec->path,
		.offset = spec->offset,
		.line = spec->line > 0 ? spec->line : 1,
	};

	f->fd = spec->fd;
	f->path = mem_text(spec->path);
	if (read_at(f->fd, before, len, spec->offset - (int64_t)len) == len)
		origin.before = (struct text){ before, len };
	f->blocks = blocks_new(&origin, spec->max_line, emit, ctx);
	f->head_len =
	    read_at(f->fd, f->head, min_size(HEAD_BYTES, spec->offset), 0);
	if (spec->line > 0)
		return f;
	if (spec->offset <= COUNT_MAX)
		f->count_end = spec->offset;
	else
		log_info("large file, lines are numbered from where reading "
			 "starts path=%s offset=%" PRId64,
		    f->path, spec->offset);
	return f;
}

void
file_free(struct file *f)
{
	if (f == NULL)
		return;
	close(f->fd);
	blocks_free(f->blocks);
	free(f->path);
	free(f);
}

int
file_fd(const struct file *f)
{
	return f->fd;
}

const char *
file_path(const struct file *f)
{
	return f->path;
}

static bool
is_counting(const struct file *f)
{
	return f->count_at < f->count_end;
}

/* Counts on at the lines before the place where reading starts. */
static void
count(struct file *f)
{
	size_t room, done = 0;
	char *buf = blocks_room(f->blocks, &room);

	while (done < COUNT_SHARE && is_counting(f)) {
		size_t want = min_size(room, f->count_end - f->count_at);
		size_t n = read_at(f->fd, buf, want, f->count_at);

		f->counted += newlines_count(buf, n);
		f->count_at += (int64_t)n;
		done += n;
		if (n < want) /* shorter now: reading will see that too */
			f->count_at = f->count_end;
	}
	if (!is_counting(f))
		blocks_number(f->blocks, f->counted + 1);
}

static void
head_add(struct file *f, const char *data, size_t len, int64_t offset)
{
	if (offset != (int64_t)f->head_len || f->head_len == HEAD_BYTES)
		return;
	if (len > HEAD_BYTES - f->head_len)
		len = HEAD_BYTES - f->head_len;
	memcpy(f->head + f->head_len, data, len);
	f->head_len += len;
}

static bool
is_shorter(const struct file *f, int64_t offset)
{
	struct stat st;

	return fstat(f->fd, &st) == 0 && st.st_size < offset;
}

static enum file_reading
read_some(struct file *f, size_t *got, struct err *err)
{
	struct text anchor = blocks_read_anchor(f->blocks);
	int64_t offset = blocks_read_offset(f->blocks);
	char again[BLOCKS_ANCHOR];
	size_t room;
	char *data = blocks_room(f->blocks, &room);
	bool at_end;
	struct iovec parts[] = { { again, anchor.len }, { data, room } };
	ssize_t n;

	*got = 0;
	do
		n = preadv(f->fd, parts, 2, offset - (int64_t)anchor.len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return FILE_END;
	if (n < 0) {
		err_set(err, "read: %m");
		return FILE_BROKEN;
	}
	if ((size_t)n < anchor.len ||
	    (anchor.len > 0 && memcmp(again, anchor.data, anchor.len) != 0))
		return FILE_TRUNCATED;
	*got = (size_t)n - anchor.len;
	if (*got == 0)
		return anchor.len == 0 && is_shorter(f, offset) ? FILE_TRUNCATED
		                                                : FILE_END;
	/* A writer that keeps its offset leaves zeros where it was cut off. */
	if (offset == 0 && data[0] == '\0') {
		file_restart(f);
		if (blocks_read_offset(f->blocks) > 0)
			return FILE_MORE;
	}
	at_end = *got < room; /* what comes from now on is an event */
	head_add(f, data, *got, offset);
	blocks_feed(f->blocks, *got);
	return at_end ? FILE_END : FILE_MORE;
}

enum file_reading
file_read(struct file *f, size_t share, size_t *got, struct err *err)
{
	enum file_reading reading;
	size_t n;

	*got = 0;
	if (is_counting(f)) {
		count(f);
		return FILE_MORE;
	}
	do {
		reading = read_some(f, &n, err);
		*got += n;
	} while (reading == FILE_MORE && *got < share);
	return reading;
}

/* Where the first byte stands that is no zero, as far as a glance tells. */
static int64_t
first_data(int fd)
{
	off_t at = lseek(fd, 0, SEEK_DATA);
	char buf[4096];

	if (at < 0)
		at = errno == ENXIO ? lseek(fd, 0, SEEK_END) : 0;
	for (int64_t end = at + ZEROS_MAX; at >= 0 && at < end;) {
		size_t n = read_at(fd, buf, sizeof buf, at), zeros = 0;

		while (zeros < n && buf[zeros] == '\0')
			zeros++;
		at += (int64_t)zeros;
		if (zeros < sizeof buf)
			break;
	}
	return at < 0 ? 0 : at;
}

void
file_restart(struct file *f)
{
	int64_t at = first_data(f->fd);

	blocks_restart(f->blocks, at, 1);
	f->head_len =
	    at == 0 ? 0 : read_at(f->fd, f->head, min_size(HEAD_BYTES, at), 0);
	f->count_at = f->count_end = 0;
}

void
file_end(struct file *f)
{
	blocks_end(f->blocks);
}

void
file_rest(struct file *f)
{
	blocks_rest(f->blocks);
}

int64_t
file_offset(const struct file *f)
{
	int64_t offset, line;

	blocks_position(f->blocks, &offset, &line);
	return offset;
}

int64_t
file_read_offset(const struct file *f)
{
	return blocks_read_offset(f->blocks);
}

uint64_t
file_long_lines(const struct file *f)
{
	return blocks_truncated(f->blocks);
}

/* FNV-1a (Fowler, Noll, Vo): against mistakes, not against forgers. */
static uint64_t
hash(const char *data, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)data[i]) * 0x100000001b3;
	return h;
}

static void
number_put(char *out, size_t bytes, uint64_t value)
{
	for (size_t i = bytes; i-- > 0; value >>= 8)
		out[i] = (char)(value & 0xff);
}

static uint64_t
number_get(const char *in, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)in[i];
	return value;
}

static void
print_write(char *out, const char *data, size_t len)
{
	number_put(out, 2, len);
	number_put(out + 2, 8, hash(data, len));
}

/* Whether the bytes that a print was made of are in the file before end, or
 * from its start on where end is -1. */
static bool
print_is(const char *print, int fd, int64_t end)
{
	size_t len = number_get(print, 2);
	char buf[BLOCKS_ANCHOR];

	if (len > sizeof buf || (end >= 0 && (int64_t)len > end))
		return false;
	return read_at(fd, buf, len, end < 0 ? 0 : end - (int64_t)len) == len &&
	       hash(buf, len) == number_get(print + 2, 8);
}

void
file_position(struct file *f, struct position *p)
{
	struct text anchor = blocks_anchor(f->blocks);

	blocks_position(f->blocks, &p->offset, &p->line);
	if (is_counting(f))
		p->line = 0;
	p->path = f->path;
	/* No more of the head than was emitted: the rest may not be on the
	 * disk yet when the machine stops. */
	print_write(f->head_print, f->head, min_size(f->head_len, p->offset));
	p->head = (struct text){ f->head_print, HEAD_PRINT };
	number_put(f->anchor_print, 8, (uint64_t)p->offset);
	print_write(f->anchor_print + 8, anchor.data, anchor.len);
	p->anchor = (struct text){ f->anchor_print, ANCHOR_PRINT };
}

/* The anchor says itself where it ends: who keeps a position may move it back
 * to the start of an event that waits. */
static bool
anchor_is(int fd, struct text anchor)
{
	uint64_t end = anchor.len == ANCHOR_PRINT ? number_get(anchor.data, 8)
	                                          : UINT64_MAX;

	return end <= INT64_MAX && print_is(anchor.data + 8, fd, (int64_t)end);
}

bool
file_is(int fd, const struct position *p)
{
	struct stat st;

	return p->offset >= 0 && fstat(fd, &st) == 0 &&
	       p->offset <= st.st_size && p->head.len == HEAD_PRINT &&
	       print_is(p->head.data, fd, -1) && anchor_is(fd, p->anchor);
}

struct position *
position_copy(const struct position *p)
{
	struct position *copy = mem_new(1, sizeof *copy);

	*copy = *p;
	copy->source = mem_text(p->source);
	copy->path = mem_text(p->path);
	copy->head.data = mem_copy(p->head.data, p->head.len);
	copy->anchor.data = mem_copy(p->anchor.data, p->anchor.len);
	return copy;
}

void
position_free(void *position)
{
	struct position *p = position;

	free((char *)p->source);
	free((char *)p->path);
	free((char *)p->head.data);
	free((char *)p->anchor.data);
	free(p);
}
