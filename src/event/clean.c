/* SPDX-License-Identifier: MIT */
/*
 * Copies many bytes at a time up to those that need a look: an ESC, a CR.
 * Most text has neither, or is copied faster than it could be read.
 */
#include "event/clean.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "event/ansi.h"
#include "tail/block.h"

#include <stdint.h>
/* A test leaves it out, for what other processors do. */
#if defined __x86_64__ && !defined CLEAN_NARROW
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi,popcnt")))
#include <immintrin.h>
#elif defined __SSE2__
#include <emmintrin.h>
#endif

#define CHUNK 64        /* bytes at a time */
#define MARK_EVERY 4096 /* bytes between two marks */

/* The same place in both texts, behind the same number of newlines. */
struct mark {
	size_t clean, raw;
};

struct cleaner {
	struct text raw, clean; /* raw is without its byte order mark: */
	size_t skipped;
	struct str stripped, mended;
	bool moved;       /* clean is not raw from its first line on */
	struct mark last; /* that was asked for */
	struct mark *marks;
	size_t count, capacity;
};

struct cleaner *
cleaner_new(void)
{
	return mem_new(1, sizeof(struct cleaner));
}

void
cleaner_free(struct cleaner *cl)
{
	if (cl == NULL)
		return;
	str_free(&cl->stripped);
	str_free(&cl->mended);
	free(cl->marks);
	free(cl);
}

/* What is taken out at a place; a CR that ends no line is none of it. */
static size_t
taken_out(struct text at, char esc)
{
	if (*at.data == '\r')
		return at.len == 1 || at.data[1] == '\n';
	return *at.data == esc ? ansi_len(at) : 0;
}

/* A text on its way through: what is left of it, and where it goes. */
struct way {
	const char *p, *end;
	char *out; /* NULL until something is to be taken out */
	char esc;  /* ESC, or what else is taken out anyway */
	bool high; /* there is a byte that is no ASCII */
};

/* So that it is compiled for what calls it. */
#define INLINE static inline __attribute__((always_inline))

#ifdef __SSE2__
/* Of the bytes of a chunk, a bit for each. */
struct masks {
	uint64_t found;  /* CR or ESC */
	uint64_t params; /* 0x20 to 0x3f: what a control sequence has before its
	                    final byte */
	uint64_t high;   /* no ASCII */
};

INLINE struct masks
look(const char *p, char esc)
{
	struct masks m = { 0, 0, 0 };

#pragma GCC unroll 4
	for (unsigned i = 0; i < CHUNK; i += sizeof(__m128i)) {
		__m128i v =
		    _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i found =
		    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\r')),
			_mm_cmpeq_epi8(v, _mm_set1_epi8(esc)));
		__m128i params =
		    _mm_cmpeq_epi8(_mm_and_si128(v, _mm_set1_epi8((char)0xe0)),
			_mm_set1_epi8(0x20));

		m.found |= (uint64_t)(unsigned)_mm_movemask_epi8(found) << i;
		m.params |= (uint64_t)(unsigned)_mm_movemask_epi8(params) << i;
		m.high |= (uint64_t)(unsigned)_mm_movemask_epi8(v) << i;
	}
	return m;
}

/* Behind what is taken out at place i of a chunk; what is left in of it goes
 * out.  May be behind the chunk. */
INLINE size_t
behind(struct way *w, uint64_t params, size_t i)
{
	const char *p = w->p + i;
	size_t n;

	/* Where escape sequences stay, esc is a CR, too. */
	if (*p != '\r' && *p == w->esc && p[1] == '[' && i + 2 < CHUNK &&
	    ~params >> (i + 2) != 0) {
		n = i + 2 + (size_t)__builtin_ctzll(~params >> (i + 2));
		return n + (w->p[n] >= 0x40 && w->p[n] <= 0x7e);
	}
	n = taken_out((struct text){ p, (size_t)(w->end - p) }, w->esc);
	if (n == 0) {
		*w->out++ = *p;
		n = 1;
	}
	return i + n;
}

/* Takes a chunk through; there is at least another one behind it. */
INLINE void
chunk(struct way *w, struct masks m)
{
	size_t from = 0;

	for (; m.found != 0; m.found &= m.found - 1) {
		size_t i = (size_t)__builtin_ctzll(m.found);

		if (i < from) /* a part of what was taken out */
			continue;
		memcpy(w->out, w->p + from, CHUNK); /* more than that counts */
		w->out += i - from;
		from = behind(w, m.params, i);
		if (from >= CHUNK) {
			w->p += from;
			return;
		}
	}
	memcpy(w->out, w->p + from, CHUNK);
	w->out += CHUNK - from;
	w->p += CHUNK;
}
#endif

