/* SPDX-License-Identifier: MIT */
/*
 * "The .xz File Format" 1.1.0 for streams, blocks and the index; the frames
 * of LZMA2 are liblzma's lzma2_decoder.c, for that document leaves them out.
 */
#include "tail/xz.h"

#include "base/mem.h"

#define HEAD 1024           /* the longest header, that of a block */
#define LZMA2 0x21          /* the filter's number */
#define PAST_ALL UINT64_MAX /* to skip: the rest is nobody's */

enum part {
	PART_STREAM, /* its header, or padding before it */
	PART_BLOCK,  /* its header, or the start of the index */
	PART_CHUNK,  /* of LZMA2: its header, or the end of the block */
	PART_COUNT,  /* of the index: how many records */
	PART_RECORD, /* of the index: a byte of a number */
};

struct xz {
	enum part part; /* what begins after the skipped bytes */
	uint64_t skip;
	unsigned char head[HEAD]; /* what is there of the part's start */
	size_t have;
	uint64_t at;     /* in the file: padding goes up to a multiple of 4 */
	size_t check;    /* bytes behind each block */
	uint64_t number; /* of PART_COUNT, then how many numbers are left */
	unsigned shift;  /* of PART_COUNT's next byte */
	uint64_t refused;
};

struct xz *
xz_new(void)
{
	return mem_new(1, sizeof(struct xz));
}

void
xz_free(struct xz *x)
{
	free(x);
}

/* A number of the format; past the end zeros follow. */
static uint64_t
take_number(struct text *in)
{
	uint64_t number = 0;

	for (unsigned shift = 0; in->len > 0 && shift < 63; shift += 7) {
		unsigned char byte = (unsigned char)*in->data;

		in->data++;
		in->len--;
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			break;
	}
	return number;
}

static uint64_t
dictionary_size(unsigned char bits)
{
	if (bits >= 40)
		return bits == 40 ? UINT32_MAX : 0; /* more is damage */
	return (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
}

/* What a block's header says; 0 where it says none. */
static uint64_t
block_dictionary(const unsigned char *head, size_t len)
{
	struct text in = { (const char *)head + 2, len - 4 - 2 };

	if (head[1] & 0x40) /* its compressed size */
		take_number(&in);
	if (head[1] & 0x80) /* its size unpacked */
		take_number(&in);
	for (int filters = (head[1] & 3) + 1; filters > 0; filters--) {
		uint64_t id = take_number(&in), size = take_number(&in);

		if (size > in.len)
			break;
		if (id == LZMA2 && size > 0)
			return dictionary_size((unsigned char)*in.data);
		in.data += size;
		in.len -= size;
	}
	return 0;
}

/* How long the head of the part is that starts with this byte. */
static size_t
head_len(enum part part, unsigned char first)
{
	switch (part) {
	case PART_STREAM:
		return first == 0 ? 1 : 12;
	case PART_BLOCK:
		return first == 0 ? 1 : ((size_t)first + 1) * 4;
	case PART_CHUNK:
		return first == 0 ? 1 : first < 0x80 ? 3 : first < 0xc0 ? 5 : 6;
	case PART_COUNT:
	case PART_RECORD:
		break;
	}
	return 1;
}

static void
take_stream(struct xz *x)
{
	static const char magic[] = { '\xfd', '7', 'z', 'X', 'Z', '\0' };
	static const size_t checks[] = { 0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32,
		32, 32, 64, 64, 64 };

	if (x->head[0] == 0) /* padding */
		return;
	if (memcmp(x->head, magic, sizeof magic) != 0)
		x->skip = PAST_ALL;
	x->check = checks[x->head[7] & 15];
	x->part = PART_BLOCK;
}

static void
take_block(struct xz *x)
{
	uint64_t size;

	x->number = x->shift = 0;
	x->part = PART_COUNT;
	if (x->head[0] == 0)
		return;
	x->part = PART_CHUNK;
	size = block_dictionary(x->head, x->have);
	if (size > XZ_DICTIONARY)
		x->refused = size;
}

static uint64_t
padding(const struct xz *x)
{
	return -x->at & 3;
}

static void
end_block(struct xz *x)
{
	x->skip = padding(x) + x->check;
	x->part = PART_BLOCK;
}

static void
take_chunk(struct xz *x)
{
	const unsigned char *head = x->head;

	if (head[0] >= 0x80)
		x->skip = (uint64_t)(head[3] << 8 | head[4]) + 1;
	else if (head[0] > 2)
		x->skip = PAST_ALL;
	else if (head[0] > 0) /* stored as it is */
		x->skip = (uint64_t)(head[1] << 8 | head[2]) + 1;
	else
		end_block(x);
}

/* Its checksum and the stream's footer follow. */
static void
end_index(struct xz *x)
{
	x->skip = padding(x) + 4 + 12;
	x->part = PART_STREAM;
}

static void
take_count(struct xz *x)
{
	x->number |= (uint64_t)(x->head[0] & 0x7f) << x->shift;
	x->shift += 7;
	if (x->head[0] >= 0x80) {
		if (x->shift == 63)
			x->skip = PAST_ALL;
		return;
	}
	x->number *= 2; /* a record is two sizes */
	x->part = PART_RECORD;
	if (x->number == 0)
		end_index(x);
}

static void
take_record(struct xz *x)
{
	if (x->head[0] < 0x80 && --x->number == 0)
		end_index(x);
}

static void
take_head(struct xz *x)
{
	switch (x->part) {
	case PART_STREAM:
		take_stream(x);
		break;
	case PART_BLOCK:
		take_block(x);
		break;
	case PART_CHUNK:
		take_chunk(x);
		break;
	case PART_COUNT:
		take_count(x);
		break;
	case PART_RECORD:
		take_record(x);
		break;
	}
}

static size_t
skip(struct xz *x, size_t len)
{
	if (x->skip == PAST_ALL)
		return len;
	if (len > x->skip)
		len = (size_t)x->skip;
	x->skip -= len;
	x->at += len;
	return len;
}

size_t
xz_feed(struct xz *x, struct text in)
{
	size_t begin = 0; /* of the head, as far as it is in here */

	for (size_t i = 0; x->refused == 0;) {
		i += skip(x, in.len - i);
		if (i == in.len)
			return in.len;
		if (x->have == 0)
			begin = i;
		x->head[x->have++] = (unsigned char)in.data[i++];
		x->at++;
		if (x->have < head_len(x->part, x->head[0]))
			continue;
		take_head(x);
		x->have = 0;
	}
	return begin;
}

uint64_t
xz_refused(const struct xz *x)
{
	return x->refused;
}
