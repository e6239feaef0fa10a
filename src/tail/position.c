/* SPDX-License-Identifier: MIT */
/*
 * A hash of the first bytes tells one log from another, one of the bytes before
 * the position tells whether they are still those that were read.
 */
#include "tail/position.h"

#include "base/mem.h"
#include "store/store.h"
#include "tail/archive.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH 2 /* bytes of each number in a print */
#define HASH 8
#define OFFSET 8
#define BORN 8
#define IS_TEXT 4 /* in the last byte of a head's print, beside its kind */

#define BASE UINT64_C(0x9e3779b97f4a7c15) /* odd, and large */
#define DOWN_MAX (16LL << 20) /* as far text is looked for that moved */
#define UP_MAX (1LL << 20)
#define PACKED_MAX (1LL << 30)
#define SAME_MIN 64 /* bytes; with less in common, files may be two */

uint64_t
position_hash(struct text text)
{
	uint64_t h = 0;

	for (size_t i = 0; i < text.len; i++)
		h = h * BASE + (unsigned char)text.data[i] + 1;
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
print_write(char *out, struct text text)
{
	number_put(out, LENGTH, text.len);
	number_put(out + LENGTH, HASH, position_hash(text));
}

static bool
print_is(const char *print, struct text text)
{
	return text.len == number_get(print, LENGTH) &&
	       position_hash(text) == number_get(print + LENGTH, HASH);
}

void
position_print(struct position *p, struct fingerprint *out, struct text head,
    struct text anchor, int64_t born_ns, enum position_kind kind)
{
	print_write(out->head, head);
	number_put(out->head + LENGTH + HASH, BORN, (uint64_t)born_ns);
	out->head[LENGTH + HASH + BORN] = (char)kind;
	number_put(out->anchor, OFFSET, (uint64_t)p->offset);
	print_write(out->anchor + OFFSET, anchor);
	p->head = (struct text){ out->head, sizeof out->head };
	p->anchor = (struct text){ out->anchor, sizeof out->anchor };
}

static bool
has_prints(const struct position *p)
{
	return p->offset >= 0 &&
	       p->head.len == sizeof((struct fingerprint *)NULL)->head &&
	       p->anchor.len == sizeof((struct fingerprint *)NULL)->anchor;
}

void
position_reprint(struct position *p, struct fingerprint *out,
    const struct position *told, enum position_kind kind)
{
	assert(has_prints(told));
	memcpy(out->head, told->head.data, sizeof out->head);
	memcpy(out->anchor, told->anchor.data, sizeof out->anchor);
	out->head[LENGTH + HASH + BORN] = (char)kind;
	p->head = (struct text){ out->head, sizeof out->head };
	p->anchor = (struct text){ out->anchor, sizeof out->anchor };
}

bool
position_head_is(const struct position *p, struct text head)
{
	size_t len;

	if (!has_prints(p))
		return false;
	len = number_get(p->head.data, LENGTH);
	if (len > head.len)
		return false;
	return print_is(p->head.data, (struct text){ head.data, len });
}

void
position_guess(struct position *p, struct fingerprint *out,
    const struct position *text, int64_t born_ns)
{
	const struct text none = { "", 0 };

	p->offset = 0;
	p->line = 1;
	if (text != NULL && has_prints(text)) {
		p->offset = text->offset;
		p->line = text->line;
		position_reprint(p, out, text, POSITION_GUESS);
	} else {
		position_print(p, out, none, none, born_ns, POSITION_GUESS);
	}
	number_put(out->head + LENGTH + HASH, BORN, (uint64_t)born_ns);
}

static bool
is_kind(const struct position *p, enum position_kind kind)
{
	return has_prints(p) &&
	       (p->head.data[LENGTH + HASH + BORN] & ~IS_TEXT) == (int)kind;
}

bool
position_is_guess(const struct position *p)
{
	return is_kind(p, POSITION_GUESS);
}

bool
position_as_text(
    struct position *p, struct fingerprint *out, const struct position *told)
{
	if (!has_prints(told) || told->offset == 0)
		return false;
	*p = *told;
	position_reprint(p, out, told,
	    position_is_done(told) ? POSITION_DONE : POSITION_PLAIN);
	out->head[LENGTH + HASH + BORN] |= IS_TEXT;
	p->device = position_hash(text_of(told->path)) & INT64_MAX;
	p->inode =
	    (position_hash(p->head) ^ position_hash(p->anchor)) & INT64_MAX;
	p->inode |= 1; /* 0 is the mark of a path */
	return true;
}

bool
position_is_text(const struct position *p)
{
	return has_prints(p) &&
	       (p->head.data[LENGTH + HASH + BORN] & IS_TEXT) != 0;
}

/* The anchor says itself where it ends: who keeps a position may move it back
 * to the start of an event that waits. */
static int64_t
anchor_end(const struct position *p)
{
	uint64_t end;

	if (!has_prints(p))
		return -1;
	end = number_get(p->anchor.data, OFFSET);
	return end <= INT64_MAX ? (int64_t)end : -1;
}

static size_t
anchor_len(const struct position *p)
{
	return number_get(p->anchor.data + OFFSET, LENGTH);
}

static bool
anchor_is(const struct position *p, struct text before)
{
	size_t len = anchor_len(p);

	return len <= before.len &&
	       print_is(p->anchor.data + OFFSET,
		   (struct text){ before.data + before.len - len, len });
}

bool
text_is_periodic(struct text text)
{
	for (size_t period = 1; period <= text.len / 2; period++)
		if (memcmp(text.data, text.data + period, text.len - period) ==
		    0)
			return true;
	return false;
}

/* Whether bytes before a position tell by themselves that it is that. */
static bool
is_enough(struct text before)
{
	return before.len == POSITION_BYTES && !text_is_periodic(before);
}

/* At most len bytes before end. */
static struct text
read_before(int fd, char *buf, size_t len, int64_t end)
{
	size_t done = 0;

	if (end < (int64_t)len)
		len = (size_t)end;
	while (done < len) {
		ssize_t n = pread(fd, buf + done, len - done,
		    end - (int64_t)len + (int64_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (struct text){ buf, done };
}

static int64_t
min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

bool
position_is(int fd, const struct position *p)
{
	int64_t end = anchor_end(p);
	char bytes[POSITION_BYTES], head[POSITION_BYTES];
	struct text before;
	struct stat st;

	if (end < 0 || fstat(fd, &st) != 0 || p->offset > st.st_size ||
	    end > st.st_size)
		return false;
	before = read_before(fd, bytes, sizeof bytes, end);
	return anchor_is(p, before) &&
	       (is_enough(before) ||
		   position_head_is(p, read_before(fd, head, sizeof head,
					   min(st.st_size, sizeof head))));
}

struct search {
	struct text window; /* of the file, from `at` on */
	int64_t at;
	uint64_t hash, wanted, power; /* power: BASE to the anchor's length */
	int64_t found;
	bool ambiguous;
};

/* Slides the anchor's length over a window.  Its last bytes are gone through
 * again at the start of the next. */
static void
slide(struct search *s)
{
	const unsigned char *data = (const unsigned char *)s->window.data;
	uint64_t h =
	    position_hash((struct text){ s->window.data, POSITION_BYTES });

	for (size_t end = POSITION_BYTES;; end++) {
		if (h == s->wanted) {
			s->ambiguous |= s->found >= 0;
			s->found = s->at + (int64_t)end;
		}
		if (end == s->window.len)
			return;
		h = h * BASE + data[end] + 1 -
		    s->power * (data[end - POSITION_BYTES] + UINT64_C(1));
	}
}

int64_t
position_find(int fd, const struct position *p)
{
	int64_t was = anchor_end(p), from, to, place = -1;
	struct search s = { .power = 1, .found = -1 };
	char bytes[POSITION_BYTES], *buf;
	struct stat st;

	if (was < SAME_MIN || was < p->offset ||
	    anchor_len(p) > POSITION_BYTES || fstat(fd, &st) != 0)
		return -1;
	/* All that was read: the file must start with it. */
	if (anchor_len(p) < POSITION_BYTES)
		return position_is(fd, p) ? p->offset : -1;
	from = was > DOWN_MAX ? was - DOWN_MAX : 0;
	to = min(st.st_size, was + UP_MAX);
	s.wanted = number_get(p->anchor.data + OFFSET + LENGTH, HASH);
	for (size_t i = 0; i < POSITION_BYTES; i++)
		s.power *= BASE;
	buf = mem_new(UP_MAX, 1);
	for (s.at = from; s.at + POSITION_BYTES <= to && !s.ambiguous;
	     s.at += (int64_t)s.window.len - POSITION_BYTES + 1) {
		int64_t end = min(to, s.at + UP_MAX);

		s.window = read_before(fd, buf, (size_t)(end - s.at), end);
		if (s.window.len < POSITION_BYTES)
			break;
		slide(&s);
	}
	free(buf);
	if (s.found >= 0 && !s.ambiguous &&
	    is_enough(read_before(fd, bytes, sizeof bytes, s.found)))
		place = s.found - (was - p->offset);
	return place >= 0 ? place : -1;
}

/* The last bytes of what goes by, and the first. */
struct passing {
	struct str last;
	char head[POSITION_BYTES];
	size_t head_len;
};

static void
pass(struct passing *p, const char *data, size_t len)
{
	size_t room = sizeof p->head - p->head_len;

	if (room > len)
		room = len;
	memcpy(p->head + p->head_len, data, room);
	p->head_len += room;
	str_add(&p->last, data, len);
	if (p->last.len > POSITION_BYTES) {
		memmove(p->last.data,
		    p->last.data + p->last.len - POSITION_BYTES,
		    POSITION_BYTES);
		p->last.len = POSITION_BYTES;
	}
}

bool
position_is_packed(int fd, const struct position *p)
{
	int64_t left = anchor_end(p);
	struct passing passing = { .head_len = 0 };
	char buf[65536];
	struct packed *packed;
	bool is = false;

	if (left <= 0 || left > PACKED_MAX || lseek(fd, 0, SEEK_SET) != 0)
		return false;
	packed = packed_open(fd, (struct text){ NULL, 0 }, NULL);
	while (packed != NULL && left > 0) {
		ssize_t n = packed_read(
		    packed, buf, (size_t)min(left, sizeof buf), NULL);

		if (n <= 0)
			break;
		pass(&passing, buf, (size_t)n);
		left -= n;
	}
	is = left == 0 && anchor_is(p, str_text(&passing.last)) &&
	     position_head_is(
		 p, (struct text){ passing.head, passing.head_len });
	str_free(&passing.last);
	packed_free(packed);
	return is;
}

bool
position_born_else(int64_t a_ns, int64_t b_ns)
{
	return a_ns != 0 && b_ns != 0 && a_ns != b_ns;
}

int64_t
position_born_ns(const struct position *p)
{
	return has_prints(p)
	           ? (int64_t)number_get(p->head.data + LENGTH + HASH, BORN)
	           : 0;
}

bool
position_is_done(const struct position *p)
{
	return is_kind(p, POSITION_DONE);
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

	if (p == NULL)
		return;
	free((char *)p->source);
	free((char *)p->path);
	free((char *)p->head.data);
	free((char *)p->anchor.data);
	free(p);
}
