/* SPDX-License-Identifier: MIT */
/*
 * The one door to Hyperscan.  What it reads otherwise than PCRE2 does, or what
 * would mean something else in a text of many lines than in one event, is put
 * wider, or not looked for.
 */
#include "match/prefilter.h"

#include "base/library.h"
#include "base/mem.h"

#ifdef HAVE_HYPERSCAN
#include <ctype.h>
#include <hs/hs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HS_CALLS(CALL)                                                         \
	CALL(hs_alloc_scratch)                                                 \
	CALL(hs_clone_scratch)                                                 \
	CALL(hs_compile_multi)                                                 \
	CALL(hs_expression_info)                                               \
	CALL(hs_free_compile_error)                                            \
	CALL(hs_free_database)                                                 \
	CALL(hs_free_scratch)                                                  \
	CALL(hs_scan)                                                          \
	CALL(hs_valid_platform)                                                \
	CALL(hs_version)

struct calls {
#define CALL(name) __typeof__(name) *(name);
	HS_CALLS(CALL)
#undef CALL
};

static const struct library_call calls[] = {
#define CALL(name) { #name, offsetof(struct calls, name) },
	HS_CALLS(CALL)
#undef CALL
};

#define FLAGS (HS_FLAG_MULTILINE | HS_FLAG_UTF8)
#define REPEAT_MAX 100 /* of a bounded repeat that is looked for */

struct prefilter {
	void *library;
	struct calls hs;
	hs_database_t *db;     /* NULL: no pattern is looked for */
	hs_scratch_t *scratch; /* to be cloned */
	enum prefilter_cover *covers;
	const char **why; /* not exactly */
	size_t count;
};

static const char empty_text[] = "it matches the empty text";
static const char not_taken[] = "Hyperscan does not take it";
static const char approximated[] = "Hyperscan only looks for something like it";

struct prefilter_scratch {
	const struct prefilter *prefilter;
	hs_scratch_t *hs;
};

/* A pattern as Hyperscan is to see it. */
struct rewrite {
	const char *p, *end;
	struct str out;
	const char *refused; /* why it is not looked for; NULL: it is */
	bool caseless;       /* it has the option i somewhere */
	bool beyond;         /* it may name what is no ASCII */
	const char *loose;   /* why something in it is wider */
};

static void
take(struct rewrite *r, size_t len)
{
	str_add(&r->out, r->p, len);
	r->p += len;
}

static size_t
left(const struct rewrite *r)
{
	return (size_t)(r->end - r->p);
}

/* \Q...\E; p is at the backslash. */
static void
take_quoted(struct rewrite *r)
{
	const char *stop = memmem(r->p + 2, left(r) - 2, "\\E", 2);

	take(r, stop == NULL ? left(r) : (size_t)(stop + 2 - r->p));
	if (stop == NULL)
		str_puts(&r->out, "\\E");
}

/* Newer versions of PCRE2 take \x{ 41 }. */
static void
take_plain_escape(struct rewrite *r, char c)
{
	if (c >= '1' && c <= '9') /* a reference, or a character */
		r->loose = "it refers to a group";
	r->beyond |= c == 'x' || (c >= '0' && c <= '9');
	if (c == 'x' && left(r) > 3 && r->p[2] == '{' && r->p[3] == ' ')
		r->refused = "it has a character's number with blanks";
	take(r, 2);
}

/* An escape outside of a class; p is at the backslash.  The start and end of an
 * event are those of a line here. */
