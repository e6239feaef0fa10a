/* SPDX-License-Identifier: MIT */
/*
 * Reads a pattern from left to right.  Characters that follow each other are a
 * run; whatever is no plain character ends it.  Of alternatives each has to
 * have one.  Where it is not sure what something means, it gives up: PCRE2 has
 * compiled the pattern, so that nothing in it is wrong.
 *
 * The same is done by RE2's prefilter (R. Cox, Regular Expression Matching with
 * a Trigram Index, 2012) and by ripgrep for its inner literals.
 */
#include "match/literal.h"

#include "base/mem.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 20 /* groups in groups */
/* Bytes of a log from one to the next; where it is less, asking PCRE2 each time
 * takes longer than looking for the pattern. */
#define FREQUENT 16384
#define TRIPLES 65536 /* of three bytes, told apart by a hash */

struct parse {
	const char *p, *end;
	bool failed;
	bool caseless; /* (?i) */
	bool quoted;   /* within \Q...\E */
	unsigned depth;
};

/* What is known of a part of a pattern. */
struct part {
	struct literal_choices choices;
	bool exact; /* it matches this and nothing else: */
	struct literal text;
};

/* Alternatives side by side: */
static void parse_alternatives(struct parse *ps, struct part *out);

static size_t
left(const struct parse *ps)
{
	return (size_t)(ps->end - ps->p);
}

static bool
at(const struct parse *ps, const char *text)
{
	size_t len = strlen(text);

	return left(ps) >= len && memcmp(ps->p, text, len) == 0;
}

static bool
take(struct parse *ps, const char *text)
{
	if (!at(ps, text))
		return false;
	ps->p += strlen(text);
	return true;
}

/* Choices. */

static size_t
shortest(const struct literals *ls)
{
	size_t len = LITERAL_BYTES;

	for (size_t i = 0; i < ls->count; i++)
		if (ls->v[i].len < len)
			len = ls->v[i].len;
	return len;
}

/* What is long is rare, and one is sooner found than several. */
static bool
is_better(const struct literals *a, const struct literals *b)
{
	size_t x = shortest(a), y = shortest(b);

	return x != y ? x > y : a->count < b->count;
}

static void
choices_add(struct literal_choices *cs, const struct literals *ls)
{
	size_t i = cs->count;

	if (shortest(ls) < LITERAL_LEAST)
		return;
	while (i > 0 && is_better(ls, &cs->v[i - 1]))
		i--;
	if (i == LITERAL_CHOICES)
		return;
	if (cs->count < LITERAL_CHOICES)
		cs->count++;
	memmove(&cs->v[i + 1], &cs->v[i], (cs->count - 1 - i) * sizeof *cs->v);
	cs->v[i] = *ls;
}

/* One or the other: the best of each, or nothing. */
static void
choices_or(struct literal_choices *a, const struct literal_choices *b)
{
	struct literals both;

	if (a->count == 0 || b->count == 0 ||
	    a->v[0].count + b->v[0].count > LITERALS_MAX) {
		a->count = 0;
		return;
	}
	both = a->v[0];
	for (size_t i = 0; i < b->v[0].count; i++)
		both.v[both.count++] = b->v[0].v[i];
	a->v[0] = both;
	a->count = 1;
}

/* Runs. */

struct branch {
	struct part *part;
	struct literal run;
};

static void
run_end(struct branch *b)
{
	struct literals ls = { .count = 1 };

	if (b->run.len > 0) {
		ls.v[0] = b->run;
		choices_add(&b->part->choices, &ls);
	}
	b->run.len = 0;
}

/* Something that is no plain text, or not once. */
static void
run_break(struct branch *b)
{
	run_end(b);
	b->part->exact = false;
}

static bool
literal_add(struct literal *l, const char *bytes, size_t len)
{
	if (l->len + len > sizeof l->bytes)
		return false;
	memcpy(l->bytes + l->len, bytes, len);
	l->len += len;
	return true;
}

static bool
is_ascii(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)bytes[i] >= 0x80)
			return false;
	return true;
}

static void
run_add(struct branch *b, const char *bytes, size_t len, bool caseless)
{
	struct part *part = b->part;

	if (caseless && !is_ascii(bytes, len)) {
		run_break(b);
		return;
	}
	if (b->run.len > 0 && b->run.caseless != caseless)
		run_break(b);
	b->run.caseless = caseless;
	if (!literal_add(&b->run, bytes, len)) {
		run_break(b);
		literal_add(&b->run, bytes, len);
	}
	part->text.caseless = caseless;
	part->exact = part->exact && literal_add(&part->text, bytes, len);
}

