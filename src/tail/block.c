/* SPDX-License-Identifier: MIT */
/*
 * Blocks are cut where they were read: nothing is copied but the unfinished
 * line at the end, which moves to the front.
 */
#include "tail/block.h"

#include "base/mem.h"

#include <assert.h>

#define CHUNK (256 * 1024) /* room for one read at least */
#define ROOM_MAX (1 << 20) /* and at most, so that a turn stays short */
#define WIDE_LEAST 1024    /* bytes for which more lanes are worth it */

/* The last bytes before a place. */
struct anchor {
	size_t len;
	char bytes[BLOCKS_ANCHOR];
};

struct blocks {
	struct block block; /* its fields that do not change */
	char *path;
	size_t max_line;
	block_fn *emit;
	void *ctx;

	char *buf;
	size_t capacity;
	size_t len;    /* of the unfinished line, at the start of buf */
	bool skipping; /* within a line that is not wanted; len is 0 */
	bool taken;    /* who was told took the memory that was fed */

	int64_t offset, line; /* the first byte not emitted */
	int64_t read_offset;  /* offset + len, further on while skipping */
	struct anchor told;   /* before offset */
	struct anchor read;   /* before read_offset */
	uint64_t truncated;
};

static void
anchor_add(struct anchor *a, const char *data, size_t len)
{
	size_t keep;

	if (len > BLOCKS_ANCHOR) {
		data += len - BLOCKS_ANCHOR;
		len = BLOCKS_ANCHOR;
	}
	keep = a->len + len > BLOCKS_ANCHOR ? BLOCKS_ANCHOR - len : a->len;
	memmove(a->bytes, a->bytes + a->len - keep, keep);
	if (len > 0)
		memcpy(a->bytes + keep, data, len);
	a->len = keep + len;
}

/* Counts in lanes of a byte, which the compiler turns into one instruction for
 * sixteen of them. */