static void
take_escape(struct rewrite *r)
{
	char c = '\0';

	if (left(r) > 1)
		c = r->p[1];
	switch (c) {
	case 'Q':
		take_quoted(r);
		return;
	case 'A':
	case 'G':
		str_putc(&r->out, '^');
		break;
	case 'z':
	case 'Z':
		str_putc(&r->out, '$');
		break;
	case 'K':
		break;
	/* Unicode properties are those of another Unicode; the rest is not
	 * known, or known otherwise. */
	case 'p':
	case 'P':
		r->refused = "it asks for a Unicode property";
		break;
	case 'g':
	case 'k':
		r->refused = "it refers to a group by \\g or \\k";
		break;
	case 'X':
	case 'R':
	case 'C':
	case 'N':
	case 'E':
	case 'c':
	case 'o':
	case '\0':
		r->refused = "it has an escape that only PCRE2 knows";
		break;
	default:
		take_plain_escape(r, c);
		return;
	}
	r->loose = "an event's start and end are looked for as a line's";
	r->p += 2;
}

/* How long [:name:] is; 0: it is no such, or one that takes Unicode in. */
static size_t
posix_len(const struct rewrite *r)
{
	const char *q = r->p + 2;

	while (q < r->end && isalpha((unsigned char)*q))
		q++;
	return r->p[1] == ':' && q > r->p + 2 && r->end - q >= 2 &&
	               q[0] == ':' && q[1] == ']'
	           ? (size_t)(q + 2 - r->p)
	           : 0;
}

/* A class; p is at its bracket. */
static void
take_class(struct rewrite *r)
{
	take(r, 1);
	if (left(r) > 0 && *r->p == '^')
		take(r, 1);
	if (left(r) > 0 && *r->p == ']')
		take(r, 1);
	while (left(r) > 0 && *r->p != ']') {
		size_t len = 1;

		if (*r->p == '\\' && left(r) > 1) {
			/* quotes within a class, properties */
			r->beyond |=
			    r->p[1] == 'x' || isdigit((unsigned char)r->p[1]);
			if (strchr("QEpPNoc", r->p[1]) != NULL)
				r->refused =
				    "a class has an escape that only PCRE2 "
				    "knows";
			len = 2;
		} else if (*r->p == '[' && left(r) > 1 &&
			   strchr(":.=", r->p[1]) != NULL) {
			len = posix_len(r);
			if (len == 0) {
				r->refused =
				    "a class has one in it that is not known";
				len = 1;
			}
		}
		take(r, len);
	}
	if (left(r) > 0)
		take(r, 1);
}

/* What may stand behind a parenthesis and a question mark; p is at the
 * parenthesis.  Only options that leave ^ and $ and spaces as they are. */
static void
take_group(struct rewrite *r)
{
	const char *q = r->p + 2;

	if (left(r) < 2 || r->p[1] != '?') {
		if (left(r) > 1 && r->p[1] == '*')
			r->refused = "it has a (*VERB)";
		take(r, 1);
		return;
	}
	for (; q < r->end && strchr("is-", *q) != NULL; q++)
		r->caseless |= *q == 'i';
	if (q == r->end || strchr(":)=!<>P'|", *q) == NULL) {
		r->refused = "it has options or a condition that only PCRE2 "
			     "knows";
		take(r, 1);
		return;
	}
	/* (?P=name) and (?P>name) refer to groups. */
	if (*q == 'P' && (q + 1 == r->end || q[1] != '<'))
		r->refused = "it refers to a group by (?P";
	take(r, (size_t)(q + 1 - r->p));
}

/* {n,m}: large ones cost too much, and with an assertion in them are not always
 * put wider. */
static void
take_repeat(struct rewrite *r)
{
	bool digit = false, odd = r->p + 1 < r->end && r->p[1] == ',';
	const char *q = r->p + 1;

	for (; q < r->end && strchr("0123456789, ", *q) != NULL; q++) {
		digit |= isdigit((unsigned char)*q) != 0;
		odd |= *q == ' ';
		if (isdigit((unsigned char)*q) &&
		    strtol(q, NULL, 10) > REPEAT_MAX)
			r->refused = "it has a repeat of more than 100";
	}
	/* To newer versions of PCRE2 these are repeats. */
	if (q < r->end && *q == '}' && digit && odd)
		r->refused = "it has {,n}, or blanks within {}";
	take(r, 1);
}