/* Repeats. */

struct repeat {
	bool is;   /* there is one */
	bool none; /* it may be left out altogether */
};

/* {n}, {n,} or {n,m}.  Others are such to some versions of PCRE2 only. */
static bool
parse_braces(struct parse *ps, struct repeat *r)
{
	const char *p = ps->p + 1, *digits = p;
	bool comma = false;

	while (p < ps->end && strchr("0123456789, ", *p) != NULL)
		p++;
	if (p == ps->end || *p != '}' || p == digits)
		return false;
	for (const char *q = digits; q < p; q++) {
		ps->failed |= *q == ' ' || (*q == ',' && comma);
		comma |= *q == ',';
	}
	ps->failed |= *digits == ',';
	r->is = true;
	r->none = strtol(digits, NULL, 10) == 0;
	ps->p = p + 1;
	return true;
}

static struct repeat
parse_repeat(struct parse *ps)
{
	struct repeat r = { false, false };

	if (ps->quoted || left(ps) == 0)
		return r;
	if (*ps->p == '*' || *ps->p == '?' || *ps->p == '+') {
		r = (struct repeat){ true, *ps->p != '+' };
		ps->p++;
	} else if (*ps->p != '{' || !parse_braces(ps, &r)) {
		return r;
	}
	/* Lazy or possessive. */
	if (left(ps) > 0 && (*ps->p == '?' || *ps->p == '+'))
		ps->p++;
	return r;
}

/* Characters. */

static size_t
char_len(const struct parse *ps)
{
	size_t len = 1;

	while (len < left(ps) && (ps->p[len] & 0xc0) == 0x80)
		len++;
	return len;
}

static void
parse_char(struct parse *ps, struct branch *b)
{
	const char *c = ps->p;
	size_t len = char_len(ps);
	struct repeat r;

	ps->p += len;
	if (ps->quoted && take(ps, "\\E"))
		ps->quoted = false;
	r = parse_repeat(ps);
	if (r.none || *c == '\n') {
		run_break(b);
		return;
	}
	run_add(b, c, len, ps->caseless);
	if (r.is)
		run_break(b);
}

/* What is no plain character; it has been read. */
static void
parse_other(struct parse *ps, struct branch *b)
{
	parse_repeat(ps);
	run_break(b);
}

/* Behind \x, \o, \p and the like: {...}, or what could be meant. */
static void
skip_argument(struct parse *ps, const char *set)
{
	const char *stop;

	if (left(ps) > 0 && *ps->p == '{') {
		stop = memchr(ps->p, '}', left(ps));
		ps->failed |= stop == NULL;
		ps->p = stop == NULL ? ps->end : stop + 1;
		return;
	}
	while (left(ps) > 0 && *ps->p != '\0' && strchr(set, *ps->p) != NULL)
		ps->p++;
}

/* p is behind the backslash. */
static void
parse_escape(struct parse *ps, struct branch *b)
{
	char c = '\0';

	if (left(ps) > 0)
		c = *ps->p;
	if (c == '\0') {
		ps->failed = true;
		return;
	}
	if (!isalnum((unsigned char)c)) {
		parse_char(ps, b);
	} else if (c == 'Q') {
		ps->p++;
		ps->quoted = !take(ps, "\\E");
	} else if (strchr("bBAzZGK", c) != NULL) {
		ps->p++;
		parse_repeat(ps);
	} else if (strchr("dDwWsShHvVRXtnrfea", c) != NULL) {
		ps->p++;
		parse_other(ps, b);
	} else if (isdigit((unsigned char)c)) {
		skip_argument(ps, "0123456789");
		parse_other(ps, b);
	} else if (c == 'x') {
		ps->p++;
		skip_argument(ps, "0123456789abcdefABCDEF");
		parse_other(ps, b);
	} else if ((c == 'p' || c == 'P') && left(ps) > 1) {
		ps->p += ps->p[1] == '{' ? 1 : 2;
		skip_argument(ps, "");
		parse_other(ps, b);
	} else {
		ps->failed = true;
	}
}

/* How far [:name:] goes, which PCRE2 takes for one where it is closed; 0: it is
 * none. */
