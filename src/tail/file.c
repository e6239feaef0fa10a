/* SPDX-License-Identifier: MIT */
/*
 * A file is read together with the last bytes that were read before: where
 * they are others, it has been truncated and written anew, whatever its size.
 */
#include "tail/file.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"
#include "tail/archive.h"
#include "tail/links.h"
#include "tail/marks.h"
#include "tail/position.h"
#include "tail/rotated.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_BYTES POSITION_BYTES /* that tell one file from another */
#define COUNT_MAX (1024LL << 20)  /* lines further in are not counted */
#define COUNT_SHARE (4 << 20)     /* counted in one turn */
#define ZEROS_SHARE (1 << 20)     /* zeros looked at in one turn */
#define HOLE 4096       /* so many zeros within a text are none of it */
#define ROOM_LEAST 4096 /* for what comes while it is read */
#define COPY_HEAD 65536 /* compared of a copy, */
#define LINE_TAIL 65536 /* looked through for where a last line starts */
#define COPY_TAIL 4096  /* and of its end */
#define CUT_MIN 4096    /* with less left, it may be another text */
#define SAME_MIN 64     /* with less in common, files may be two */

struct file {
	int fd;                /* -1: parked */
	struct packed *packed; /* NULL: not begun */
	bool is_packed, packed_ended;
	struct position *resumed; /* of a packed file, until it is reached */
	struct str before;        /* what is read on the way there, its end */
	char *path;
	struct blocks *blocks;
	int64_t born_ns;
	int64_t size;            /* when last looked at */
	int64_t seen_size;       /* the same, of the text that is read */
	struct str seen;         /* bytes before that, while none was read */
	struct timespec written; /* when read to its end */
	const char *foreign;     /* what it is, where it is no text */
	int64_t zeros_to; /* zeros from where it is read to there; 0: none */
	bool zeros_more;  /* and perhaps further */
	int64_t count_at, count_end; /* where lines are counted; equal: done */
	int64_t counted;
	size_t head_len;
	char head[HEAD_BYTES];
	struct marks marks;
	struct fingerprint print;
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

/* Why it could not be opened, by errno. */
static enum file_opening
failure(void)
{
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
	if (stat(path, st) != 0) {
		err_set(err, "%m");
		return failure();
	}
	if (!S_ISREG(st->st_mode))
		return refuse(st->st_mode, err);
	if (log_is_own(st->st_dev, st->st_ino)) {
		err_set(err, "logwatch's own log goes there; send it elsewhere "
			     "(--log-file)");
		return FILE_REFUSED;
	}
	*fd = links_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);
	if (*fd < 0)
		return failure();
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

/* What a log is not; NULL: it may be one. */
static const char *
foreign_kind(const char *head, size_t len)
{
	struct text text = { head, len };

	if (len >= 2 && (memcmp(head, "\xff\xfe", 2) == 0 ||
			    memcmp(head, "\xfe\xff", 2) == 0))
		return "it is UTF-16: let its writer write UTF-8";
	if (compression_is(text))
		return "it is compressed: name the file that is written to, "
		       "or exclude it";
	return NULL;
}

/* Where the start was not read by us, it is looked at all the same. */
static void
look_at_start(struct file *f)
{
	char buf[16];

	f->foreign = foreign_kind(buf, read_at(f->fd, buf, sizeof buf, 0));
}

static struct text
read_before(int fd, char *buf, size_t len, int64_t end)
{
	len = min_size(len, end);
	if (read_at(fd, buf, len, end - (int64_t)len) != len)
		len = 0;
	return (struct text){ buf, len };
}

/* The lines before offset are counted before reading goes on. */
static void
count_lines(struct file *f, int64_t offset)
{
	f->count_at = f->counted = 0;
	f->count_end = offset;
	if (offset <= COUNT_MAX)
		return;
	f->count_end = 0;
	log_info("large file, lines are numbered from where reading starts "
		 "path=%s offset=%" PRId64,
	    f->path, offset);
}

/* Starts over at a place; the lines before it are counted where line is 0. */
static void
restart(struct file *f, int64_t offset, int64_t line, bool new_line)
{
	char before[BLOCKS_ANCHOR];
	struct text text = { NULL, 0 };

	if (!new_line)
		text = read_before(f->fd, before, sizeof before, offset);
	blocks_restart(f->blocks, offset, line > 0 ? line : 1, text);
	f->head_len = read_at(f->fd, f->head, min_size(HEAD_BYTES, offset), 0);
	marks_cut(&f->marks, offset);
	f->zeros_to = 0;
	f->count_at = f->count_end = 0;
	if (line == 0)
		count_lines(f, offset);
}

static void
look(struct file *f, struct stat *st)
{
	if (fstat(f->fd, st) == 0)
		f->size = st->st_size;
}

/* Whether what was seen of a file is still there.  Where nothing of it was read
 * yet, that alone shows that it was truncated and has grown since. */
static bool
is_as_seen(const struct file *f)
{
	char buf[BLOCKS_ANCHOR];
	size_t len = f->seen.len;

	return f->size >= f->seen_size &&
	       (len == 0 || (read_at(f->fd, buf, len,
				 f->seen_size - (int64_t)len) == len &&
				memcmp(buf, f->seen.data, len) == 0));
}

/* Zeros show nothing: a writer may have them mapped, and fill them. */
static void
see(struct file *f)
{
	char buf[BLOCKS_ANCHOR];
	struct text text;

	if (f->size <= f->seen_size || f->fd < 0)
		return;
	if (blocks_read_offset(f->blocks) == 0) {
		if (!is_as_seen(f))
			return;
		text = read_before(f->fd, buf, sizeof buf, f->size);
		str_clear(&f->seen);
		if (text.len > 0 && memchr(text.data, '\0', text.len) == NULL)
			str_add_text(&f->seen, text);
	}
	f->seen_size = f->size;
}

static void
see_anew(struct file *f)
{
	f->seen_size = 0;
	str_clear(&f->seen);
	see(f);
}

struct file *
file_new(const struct file_spec *spec, block_fn *emit, void *ctx)
{
	struct file *f = mem_new(1, sizeof *f);
	const struct block_origin origin = {
		.file = spec->id,
		.source = spec->source,
		.path = spec->path,
		.offset = spec->offset,
		.line = spec->line > 0 ? spec->line : 1,
	};
	struct stat st;

	f->fd = spec->fd;
	f->path = mem_text(spec->path);
	f->born_ns = rotated_born_ns(f->fd);
	f->blocks = blocks_new(&origin, spec->max_line, emit, ctx);
	f->is_packed = spec->packed;
	look(f, &st);
	see(f);
	if (spec->offset == 0)
		return f;
	if (spec->packed && spec->position != NULL) {
		f->resumed = position_copy(spec->position);
		f->born_ns = position_born_ns(f->resumed);
	}
	if (spec->packed)
		return f;
	restart(f, spec->offset, spec->line, false);
	look_at_start(f);
	return f;
}

static void
resumed_free(struct file *f)
{
	if (f->resumed != NULL)
		position_free(f->resumed);
	f->resumed = NULL;
	str_free(&f->before);
}

void
file_free(struct file *f)
{
	if (f == NULL)
		return;
	packed_free(f->packed);
	resumed_free(f);
	str_free(&f->seen);
	file_park(f);
	blocks_free(f->blocks);
	marks_free(&f->marks);
	free(f->path);
	free(f);
}

const char *
file_path(const struct file *f)
{
	return f->path;
}

void
file_park(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void
file_unpark(struct file *f, int fd)
{
	assert(f->fd < 0);
	f->fd = fd;
}

int
file_fd(const struct file *f)
{
	return f->fd;
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

/* Whether the first bytes are those that were read, as far as the file goes. */
static bool
head_is(const struct file *f, int fd, size_t len)
{
	char buf[HEAD_BYTES];

	return f->head_len >= len && read_at(fd, buf, len, 0) == len &&
	       memcmp(buf, f->head, len) == 0;
}

/* Whether a file of that size is the first part of what was read in f. */
static bool
is_first_part(const struct file *f, int fd, int64_t size)
{
	if (size < SAME_MIN || !head_is(f, fd, min_size(HEAD_BYTES, size)))
		return false;
	return size <= HEAD_BYTES || marks_find(&f->marks, fd, size) >= 0;
}

/* How many zeros there are at the start. */
static size_t
zeros_count(const char *data, size_t len)
{
	static const char zeros[4096];
	size_t n = 0;

	while (len - n >= sizeof zeros &&
	       memcmp(data + n, zeros, sizeof zeros) == 0)
		n += sizeof zeros;
	while (n < len && data[n] == '\0')
		n++;
	return n;
}

/* How much of data comes before zeros that may be those of a hole: at its end,
 * or many. */
static size_t
before_zeros(const char *data, size_t len)
{
	const char *p = data + zeros_count(data, len);
	const char *end = data + len;

	while ((p = memchr(p, '\0', (size_t)(end - p))) != NULL) {
		size_t n = zeros_count(p, (size_t)(end - p));

		if (n >= HOLE || p + n == end)
			return (size_t)(p - data);
		p += n;
	}
	return len;
}

/* Looks on for the end of zeros, no further than a share.  Returns false where
 * the file ends with them. */
static bool
find_zeros_end(struct file *f, int64_t from)
{
	char buf[HOLE];
	size_t n = read_at(f->fd, buf, sizeof buf, from);
	size_t zeros = zeros_count(buf, n);

	/* A writer that has them mapped fills them from the start. */
	if (zeros < n || n == 0) {
		f->zeros_to = from + (int64_t)zeros;
		return true;
	}
	for (int64_t end = f->zeros_to + ZEROS_SHARE; f->zeros_to < end;) {
		off_t data = lseek(f->fd, f->zeros_to, SEEK_DATA);

		if (data > f->zeros_to)
			f->zeros_to = data;
		n = read_at(f->fd, buf, sizeof buf, f->zeros_to);
		zeros = zeros_count(buf, n);
		f->zeros_to += (int64_t)zeros;
		if (n == 0 || (data < 0 && errno == ENXIO))
			return false;
		if (zeros < n)
			return true;
	}
	f->zeros_more = true;
	return true;
}

/* Zeros at a file's start, and many of them elsewhere, are a hole: they are no
 * text. */
static enum file_reading
pass_zeros(struct file *f)
{
	int64_t from = blocks_read_offset(f->blocks), line, offset;

	f->zeros_more = false;
	if (!find_zeros_end(f, from))
		return FILE_ZEROS;
	if (f->zeros_more)
		return FILE_MORE;
	if (f->zeros_to > from && (from == 0 || f->zeros_to - from >= HOLE)) {
		blocks_end(f->blocks);
		blocks_position(f->blocks, &offset, &line);
		restart(f, f->zeros_to, line, true);
	}
	f->zeros_to = 0;
	return FILE_MORE;
}

static enum file_reading
foreign(const struct file *f, struct err *err)
{
	err_set(err, "%s", f->foreign);
	return FILE_FOREIGN;
}

static enum file_reading
read_some(struct file *f, size_t *got, struct err *err)
{
	struct text anchor = blocks_read_anchor(f->blocks);
	int64_t offset = blocks_read_offset(f->blocks);
	char again[BLOCKS_ANCHOR];
	int64_t unread = f->size > offset ? f->size - offset : 0;
	size_t room, zeros, use;
	char *data =
	    blocks_room_for(f->blocks, (size_t)unread + ROOM_LEAST, &room);
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
	    (anchor.len > 0 && memcmp(again, anchor.data, anchor.len) != 0) ||
	    (offset == 0 && !is_as_seen(f)))
		return FILE_CHANGED;
	*got = (size_t)n - anchor.len;
	if (*got == 0)
		return anchor.len == 0 && f->size < offset ? FILE_CHANGED
		                                           : FILE_END;
	if (offset == 0)
		f->foreign = foreign_kind(data, *got);
	if (f->foreign != NULL)
		return foreign(f, err);
	/* A writer that keeps its offset leaves zeros where it was cut off. */
	zeros = zeros_count(data, *got);
	if (zeros == *got || zeros >= HOLE || (offset == 0 && zeros > 0)) {
		f->zeros_to = offset + (int64_t)zeros;
		return FILE_MORE;
	}
	use = before_zeros(data, *got);
	head_add(f, data, use, offset);
	marks_add(&f->marks, anchor, (struct text){ data, use }, offset);
	blocks_feed(f->blocks, use);
	/* Where there was room left, what comes from now on is an event. */
	at_end = use == *got && *got < room;
	*got = use;
	return at_end ? FILE_END : FILE_MORE;
}

/* Goes by what was read in an earlier life. */
static ssize_t
pass_packed(struct file *f, int64_t at, int64_t left, struct err *err)
{
	size_t room;
	char *data = blocks_room(f->blocks, &room);
	ssize_t n = packed_read(f->packed, data, min_size(room, left), err);
	int64_t offset, line;

	if (n <= 0)
		return n;
	head_add(f, data, (size_t)n, at);
	str_add(&f->before, data, (size_t)n);
	if (f->before.len > BLOCKS_ANCHOR) {
		memmove(f->before.data,
		    f->before.data + f->before.len - BLOCKS_ANCHOR,
		    BLOCKS_ANCHOR);
		f->before.len = BLOCKS_ANCHOR;
	}
	if (n == left) {
		blocks_position(f->blocks, &offset, &line);
		blocks_restart(f->blocks, offset, line, str_text(&f->before));
		resumed_free(f);
	}
	return n;
}

/* Reads on in what a file was compressed from. */
static enum file_reading
read_packed(struct file *f, size_t share, size_t *got, struct err *err)
{
	int64_t skip = blocks_read_offset(f->blocks);
	size_t room;
	ssize_t n;

	if (f->packed_ended)
		return FILE_END;
	if (f->packed == NULL && lseek(f->fd, 0, SEEK_SET) == 0)
		f->packed = packed_open(f->fd, (struct text){ NULL, 0 }, err);
	for (size_t done = 0; done < share; done += (size_t)n) {
		int64_t at = f->packed == NULL ? 0 : packed_offset(f->packed);

		if (f->packed == NULL)
			n = -1;
		else if (at < skip)
			n = pass_packed(f, at, skip - at, err);
		else {
			char *data = blocks_room(f->blocks, &room);

			n = packed_read(f->packed, data, room, err);
			if (n > 0) {
				head_add(f, data, (size_t)n, at);
				blocks_feed(f->blocks, (size_t)n);
				*got += (size_t)n;
				skip = blocks_read_offset(f->blocks);
			}
		}
		if (n <= 0) {
			f->packed_ended = true;
			return n == 0 ? FILE_END : FILE_BROKEN;
		}
	}
	return FILE_MORE;
}

int64_t
file_look(struct file *f)
{
	struct stat st;

	look(f, &st);
	see(f);
	return f->size;
}

bool
file_is_as_read(const struct file *f)
{
	struct text anchor = blocks_read_anchor(f->blocks);
	int64_t offset = blocks_read_offset(f->blocks);
	char buf[BLOCKS_ANCHOR];

	if (offset == 0)
		return is_as_seen(f);
	return read_at(f->fd, buf, anchor.len, offset - (int64_t)anchor.len) ==
	           anchor.len &&
	       memcmp(buf, anchor.data, anchor.len) == 0;
}

enum file_reading
file_read(struct file *f, size_t share, size_t *got, struct err *err)
{
	enum file_reading reading;
	struct stat st = { 0 };
	size_t n;

	assert(f->fd >= 0);
	*got = 0;
	if (f->is_packed)
		return read_packed(f, share, got, err);
	look(f, &st);
	if (f->foreign != NULL)
		look_at_start(f);
	if (f->foreign != NULL)
		return foreign(f, err);
	if (is_counting(f)) {
		count(f);
		return FILE_MORE;
	}
	do {
		n = 0;
		reading =
		    f->zeros_to > 0 ? pass_zeros(f) : read_some(f, &n, err);
		*got += n;
		if (reading != FILE_CHANGED && f->size < f->seen_size)
			see_anew(f);
		else if (reading != FILE_CHANGED)
			see(f);
	} while (reading == FILE_MORE && *got < share && n > 0);
	if (reading == FILE_END)
		f->written = st.st_mtim;
	return reading;
}

/* The start of the last line of which a part is known to be left of what was
 * read; -1: for all that is known, it is another text.  Lines behind it may be
 * left too, or new. */
static int64_t
left_over(const struct file *f)
{
	int64_t end = marks_find(&f->marks, f->fd, f->size);
	char buf[BLOCKS_ANCHOR];
	struct text before;
	const char *newline;

	if (end < CUT_MIN || !head_is(f, f->fd, HEAD_BYTES))
		return -1;
	before = read_before(f->fd, buf, sizeof buf, end);
	newline = memrchr(before.data, '\n', before.len);
	return newline == NULL ? end
	                       : end - (before.data + before.len - newline - 1);
}

/* Where what was told of a file ends in another text. */
static int64_t
find_told(struct file *f, int fd)
{
	struct position p = { .path = NULL };

	file_position(f, POSITION_PLAIN, &p);
	return position_find(fd, &p);
}

static enum file_recovery
recover(struct file *f)
{
	int64_t place = find_told(f, f->fd);
	struct stat st;

	look(f, &st);
	if (place >= 0) {
		restart(f, place, 0, false);
		return FILE_MOVED;
	}
	place = left_over(f);
	if (place >= 0) {
		restart(f, place, 0, true);
		return FILE_CUT;
	}
	restart(f, 0, 1, true);
	look_at_start(f);
	return FILE_ANEW;
}

/* What is remembered of what was seen depends on where reading goes on. */
enum file_recovery
file_recover(struct file *f)
{
	enum file_recovery recovery = recover(f);

	see_anew(f);
	return recovery;
}

bool
file_go_on(struct file *f, struct file *old)
{
	int64_t place = find_told(old, f->fd);

	if (place >= 0)
		restart(f, place, 0, false);
	return place >= 0;
}

void
file_seek(struct file *f, int64_t offset, int64_t line)
{
	restart(f, offset, line, false);
	see_anew(f);
}

/* Whether the first bytes of two files are the same, as far as a look at the
 * head and the end tells. */
static bool
is_same(int a, int b, int64_t size)
{
	static const size_t lens[] = { COPY_HEAD, COPY_TAIL };
	size_t room = min_size(COPY_HEAD, size);
	char *x = mem_new(room, 2), *y = x + room;
	bool same = true;

	for (size_t i = 0; i < 2 && same; i++) {
		size_t len = min_size(lens[i], size);
		int64_t at = i == 0 ? 0 : size - (int64_t)len;

		same = read_at(a, x, len, at) == len &&
		       read_at(b, y, len, at) == len && memcmp(x, y, len) == 0;
	}
	free(x);
	return same;
}

bool
file_is_copy(const struct file *f, const struct file *old, int64_t *size)
{
	struct stat st;

	if (f->fd < 0 || old->fd < 0 || fstat(f->fd, &st) != 0)
		return false;
	*size = st.st_size;
	/* What was read shows it where that is not there any more, and only as
	 * far as it was read. */
	return is_same(f->fd, old->fd, st.st_size) ||
	       (st.st_size <= blocks_read_offset(old->blocks) &&
		   !file_is_as_read(old) &&
		   is_first_part(old, f->fd, st.st_size));
}

bool
file_begins_as(const struct file *f, const struct file *old, int64_t size)
{
	return f->fd >= 0 && old->fd >= 0 && is_same(f->fd, old->fd, size);
}

/* The same for what a file was compressed from. */
static bool
is_same_packed(int fd, int other)
{
	char *x = mem_new(COPY_HEAD, 2), *y = x + COPY_HEAD;
	struct packed *packed = NULL;
	int64_t at = 0;
	ssize_t n = -1;

	if (lseek(fd, 0, SEEK_SET) == 0)
		packed = packed_open(fd, (struct text){ NULL, 0 }, NULL);
	while (packed != NULL && at <= COUNT_MAX &&
	       (n = packed_read(packed, x, COPY_HEAD, NULL)) > 0 &&
	       read_at(other, y, (size_t)n, at) == (size_t)n &&
	       memcmp(x, y, (size_t)n) == 0)
		at += n;
	packed_free(packed);
	free(x);
	return n == 0 && at > 0;
}

bool
file_holds(const struct file *f, int fd, int64_t *size)
{
	char head[COMPRESSION_HEAD];
	struct text text = { head, read_at(fd, head, sizeof head, 0) };
	struct stat st;

	if (f->fd < 0 || f->is_packed || text.len == 0 || fstat(fd, &st) != 0)
		return false;
	*size = st.st_size;
	return compression_is(text) ? is_same_packed(fd, f->fd)
	                            : is_same(fd, f->fd, st.st_size);
}

/* Where the last line begins that is not whole in a file's first bytes. */
static int64_t
find_last_line(int fd, int64_t size)
{
	size_t len = min_size(LINE_TAIL, size);
	char *data = mem_new(len, 1), *newline;
	int64_t at = size - (int64_t)len;

	len = read_at(fd, data, len, at);
	newline = memrchr(data, '\n', len);
	if (newline != NULL)
		at += newline + 1 - data;
	else if (at > 0)
		at = size;
	free(data);
	return at;
}

void
file_skip(struct file *f, int64_t size)
{
	restart(f, find_last_line(f->fd, size), 0, false);
	f->count_end = 0; /* nobody asks for numbers of lines left out */
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

int64_t
file_unread(const struct file *f)
{
	int64_t unread = f->seen_size - blocks_read_offset(f->blocks);

	return unread > 0 ? unread : 0;
}

bool
file_is_still(const struct file *f, const struct stat *st)
{
	return st->st_size == blocks_read_offset(f->blocks) &&
	       st->st_mtim.tv_sec == f->written.tv_sec &&
	       st->st_mtim.tv_nsec == f->written.tv_nsec;
}

uint64_t
file_long_lines(const struct file *f)
{
	return blocks_truncated(f->blocks);
}

bool
file_is_packed(const struct file *f)
{
	return f->is_packed;
}

int64_t
file_born_ns(const struct file *f)
{
	return f->born_ns;
}

int64_t
file_written_ns(const struct file *f)
{
	struct stat st;

	return f->fd >= 0 && fstat(f->fd, &st) == 0
	           ? (int64_t)st.st_mtim.tv_sec * 1000000000 +
	                 st.st_mtim.tv_nsec
	           : 0;
}

void
file_position(struct file *f, enum position_kind kind, struct position *p)
{
	blocks_position(f->blocks, &p->offset, &p->line);
	if (is_counting(f))
		p->line = 0;
	p->path = f->path;
	if (f->resumed != NULL) {
		position_reprint(p, &f->print, f->resumed, kind);
		return;
	}
	/* No more of the head than was emitted: the rest may not be on the
	 * disk yet when the machine stops. */
	position_print(p, &f->print,
	    (struct text){ f->head, min_size(f->head_len, p->offset) },
	    blocks_anchor(f->blocks), f->born_ns, kind);
}

void
file_read_position(
    const struct file *f, struct fingerprint *print, struct position *p)
{
	int64_t offset, line;

	blocks_position(f->blocks, &offset, &line);
	p->path = f->path;
	p->offset = blocks_read_offset(f->blocks);
	position_print(p, print,
	    (struct text){ f->head, min_size(f->head_len, p->offset) },
	    blocks_read_anchor(f->blocks), f->born_ns, POSITION_PLAIN);
	p->offset = offset;
	p->line = is_counting(f) ? 0 : line;
}