/* The case of what is no ASCII is that of another Unicode. */
static void
refuse_cases(struct rewrite *r, struct text pattern)
{
	for (size_t i = 0; i < pattern.len && !r->beyond; i++)
		r->beyond = (unsigned char)pattern.data[i] >= 0x80;
	if (r->caseless && r->beyond)
		r->refused = "it has letters beyond ASCII in either case";
}

static void
rewrite(struct rewrite *r)
{
	struct text pattern = { r->p, left(r) };

	if (pattern.len > 0 && memchr(pattern.data, '\0', pattern.len) != NULL)
		r->refused = "it has a NUL";
	while (left(r) > 0 && r->refused == NULL)
		switch (*r->p) {
		case '\\':
			take_escape(r);
			break;
		case '[':
			take_class(r);
			break;
		case '(':
			take_group(r);
			break;
		case '{':
			take_repeat(r);
			break;
		default:
			take(r, 1);
		}
	if (r->refused == NULL)
		refuse_cases(r, pattern);
}

/* The flags with which an expression can be compiled; 0: with none, and why. */
static unsigned
flags_for(const struct prefilter *p, const char *expression, bool loose,
    const char **why)
{
	const unsigned tries[] = { FLAGS, FLAGS | HS_FLAG_PREFILTER };

	for (size_t i = loose ? 1 : 0; i < 2; i++) {
		hs_compile_error_t *error = NULL;
		hs_expr_info_t *info = NULL;
		hs_error_t rc = p->hs.hs_expression_info(
		    expression, tries[i], &info, &error);
		/* One that matches nothing matches everywhere. */
		bool good = rc == HS_SUCCESS && info->min_width > 0;

		*why = rc == HS_SUCCESS ? empty_text : not_taken;
		free(info);
		p->hs.hs_free_compile_error(error);
		if (good)
			return tries[i];
	}
	return 0;
}

struct expressions {
	char **v;
	unsigned *flags, *ids;
	unsigned count;
};

static void
add(struct expressions *es, char *expression, unsigned flags, size_t i)
{
	es->v[es->count] = expression;
	es->flags[es->count] = flags;
	es->ids[es->count++] = (unsigned)i;
}

static void
add_literals(struct prefilter *p, struct expressions *es,
    const struct literals *ls, size_t i)
{
	struct str out = { 0 };

	for (size_t j = 0; j < ls->count; j++) {
		const struct literal *l = &ls->v[j];

		if (j > 0)
			str_putc(&out, '|');
		str_puts(&out, l->caseless ? "(?i:" : "(?:");
		for (size_t k = 0; k < l->len; k++) {
			if (ispunct((unsigned char)l->bytes[k]))
				str_putc(&out, '\\');
			str_putc(&out, l->bytes[k]);
		}
		str_putc(&out, ')');
	}
	p->covers[i] = PREFILTER_TEXT;
	p->why[i] = NULL;
	add(es, str_take(&out), FLAGS, i);
}

static void
add_pattern(struct prefilter *p, struct expressions *es,
    const struct prefilter_want *want, size_t i)
{
	struct text pattern = want->pattern;
	struct rewrite r = { pattern.data, pattern.data + pattern.len, { 0 },
		NULL, false, false, NULL };
	unsigned flags = 0;

	if (want->instead != NULL && !want->last) {
		add_literals(p, es, want->instead, i);
		return;
	}
	rewrite(&r);
	str_putc(&r.out, '\0');
	if (r.refused == NULL)
		flags = flags_for(p, r.out.data, r.loose != NULL, &r.refused);
	if (flags == 0) {
		str_free(&r.out);
		p->covers[i] = PREFILTER_NONE;
		p->why[i] = r.refused;
		if (want->instead != NULL)
			add_literals(p, es, want->instead, i);
		return;
	}
	if (r.loose == NULL && (flags & HS_FLAG_PREFILTER) != 0)
		r.loose = approximated;
	p->covers[i] = r.loose != NULL ? PREFILTER_LOOSE : PREFILTER_EXACT;
	p->why[i] = r.loose;
	add(es, r.out.data, flags, i);
}