static size_t
posix_len(const struct parse *ps)
{
	char c = '\0';

	if (left(ps) > 1)
		c = ps->p[1];
	if (c != ':' && c != '.' && c != '=')
		return 0;
	for (const char *q = ps->p + 2; ps->end - q >= 2; q++) {
		if (q[0] == '\\' && (q[1] == ']' || q[1] == '\\'))
			q++;
		else if (q[0] == ']' || (q[0] == '[' && q[1] == c))
			return 0;
		else if (q[0] == c && q[1] == ']')
			return (size_t)(q + 2 - ps->p);
	}
	return 0;
}

/* p is behind the bracket. */
static void
parse_class(struct parse *ps, struct branch *b)
{
	take(ps, "^");
	take(ps, "]");
	while (left(ps) > 0 && *ps->p != ']') {
		size_t len = 1;

		if (at(ps, "\\Q") || at(ps, "\\E") || at(ps, "\\c"))
			ps->failed = true;
		if (*ps->p == '\\' && left(ps) > 1)
			len = 2;
		else if (*ps->p == '[' && posix_len(ps) > 0)
			len = posix_len(ps);
		ps->p += len;
	}
	ps->failed |= !take(ps, "]");
	parse_other(ps, b);
}

/* Groups. */

/* (?i-s) or (?i-s:...); p is behind the question mark.  False: it is none. */
static bool
parse_options(struct parse *ps, bool *caseless)
{
	const char *q = ps->p;
	bool on = true;

	*caseless = ps->caseless;
	for (; q < ps->end && strchr("imsnJU-", *q) != NULL; q++) {
		if (*q == '-')
			on = false;
		else if (*q == 'i')
			*caseless = on;
	}
	if (q == ps->end || (*q != ':' && *q != ')'))
		return false;
	ps->p = q;
	return true;
}

static void
skip_name(struct parse *ps, char close)
{
	const char *stop = memchr(ps->p, close, left(ps));

	ps->failed |= stop == NULL;
	ps->p = stop == NULL ? ps->end : stop + 1;
}

/* The rest of a group, up to behind its parenthesis. */
static void
parse_group_rest(struct parse *ps, struct part *part, bool caseless)
{
	bool outside = ps->caseless;

	ps->caseless = caseless;
	ps->failed |= ++ps->depth > DEPTH_MAX;
	if (!ps->failed)
		parse_alternatives(ps, part);
	ps->failed |= !take(ps, ")");
	ps->depth--;
	ps->caseless = outside;
}

static void
parse_around(struct parse *ps, struct branch *b)
{
	struct part part;

	parse_group_rest(ps, &part, ps->caseless);
	parse_other(ps, b);
}

static void
add_group(struct parse *ps, struct branch *b, bool caseless)
{
	struct part part;
	struct repeat r;

	parse_group_rest(ps, &part, caseless);
	if (ps->failed)
		return;
	r = parse_repeat(ps);
	if (!r.is && part.exact) {
		if (part.text.len > 0)
			run_add(b, part.text.bytes, part.text.len,
			    part.text.caseless);
		return;
	}
	run_break(b);
	for (size_t i = 0; !r.none && i < part.choices.count; i++)
		choices_add(&b->part->choices, &part.choices.v[i]);
}

/* p is behind the parenthesis. */
static void
parse_group(struct parse *ps, struct branch *b)
{
	bool caseless = ps->caseless;

	if (at(ps, "*") || at(ps, "?<*")) {
		ps->failed = true;
		return;
	}
	if (!take(ps, "?")) {
		add_group(ps, b, caseless);
		return;
	}
	if (take(ps, "=") || take(ps, "!") || take(ps, "<=") ||
	    take(ps, "<!")) {
		parse_around(ps, b);
		return;
	}
	if (take(ps, "<") || take(ps, "P<"))
		skip_name(ps, '>');
	else if (take(ps, "'"))
		skip_name(ps, '\'');
	else if (parse_options(ps, &caseless) && take(ps, ")"))
		ps->caseless = caseless;
	else if (!take(ps, ":") && !take(ps, ">") && !take(ps, "|"))
		ps->failed = true;
	if (!ps->failed && ps->p[-1] != ')')
		add_group(ps, b, caseless);
}