static size_t
count_lanes(const char *data, size_t rounds)
{
	typedef unsigned char lanes __attribute__((vector_size(16)));
	lanes sums = { 0 }, bytes;
	size_t count = 0;

	assert(rounds <= UINT8_MAX);
	for (size_t i = 0; i < rounds; i++) {
		memcpy(&bytes, data + i * sizeof bytes, sizeof bytes);
		sums -= (lanes)(bytes == '\n'); /* -1 where it is one */
	}
	for (size_t i = 0; i < sizeof sums; i++)
		count += sums[i];
	return count;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static size_t
count_wide(const char *data, size_t rounds)
{
	typedef unsigned char lanes __attribute__((vector_size(32)));
	lanes sums = { 0 }, bytes;
	size_t count = 0;

	assert(rounds <= UINT8_MAX);
	for (size_t i = 0; i < rounds; i++) {
		memcpy(&bytes, data + i * sizeof bytes, sizeof bytes);
		sums -= (lanes)(bytes == '\n');
	}
	for (size_t i = 0; i < sizeof sums; i++)
		count += sums[i];
	return count;
}
#endif

int64_t
newlines_count(const char *data, size_t len)
{
	size_t (*count_some)(const char *data, size_t rounds) = count_lanes;
	const char *end = data + len;
	size_t lanes = 16, count = 0;

#ifdef __x86_64__
	if (len >= WIDE_LEAST && __builtin_cpu_supports("avx2")) {
		count_some = count_wide;
		lanes = 32;
	}
#endif
	while ((size_t)(end - data) >= lanes) {
		size_t rounds = (size_t)(end - data) / lanes;

		if (rounds > UINT8_MAX)
			rounds = UINT8_MAX;
		count += count_some(data, rounds);
		data += rounds * lanes;
	}
	for (; data < end; data++)
		count += *data == '\n';
	return (int64_t)count;
}

/* Whether the bytes before a place leave a line unfinished; zeros are those of
 * a hole, behind which a line starts. */
static bool
is_within_line(struct text before)
{
	char last;

	if (before.len == 0)
		return false;
	last = before.data[before.len - 1];
	return last != '\n' && last != '\0';
}

struct blocks *
blocks_new(const struct block_origin *origin, size_t max_line, block_fn *emit,
    void *ctx)
{
	struct blocks *bs = mem_new(1, sizeof *bs);

	assert(max_line > 0 && max_line < SIZE_MAX / 4);
	assert(origin->offset >= 0);
	bs->path = mem_text(origin->path);
	bs->block.file = origin->file;
	bs->block.source = origin->source;
	bs->block.path = bs->path;
	bs->max_line = max_line;
	bs->emit = emit;
	bs->ctx = ctx;
	blocks_restart(bs, origin->offset, origin->line, origin->before);
	return bs;
}

void
blocks_free(struct blocks *bs)
{
	if (bs == NULL)
		return;
	free(bs->path);
	free(bs->buf);
	free(bs);
}

char *
blocks_room_for(struct blocks *bs, size_t want, size_t *room)
{
	size_t most = bs->max_line + CHUNK; /* len is never above max_line */
	size_t need = bs->len + (want < CHUNK ? want : CHUNK);

	if (bs->capacity < need) {
		/* In one step where a line is that long: each step may copy. */
		if (need > 2 * CHUNK)
			need = most;
		else if (bs->capacity >= CHUNK)
			need = 2 * CHUNK;
		bs->buf = mem_resize(bs->buf, need, 1);
		bs->capacity = need;
	}
	*room = bs->capacity - bs->len;
	if (*room > ROOM_MAX)
		*room = ROOM_MAX;
	return bs->buf + bs->len;
}

char *
blocks_room(struct blocks *bs, size_t *room)
{
	return blocks_room_for(bs, CHUNK, room);
}

static void
tell(struct blocks *bs, const char *data, size_t len, bool truncated,
    bool unfinished)
{
	struct block b = bs->block;

	if (len == 0)
		return;
	b.offset = bs->offset;
	b.line = bs->line;
	b.data = data;
	b.len = len;
	b.truncated = truncated;
	b.unfinished = unfinished;
	/* Before emit, so that it finds the position behind the block. */
	bs->offset += (int64_t)len;
	bs->line += newlines_count(data, len);
	bs->truncated += truncated;
	anchor_add(&bs->told, data, len);
	bs->emit(&b, bs->ctx);
}

/* How many bytes of whole lines come before the first that is too long. */
static size_t
fitting(const struct blocks *bs, const char *data, size_t len)
{
	size_t fit = 0;

	while (len - fit > bs->max_line + 1) {
		const char *end = memrchr(data + fit, '\n', bs->max_line + 1);

		if (end == NULL)
			return fit;
		fit = (size_t)(end + 1 - data);
	}
	return len;
}

/* The end of a line that is not wanted, with its newline, has been seen. */
static void
pass(struct blocks *bs, const char *data, size_t len)
{
	bs->offset += (int64_t)len;
	bs->line++;
	anchor_add(&bs->told, data, len);
}

/* Emits whole lines; len ends with a newline. */
static void
cut(struct blocks *bs, const char *data, size_t len)
{
	while (len > 0) {
		size_t fit = fitting(bs, data, len);
		size_t head = fit + bs->max_line;
		const char *end;

		if (fit == len) {
			tell(bs, data, len, false, false);
			return;
		}
		tell(bs, data, head, true, false);
		end = memchr(data + head, '\n', len - head);
		assert(end != NULL);
		end++;
		pass(bs, data + head, (size_t)(end - data) - head);
		len -= (size_t)(end - data);
		data = end;
	}
}

/* Skips to the end of an unwanted line.  Returns how many bytes that were. */
static size_t
skip(struct blocks *bs, const char *data, size_t len)
{
	const char *end = memchr(data, '\n', len);
	size_t part;

	if (end == NULL)
		return len;
	part = (size_t)(end + 1 - data);
	bs->offset = bs->read_offset;
	bs->told = bs->read;
	pass(bs, data, part);
	bs->skipping = false;
	return part;
}

void
blocks_feed(struct blocks *bs, size_t len)
{
	const char *data = bs->buf, *fresh = bs->buf + bs->len;
	size_t left = bs->len + len, part;
	const char *last;

	assert(left <= bs->capacity);
	if (len == 0)
		return;
	bs->taken = false;
	if (bs->skipping) {
		part = skip(bs, data, left);
		data += part;
		fresh += part;
		left -= part;
	}
	anchor_add(&bs->read, bs->buf + bs->len, len);
	bs->read_offset += (int64_t)len;

	last = memrchr(fresh, '\n', left - (size_t)(fresh - data));
	if (last != NULL) {
		part = (size_t)(last + 1 - data);
		cut(bs, data, part);
		data += part;
		left -= part;
	}
	if (left > bs->max_line) {
		tell(bs, data, bs->max_line, true, false);
		bs->skipping = true;
		left = 0;
	}
	bs->len = left;
	if (left > 0 && data != bs->buf)
		memmove(bs->buf, data, left);
}

bool
blocks_take(struct blocks *bs, struct blocks_memory *memory)
{
	struct blocks_memory mine = { bs->buf, bs->capacity };

	if (bs->taken)
		return false;
	bs->taken = true;
	/* What is left unfinished in the one is copied to the other. */
	if (memory->capacity < mine.capacity)
		memory->data = mem_resize(memory->data, mine.capacity, 1);
	bs->buf = memory->data;
	bs->capacity = mine.capacity;
	*memory = mine;
	return true;
}

void
blocks_end(struct blocks *bs)
{
	size_t len = bs->len;

	if (len == 0)
		return;
	bs->len = 0;
	bs->taken = false;
	bs->skipping = true; /* should more come, it is that line's rest */
	tell(bs, bs->buf, len, false, true);
}

void
blocks_restart(
    struct blocks *bs, int64_t offset, int64_t line, struct text before)
{
	bs->len = 0;
	bs->offset = bs->read_offset = offset;
	bs->line = line;
	bs->told.len = 0;
	anchor_add(&bs->told, before.data, before.len);
	bs->read = bs->told;
	bs->skipping = is_within_line(before);
}

void
blocks_number(struct blocks *bs, int64_t line)
{
	bs->line = line;
}

void
blocks_rest(struct blocks *bs)
{
	char *line = bs->len > 0 ? mem_copy(bs->buf, bs->len) : NULL;

	free(bs->buf);
	bs->buf = line;
	bs->capacity = bs->len;
}

void
blocks_position(const struct blocks *bs, int64_t *offset, int64_t *line)
{
	*offset = bs->offset;
	*line = bs->line;
}

int64_t
blocks_read_offset(const struct blocks *bs)
{
	return bs->read_offset;
}

struct text
blocks_read_anchor(const struct blocks *bs)
{
	return (struct text){ bs->read.bytes, bs->read.len };
}

struct text
blocks_anchor(const struct blocks *bs)
{
	return (struct text){ bs->told.bytes, bs->told.len };
}

uint64_t
blocks_truncated(const struct blocks *bs)
{
	return bs->truncated;
}