/* Takes one out that cannot be compiled after all. */
static void
drop(struct prefilter *p, struct expressions *es, unsigned at)
{
	p->covers[es->ids[at]] = PREFILTER_NONE;
	p->why[es->ids[at]] = not_taken;
	free(es->v[at]);
	es->count--;
	for (unsigned i = at; i < es->count; i++) {
		es->v[i] = es->v[i + 1];
		es->flags[i] = es->flags[i + 1];
		es->ids[i] = es->ids[i + 1];
	}
}

/* As for a processor without AVX2, however wide this one is: for some tens of
 * texts that takes another engine, which is quicker on logs. */
static const hs_platform_info_t any_processor = {
	.tune = HS_TUNE_FAMILY_GENERIC,
};

static int
compile(struct prefilter *p, struct expressions *es, struct err *err)
{
	while (es->count > 0) {
		hs_compile_error_t *error = NULL;
		int at;

		if (p->hs.hs_compile_multi((const char *const *)es->v,
			es->flags, es->ids, es->count, HS_MODE_BLOCK,
			&any_processor, &p->db, &error) == HS_SUCCESS)
			break;
		at = error->expression;
		err_set(err, "%s", error->message);
		p->hs.hs_free_compile_error(error);
		if (at < 0 || (unsigned)at >= es->count)
			return -1;
		/* First the wider one. */
		if ((es->flags[at] & HS_FLAG_PREFILTER) == 0) {
			es->flags[at] |= HS_FLAG_PREFILTER;
			p->covers[es->ids[at]] = PREFILTER_LOOSE;
			p->why[es->ids[at]] = approximated;
		} else {
			drop(p, es, (unsigned)at);
		}
	}
	if (p->db != NULL &&
	    p->hs.hs_alloc_scratch(p->db, &p->scratch) != HS_SUCCESS)
		return err_set(err, "no memory for its scratch space");
	return 0;
}

static int
build(struct prefilter *p, const struct prefilter_want *wants, struct err *err)
{
	struct expressions es = {
		.v = mem_new(p->count, sizeof *es.v),
		.flags = mem_new(p->count, sizeof *es.flags),
		.ids = mem_new(p->count, sizeof *es.ids),
	};
	int ret;

	for (size_t i = 0; i < p->count; i++)
		add_pattern(p, &es, &wants[i], i);
	ret = compile(p, &es, err);
	for (unsigned i = 0; i < es.count; i++)
		free(es.v[i]);
	free(es.v);
	free(es.flags);
	free(es.ids);
	return ret;
}

/* Hyperscan ends with 5.4.2, where Vectorscan begins.  That overlooks matches
 * on x86 at least up to 5.4.12: its issues 317, 358 and 382, and on 5.4.9 the
 * differential test finds one in about 80,000 lines. */
static bool
is_faulty(const char *version)
{
	static const char series[] = "5.4.";
	long patch;

	if (strncmp(version, series, strlen(series)) != 0)
		return false;
	patch = strtol(version + strlen(series), NULL, 10);
	return patch > 2 && patch < 13;
}

bool
prefilter_is_built(void)
{
	return true;
}