static void
parse_atom(struct parse *ps, struct branch *b)
{
	struct repeat r;

	if (ps->quoted) {
		parse_char(ps, b);
		return;
	}
	switch (*ps->p) {
	case '\\':
		ps->p++;
		parse_escape(ps, b);
		break;
	case '[':
		ps->p++;
		parse_class(ps, b);
		break;
	case '(':
		ps->p++;
		parse_group(ps, b);
		break;
	case '.':
		ps->p++;
		parse_other(ps, b);
		break;
	case '^':
	case '$':
		ps->p++;
		parse_repeat(ps);
		break;
	case '*':
	case '+':
	case '?':
		ps->failed = true;
		break;
	case '{':
		/* A repeat of what was not taken for something to repeat. */
		ps->failed |= parse_braces(ps, &r);
		/* fall through */
	default:
		if (!ps->failed)
			parse_char(ps, b);
	}
}

static void
parse_branch(struct parse *ps, struct part *out)
{
	struct branch b = { .part = out };

	out->choices.count = 0;
	out->text.len = 0;
	out->exact = true;
	while (!ps->failed && left(ps) > 0 &&
	       (ps->quoted || (*ps->p != '|' && *ps->p != ')')))
		parse_atom(ps, &b);
	run_end(&b);
}

static void
parse_alternatives(struct parse *ps, struct part *out)
{
	struct part other;

	parse_branch(ps, out);
	while (!ps->failed && take(ps, "|")) {
		parse_branch(ps, &other);
		choices_or(&out->choices, &other.choices);
		out->exact = false;
	}
}

void
literals_find(struct text pattern, struct literal_choices *out)
{
	struct parse ps = { .p = pattern.data,
		.end = pattern.data + pattern.len };
	struct part part;

	out->count = 0;
	if (pattern.len == 0 || memchr(pattern.data, '\0', pattern.len) != NULL)
		return;
	parse_alternatives(&ps, &part);
	if (!ps.failed && left(&ps) == 0)
		*out = part.choices;
}

static size_t
count_caseless(const struct literal *l, struct text text)
{
	char first[3] = { (char)tolower((unsigned char)l->bytes[0]),
		(char)toupper((unsigned char)l->bytes[0]), '\0' };
	size_t count = 0;

	for (size_t i = 0; i + l->len <= text.len; i++)
		count +=
		    (text.data[i] == first[0] || text.data[i] == first[1]) &&
		    strncasecmp(text.data + i, l->bytes, l->len) == 0;
	return count;
}

static size_t
count_one(const struct literal *l, struct text text)
{
	const char *p = text.data, *end = p + text.len;
	size_t count = 0;

	if (l->caseless)
		return count_caseless(l, text);
	while ((p = memmem(p, (size_t)(end - p), l->bytes, l->len)) != NULL) {
		p += l->len;
		count++;
	}
	return count;
}

static size_t
count_any(const struct literals *ls, struct text text)
{
	size_t count = 0;

	for (size_t i = 0; text.len > 0 && i < ls->count; i++)
		count += count_one(&ls->v[i], text);
	return count;
}

const struct literals *
literals_choose(const struct literal_choices *cs, struct text sample)
{
	size_t least = sample.len / FREQUENT + 1;
	const struct literals *found = NULL;

	for (size_t i = 0; i < cs->count && least > 0; i++) {
		size_t count = count_any(&cs->v[i], sample);

		if (count >= least)
			continue;
		least = count;
		found = &cs->v[i];
	}
	return found;
}

/* Of the three bytes before a place. */
static size_t
triple_before(const char *p)
{
	const unsigned char *q = (const unsigned char *)p;

	return (q[-3] * 7919U ^ q[-2] * 263U ^ q[-1]) % TRIPLES;
}

/* counts  by triple */
static void
cut(struct literal *l, const uint32_t *counts)
{
	size_t best = l->len;

	for (size_t len = l->len; len-- > LITERAL_CUT;) {
		if ((l->bytes[len] & 0xc0) == 0x80) /* within a character */
			continue;
		if (counts[triple_before(l->bytes + len)] <
		    counts[triple_before(l->bytes + best)])
			best = len;
	}
	l->len = best;
}

void
literals_cut(struct literals *all, size_t count, struct text sample)
{
	uint32_t *counts = mem_new(TRIPLES, sizeof *counts);

	for (size_t i = 3; i <= sample.len; i++)
		counts[triple_before(sample.data + i)]++;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < all[i].count; j++)
			cut(&all[i].v[j], counts);
	free(counts);
}