/* Once more for processors that work on longer vectors, which the loader takes
 * where it can.  (A sanitizer is not ready yet when it chooses.) */
#if defined __x86_64__ && defined __GLIBC__ && !defined __SANITIZE_ADDRESS__
#define CLONED __attribute__((target_clones("avx2", "default")))
#else
#define CLONED
#endif

/* Goes on to the first byte that may have to be taken out. */
CLONED static void
skip(struct way *w)
{
#ifdef __SSE2__
	for (; w->end - w->p >= CHUNK; w->p += CHUNK) {
		struct masks m = look(w->p, w->esc);

		w->high |= m.high != 0;
		if (m.found != 0) {
			w->p += __builtin_ctzll(m.found);
			return;
		}
	}
#endif
	for (; w->p < w->end && *w->p != '\r' && *w->p != w->esc; w->p++)
		w->high |= (unsigned char)*w->p >= 0x80;
}

#ifdef WIDE
/* For processors that take bytes out by a mask: all of a chunk at once, without
 * a branch for each. */
#define LAST (CHUNK - 1)

/* Of the bytes of a chunk, a bit for each. */
struct wide {
	uint64_t odd;    /* ESC that is not seen to begin a control sequence */
	uint64_t starts; /* ESC that does */
	uint64_t params, finals;
	uint64_t ends; /* CR before a newline */
};

/* next is the byte behind the chunk. */
WIDE INLINE struct wide
look_wide(__m512i v, char next, char esc)
{
	__m512i from_space = _mm512_sub_epi8(v, _mm512_set1_epi8(0x20));
	__m512i from_at = _mm512_sub_epi8(v, _mm512_set1_epi8(0x40));
	uint64_t cr = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r'));
	uint64_t escs = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(esc)) & ~cr;
	uint64_t bracket = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('['));
	uint64_t newline = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n'));
	struct wide m;

	newline = newline >> 1 | (uint64_t)(next == '\n') << LAST;
	m.starts = escs & bracket >> 1;
	m.odd = escs & ~m.starts;
	m.params = _mm512_cmplt_epu8_mask(from_space, _mm512_set1_epi8(0x20));
	m.finals = _mm512_cmplt_epu8_mask(from_at, _mm512_set1_epi8(0x3f));
	m.ends = cr & newline;
	return m;
}

/* What stays of a chunk.
 *
 * open  its first byte may be a parameter of a sequence that began in the one
 *       before; set for the next */
INLINE uint64_t
kept(const struct wide *m, bool *open)
{
	uint64_t starts = m->starts + *open;
	uint64_t from = m->starts << 2 | *open, sum, behind, gone;

	/* 1 added to the first parameter is carried to behind the last. */
	*open = __builtin_add_overflow(m->params, from, &sum) ||
	        m->starts >> (CHUNK - 2) != 0;
	behind = sum & ~m->params;
	/* The difference of two bits is all from the one to before the other;
	 * what ends in the next chunk goes on to the end of this. */
	gone = (behind & ~m->finals) + ((behind & m->finals) << 1) - starts;
	return ~(gone | m->ends);
}

/* Behind a sequence, from somewhere in its parameters on. */
static const char *
rest(const char *p, const char *end)
{
	while (p < end && *p >= 0x20 && *p <= 0x3f)
		p++;
	return p + (p < end && *p >= 0x40 && *p <= 0x7e);
}

WIDE static void
go_on_wide(struct way *way, const char *stop)
{
	struct way w = *way; /* what is written to out is not in it */
	bool open = false;

	while (w.p < stop && w.end - w.p > CHUNK) {
		__m512i v = _mm512_loadu_si512(w.p);
		struct wide m = look_wide(v, w.p[CHUNK], w.esc);
		uint64_t keep = kept(&m, &open);
		size_t len = CHUNK;

		w.high |= _mm512_movepi8_mask(v) != 0;
		if (m.odd != 0) {
			len = (size_t)__builtin_ctzll(m.odd);
			keep &= (m.odd & -m.odd) - 1;
			open = false;
		}
		_mm512_storeu_si512(w.out, _mm512_maskz_compress_epi8(keep, v));
		w.out += __builtin_popcountll(keep);
		w.p += len;
		if (m.odd != 0)
			w.p += taken_out(
			    (struct text){ w.p, (size_t)(w.end - w.p) }, w.esc);
	}
	if (open)
		w.p = rest(w.p, w.end);
	*way = w;
}