struct prefilter *
prefilter_new(const struct prefilter_want *wants, size_t count, struct err *err)
{
	struct prefilter *p = mem_new(1, sizeof *p);

	p->covers = mem_new(count, sizeof *p->covers);
	p->why = mem_new(count, sizeof *p->why);
	p->count = count;
	p->library = library_open(HYPERSCAN_SONAME, calls,
	    sizeof calls / sizeof *calls, &p->hs,
	    "install it (on Debian the package libhyperscan5)", err);
	if (p->library == NULL) {
		err_wrap(err, "libhs cannot be loaded");
		goto failed;
	}
	if (is_faulty(p->hs.hs_version())) {
		err_set(err,
		    "Vectorscan %s overlooks matches; install Hyperscan (on "
		    "Debian the package libhyperscan5) or Vectorscan 5.4.13",
		    p->hs.hs_version());
		goto failed;
	}
	if (p->hs.hs_valid_platform() != HS_SUCCESS) {
		err_set(err, "libhs does not know this processor");
		goto failed;
	}
	if (build(p, wants, err) == 0)
		return p;
failed:
	prefilter_free(p);
	return NULL;
}

void
prefilter_free(struct prefilter *p)
{
	if (p == NULL)
		return;
	if (p->scratch != NULL)
		p->hs.hs_free_scratch(p->scratch);
	if (p->db != NULL)
		p->hs.hs_free_database(p->db);
	library_close(p->library);
	free(p->covers);
	free(p->why);
	free(p);
}

enum prefilter_cover
prefilter_covers(const struct prefilter *p, size_t i)
{
	return p->covers[i];
}

const char *
prefilter_why(const struct prefilter *p, size_t i)
{
	return p->why[i];
}

struct prefilter_scratch *
prefilter_scratch_new(const struct prefilter *p)
{
	struct prefilter_scratch *s = mem_new(1, sizeof *s);

	s->prefilter = p;
	if (p->scratch != NULL &&
	    p->hs.hs_clone_scratch(p->scratch, &s->hs) != HS_SUCCESS)
		mem_check(NULL);
	return s;
}

void
prefilter_scratch_free(struct prefilter_scratch *s)
{
	if (s == NULL)
		return;
	if (s->hs != NULL)
		s->prefilter->hs.hs_free_scratch(s->hs);
	free(s);
}

struct scan {
	prefilter_fn *fn;
	void *ctx;
};

static int
on_match(unsigned id, unsigned long long from, unsigned long long to,
    unsigned flags, void *ctx)
{
	const struct scan *s = ctx;

	(void)from;
	(void)flags;
	s->fn(id, (size_t)to, s->ctx);
	return 0;
}

int
prefilter_scan(
    struct prefilter_scratch *s, struct text text, prefilter_fn *fn, void *ctx)
{
	const struct prefilter *p = s->prefilter;
	struct scan scan = { fn, ctx };

	if (p->db == NULL || text.len == 0)
		return 0;
	if (text.len > UINT32_MAX)
		return -1;
	return p->hs.hs_scan(p->db, text.data, (unsigned)text.len, 0, s->hs,
		   on_match, &scan) == HS_SUCCESS
	           ? 0
	           : -1;
}

#else

bool
prefilter_is_built(void)
{
	return false;
}

struct prefilter *
prefilter_new(const struct prefilter_want *wants, size_t count, struct err *err)
{
	(void)wants;
	(void)count;
	err_set(err, "configured without Hyperscan");
	return NULL;
}

void
prefilter_free(struct prefilter *p)
{
	(void)p;
}

enum prefilter_cover
prefilter_covers(const struct prefilter *p, size_t i)
{
	(void)p;
	(void)i;
	return PREFILTER_NONE;
}

const char *
prefilter_why(const struct prefilter *p, size_t i)
{
	(void)p;
	(void)i;
	return NULL;
}

struct prefilter_scratch *
prefilter_scratch_new(const struct prefilter *p)
{
	(void)p;
	return NULL;
}

void
prefilter_scratch_free(struct prefilter_scratch *s)
{
	(void)s;
}

int
prefilter_scan(
    struct prefilter_scratch *s, struct text text, prefilter_fn *fn, void *ctx)
{
	(void)s;
	(void)text;
	(void)fn;
	(void)ctx;
	return -1;
}
#endif
