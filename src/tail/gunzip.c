/* SPDX-License-Identifier: MIT */
/*
 * zlib's inflate, from member to member: it reads the headers and proves the
 * trailers itself.
 */
#include "tail/gunzip.h"

#include "base/mem.h"

#include <limits.h>
#include <stdint.h>
#include <zlib.h>

#define WINDOW (15 + 16) /* the largest window; gzip's header and trailer */

enum place {
	BETWEEN, /* members, or before the first */
	WITHIN,  /* one */
	PADDING, /* behind the last one */
};

struct gunzip {
	z_stream z;
	enum place place;
	bool begun; /* a member was seen */
};

struct gunzip *
gunzip_new(void)
{
	struct gunzip *g = mem_new(1, sizeof *g);

	if (inflateInit2(&g->z, WINDOW) != Z_OK)
		mem_check(NULL);
	return g;
}

void
gunzip_free(struct gunzip *g)
{
	if (g == NULL)
		return;
	inflateEnd(&g->z);
	free(g);
}

static uInt
at_most(size_t len)
{
	return len < UINT_MAX ? (uInt)len : UINT_MAX;
}

static void
take(struct text *in, size_t len)
{
	in->data += len;
	in->len -= len;
}

/* Goes on within a member. */
static const char *
inflate_some(
    struct gunzip *g, struct text *in, char *out, size_t room, size_t *got)
{
	uInt had = at_most(in->len), space = at_most(room);
	int status;

	/* zlib 1.2 does not say const where it does not write. */
	g->z.next_in = (Bytef *)(uintptr_t)in->data;
	g->z.avail_in = had;
	g->z.next_out = (Bytef *)out;
	g->z.avail_out = space;
	status = inflate(&g->z, Z_NO_FLUSH);
	take(in, had - g->z.avail_in);
	*got = space - g->z.avail_out;
	switch (status) {
	case Z_STREAM_END:
		inflateReset(&g->z);
		g->place = BETWEEN;
		return NULL;
	case Z_OK:
	case Z_BUF_ERROR: /* it wants input, or room */
		return NULL;
	case Z_MEM_ERROR:
		mem_check(NULL);
		return NULL;
	default:
		return g->z.msg != NULL ? g->z.msg : "not gzip";
	}
}

static const char *
skip_padding(struct text *in)
{
	while (in->len > 0 && in->data[0] == '\0')
		take(in, 1);
	return in->len > 0 ? "other bytes behind the compressed text" : NULL;
}

const char *
gunzip_feed(
    struct gunzip *g, struct text *in, char *out, size_t room, size_t *got)
{
	const char *fault = NULL;

	*got = 0;
	while (fault == NULL && in->len > 0 && *got < room) {
		size_t part = 0;

		if (g->place == BETWEEN)
			g->place =
			    g->begun && in->data[0] == '\0' ? PADDING : WITHIN;
		g->begun = true;
		if (g->place == PADDING) {
			fault = skip_padding(in);
		} else {
			fault =
			    inflate_some(g, in, out + *got, room - *got, &part);
			*got += part;
		}
	}
	return fault;
}

bool
gunzip_may_end(const struct gunzip *g)
{
	return g->begun && g->place != WITHIN;
}