static bool
is_wide(void)
{
	return __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vbmi2");
}
#endif

/* Goes on to about there. */
CLONED static void
go_on(struct way *way, const char *stop)
{
	struct way w = *way; /* what is written to out is not in it */

#ifdef __SSE2__
	while (w.p < stop && w.end - w.p >= 2 * CHUNK) {
		struct masks m = look(w.p, w.esc);

		w.high |= m.high != 0;
		chunk(&w, m);
	}
#endif
	while (w.p < stop) {
		size_t n = taken_out(
		    (struct text){ w.p, (size_t)(w.end - w.p) }, w.esc);

		w.high |= (unsigned char)*w.p >= 0x80;
		if (n == 0)
			*w.out++ = *w.p++;
		w.p += n;
	}
	*way = w;
}

static void
set_mark(struct cleaner *cl, size_t clean, size_t raw)
{
	if (cl->count == cl->capacity) {
		cl->capacity = cl->capacity * 2 + 16;
		cl->marks =
		    mem_resize(cl->marks, cl->capacity, sizeof *cl->marks);
	}
	cl->marks[cl->count++] = (struct mark){ clean, raw };
}

/* Takes out CRs at line ends and escape sequences; the first of them is where
 * the way is. */
static void
strip_rest(struct cleaner *cl, struct way *w)
{
	size_t done = (size_t)(w->p - cl->raw.data);
	char *start;

	str_clear(&cl->stripped);
	start = str_reserve(&cl->stripped, cl->raw.len + CHUNK);
	memcpy(start, cl->raw.data, done);
	w->out = start + done;
	while (w->p < w->end) {
		const char *stop =
		    w->end - w->p > MARK_EVERY ? w->p + MARK_EVERY : w->end;

		set_mark(cl, (size_t)(w->out - start),
		    (size_t)(w->p - cl->raw.data));
#ifdef WIDE
		if (is_wide())
			go_on_wide(w, stop);
#endif
		go_on(w, stop);
	}
	cl->stripped.len = (size_t)(w->out - start);
	cl->clean = str_text(&cl->stripped);
	cl->moved = true;
}

struct text
cleaner_run(struct cleaner *cl, struct text raw, bool first, bool strip)
{
	struct way way;

	cl->skipped = first ? utf8_bom(raw) : 0;
	raw.data += cl->skipped;
	raw.len -= cl->skipped;
	cl->raw = cl->clean = raw;
	cl->moved = false;
	cl->last = (struct mark){ 0, 0 };
	cl->count = 0;
	way = (struct way){ raw.data, raw.data + raw.len, NULL,
		strip ? '\x1b' : '\r', false };
	skip(&way);
	if (way.p < way.end)
		strip_rest(cl, &way);
	if (way.high && utf8_valid(cl->clean) < cl->clean.len) {
		str_clear(&cl->mended);
		utf8_clean(cl->clean, &cl->mended);
		cl->clean = str_text(&cl->mended);
		cl->moved = true;
		cl->count = 0;
	}
	return cl->clean;
}

/* The last mark before a place. */
static struct mark
mark_before(const struct cleaner *cl, size_t at)
{
	struct mark best = cl->last.clean <= at ? cl->last : (struct mark){ 0 };
	size_t low = 0, high = cl->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cl->marks[middle].clean < at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0 && cl->marks[low - 1].clean > best.clean)
		best = cl->marks[low - 1];
	return best;
}

size_t
cleaner_raw(struct cleaner *cl, size_t at)
{
	struct mark mark = mark_before(cl, at);
	const char *p = cl->raw.data + mark.raw;
	const char *end = cl->raw.data + cl->raw.len;
	int64_t n;

	if (at == 0)
		return 0;
	if (!cl->moved)
		return at + cl->skipped;
	n = newlines_count(cl->clean.data + mark.clean, at - mark.clean);
	for (; n > 0; n--)
		p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	cl->last = (struct mark){ at, (size_t)(p - cl->raw.data) };
	return cl->last.raw + cl->skipped;
}
