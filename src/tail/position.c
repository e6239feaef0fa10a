/* SPDX-License-Identifier: MIT */
/*
 * A hash of the first bytes tells one log from another, one of the bytes before
 * the position tells whether they are still those that were read.
 */
#include "tail/position.h"

#include "base/mem.h"
#include "store/store.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH 2 /* bytes of each number in a print */
#define HASH 8
#define OFFSET 8
#define BORN 8

uint64_t
position_hash(struct text text)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.data[i]) * 0x100000001b3;
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
    struct text anchor, int64_t born_ns)
{
	print_write(out->head, head);
	number_put(out->head + LENGTH + HASH, BORN, (uint64_t)born_ns);
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

/* The anchor says itself where it ends: who keeps a position may move it back
 * to the start of an event that waits. */
int64_t
position_anchor_end(const struct position *p)
{
	uint64_t end;

	if (!has_prints(p))
		return -1;
	end = number_get(p->anchor.data, OFFSET);
	return end <= INT64_MAX ? (int64_t)end : -1;
}

bool
position_anchor_is(const struct position *p, struct text before)
{
	const char *print = p->anchor.data + OFFSET;
	size_t len;

	if (!has_prints(p))
		return false;
	len = number_get(print, LENGTH);
	if (len > before.len)
		return false;
	return print_is(
	    print, (struct text){ before.data + before.len - len, len });
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

bool
position_is(int fd, const struct position *p)
{
	int64_t end = position_anchor_end(p);
	char buf[POSITION_BYTES];
	struct stat st;

	if (end < 0 || fstat(fd, &st) != 0 || p->offset > st.st_size ||
	    end > st.st_size)
		return false;
	return position_anchor_is(p, read_before(fd, buf, sizeof buf, end)) &&
	       position_head_is(p,
		   read_before(fd, buf, sizeof buf,
		       st.st_size < (int64_t)sizeof buf ? st.st_size
							: (int64_t)sizeof buf));
}

int64_t
position_born_ns(const struct position *p)
{
	return has_prints(p)
	           ? (int64_t)number_get(p->head.data + LENGTH + HASH, BORN)
	           : 0;
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
