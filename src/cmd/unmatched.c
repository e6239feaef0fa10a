/* SPDX-License-Identifier: MIT */
/*
 * The shape of a line: what has a digit in it becomes a star, as does what
 * stands in quotes.
 */
#include "cmd/unmatched.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <ctype.h>

#define TEXT_MAX 4096  /* bytes that are kept of a line */
#define QUOTED_MAX 200 /* what is longer is no quotation */

/* Words of trouble, whole; then names of errors in code, and errno's. */
static const char trouble[] =
    "(?i:\\b(?:err(?:or(?:s|ed)?)?|fail(?:s|ed|ing|ures?)?|fatal|"
    "panic(?:ked)?|crit(?:ical)?|emerg(?:ency)?|alert|severe|segfault|"
    "segmentation fault|core dumped|traceback|denied|refused|rejected|"
    "unreachable|time(?:d )?out|unable to|cannot|can't|could not|couldn't|"
    "killed|abort(?:ed|ing)?|out of memory|oom|corrupt(?:ed|ion)?|"
    "violat(?:es|ed|ion)|deadlock|unhandled|uncaught|exhausted|"
    "no space left|crash(?:ed)?)\\b)|[a-z](?:Error|Exception)\\b|"
    "\\bE[A-Z]{4,}\\b";
static const char none_of_it[] =
    "(?i)\\b(?:no|0|zero|without) (?:errors?|failures?|failed)\\b|"
    "\\b(?:errors?|failures?|failed)[=:] ?0\\b";

struct shape {
	struct unmatched_shape told;
	char *shape, *path, *text;
	uint64_t number; /* which of them it is, in order of their coming */
};

struct unmatched {
	struct map *shapes; /* by text */
	uint64_t others;
	struct str scratch;
};

static struct patterns
one_pattern(const char *text)
{
	struct patterns ps = { mem_new(1, sizeof *ps.v), 1 };

	ps.v[0] = pattern_compile(text_of(text), NULL, NULL);
	assert(ps.v[0] != NULL);
	return ps;
}

void
unmatched_rule(struct rule *rule, size_t sources)
{
	*rule = (struct rule){
		.id = mem_text("unmatched"),
		.sources = mem_new(sources, sizeof *rule->sources),
	};
	memset(rule->sources, true, sources);
	rule->parts[PART_MATCH] = one_pattern(trouble);
	rule->except = one_pattern(none_of_it);
}

static void
shape_free(void *value)
{
	struct shape *s = value;

	free(s->shape);
	free(s->path);
	free(s->text);
	free(s);
}

struct unmatched *
unmatched_new(void)
{
	struct unmatched *u = mem_new(1, sizeof *u);

	u->shapes = map_new(UNMATCHED_MAX, shape_free);
	return u;
}

void
unmatched_free(struct unmatched *u)
{
	if (u == NULL)
		return;
	map_free(u->shapes);
	str_free(&u->scratch);
	free(u);
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

/* How long the quotation is that some text begins with; 0: it is none.  An
 * apostrophe within a word begins none. */
static size_t
quoted_len(struct text text, char before)
{
	char quote = text.data[0];
	size_t most = text.len < QUOTED_MAX ? text.len : QUOTED_MAX;
	const char *end;

	if ((quote != '"' && quote != '\'' && quote != '`') || is_word(before))
		return 0;
	end = memchr(text.data + 1, quote, most - 1);
	return end != NULL ? (size_t)(end + 1 - text.data) : 0;
}

/* How long the word is that some text begins with; set whether a digit is in
 * it. */
static size_t
word_len(struct text text, bool *digit)
{
	size_t len = 0;

	*digit = false;
	for (; len < text.len && is_word(text.data[len]); len++)
		*digit |= isdigit((unsigned char)text.data[len]) != 0;
	return len;
}

enum piece { PIECE_QUOTED, PIECE_NUMBER, PIECE_WORD, PIECE_OTHER };

/* Takes the next piece off some text that is not empty: a quotation, a word
 * with a digit in it, any other word, or one byte. */
static enum piece
piece_next(struct text *text, char before, struct text *piece)
{
	bool digit = false;
	enum piece kind = PIECE_QUOTED;

	*piece = (struct text){ text->data, quoted_len(*text, before) };
	if (piece->len == 0) {
		piece->len = word_len(*text, &digit);
		kind = digit ? PIECE_NUMBER : PIECE_WORD;
	}
	if (piece->len == 0) {
		piece->len = 1;
		kind = PIECE_OTHER;
	}
	text->data += piece->len;
	text->len -= piece->len;
	return kind;
}

/* One star for several that only these join: a time, an address, an id. */
#define JOINS "-:./"

static void
put_star(struct str *out)
{
	if (out->len >= 2 && out->data[out->len - 2] == '*' &&
	    strchr(JOINS, out->data[out->len - 1]) != NULL)
		out->len -= 2;
	if (out->len == 0 || out->data[out->len - 1] != '*')
		str_putc(out, '*');
}

void
unmatched_shape_of(struct text text, struct str *out)
{
	char before = ' ';

	str_clear(out);
	while (text.len > 0) {
		struct text piece;

		switch (piece_next(&text, before, &piece)) {
		case PIECE_QUOTED:
			str_putc(out, piece.data[0]);
			str_putc(out, '*');
			str_putc(out, piece.data[0]);
			break;
		case PIECE_NUMBER:
			put_star(out);
			break;
		case PIECE_WORD:
		case PIECE_OTHER:
			str_add_text(out, piece);
			break;
		}
		before = piece.data[piece.len - 1];
	}
}

/* Adds text so that a pattern matches it; what does not belong into a rule
 * file, any character in its place. */
static void
put_literal(struct str *out, struct text text)
{
	while (text.len > 0) {
		struct utf8_char c = utf8_next(text);

		if (c.code == '\n')
			str_puts(out, "\\n");
		else if (utf8_is_control(c.code) || c.code == 0xfeff ||
			 c.code >= 0xfffd)
			str_putc(out, '.');
		else if (strchr("\\^$.[]|()?*+{}", text.data[0]) != NULL)
			str_printf(out, "\\%c", text.data[0]);
		else
			str_add(out, text.data, c.len);
		text.data += c.len;
		text.len -= c.len;
	}
}

static bool
is_ascii(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] & 0x80) != 0)
			return false;
	return true;
}

/*
 * Adds what a word with digits is matched by.
 *
 * end  behind the one before it where only a join was added since, which that
 *      one then matches too; else 0
 */
static void
put_class(struct str *out, size_t *end, struct text word)
{
	bool ascii = is_ascii(word);

	if (*end > 0 && ascii) {
		out->len = *end;
		out->data[out->len] = '\0';
	} else {
		str_puts(out, ascii ? "[\\w.:/-]+" : "\\S+");
	}
	*end = ascii ? out->len : 0;
}

/* A blank, and of several the plus that says so. */
static void
put_blank(struct str *out, bool again)
{
	if (!again)
		str_putc(out, ' ');
	else if (out->len > 0 && out->data[out->len - 1] == ' ')
		str_putc(out, '+');
}

size_t
unmatched_pattern_of(struct text text, size_t most, struct str *out)
{
	size_t rest = text.len > most ? text.len - most : 0;
	size_t end = 0, letters = 0;
	char before = ' ';

	str_clear(out);
	while (text.len > rest) {
		struct text piece;
		enum piece kind = piece_next(&text, before, &piece);
		char c = piece.data[0];
		bool joins = kind == PIECE_OTHER && end == out->len &&
		             c != '\0' && strchr(JOINS, c) != NULL;

		if (kind == PIECE_NUMBER)
			put_class(out, &end, piece);
		else if (kind == PIECE_QUOTED)
			str_printf(out, "%c[^%c]*%c", c, c, c);
		else if (c == ' ')
			put_blank(out, before == ' ');
		else
			put_literal(out, piece);
		if (kind != PIECE_NUMBER && !joins)
			end = 0;
		letters += kind == PIECE_WORD ? piece.len : 0;
		before = piece.data[piece.len - 1];
	}
	return letters;
}

static struct text
first_line(struct text text)
{
	const char *newline =
	    text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;

	if (newline != NULL)
		text.len = (size_t)(newline - text.data);
	return utf8_head_bytes(text, TEXT_MAX);
}

void
unmatched_add(struct unmatched *u, const struct event *event)
{
	struct text text = first_line(event->text);
	struct shape *s;

	unmatched_shape_of(text, &u->scratch);
	s = map_get(u->shapes, str_text(&u->scratch));
	if (s == NULL && map_count(u->shapes) == UNMATCHED_MAX) {
		u->others++;
		return;
	}
	if (s == NULL) {
		s = mem_new(1, sizeof *s);
		s->number = map_count(u->shapes);
		s->shape = mem_copy(u->scratch.data, u->scratch.len);
		s->path = mem_text(event->path);
		s->text = mem_copy(text.data, text.len);
		s->told =
		    (struct unmatched_shape){ 0, { s->shape, u->scratch.len },
			    s->path, event->line, { s->text, text.len } };
		map_put(u->shapes, str_text(&u->scratch), s);
	}
	s->told.count++;
}

struct all {
	const struct shape **v;
	size_t count;
};

static void
add_one(struct text key, void *value, void *ctx)
{
	struct all *all = ctx;

	(void)key;
	all->v[all->count++] = value;
}

static int
compare(const void *a, const void *b)
{
	const struct shape *x = *(const struct shape *const *)a;
	const struct shape *y = *(const struct shape *const *)b;

	if (x->told.count != y->told.count)
		return x->told.count > y->told.count ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

uint64_t
unmatched_each(struct unmatched *u, unmatched_fn *fn, void *ctx)
{
	struct all all = { mem_new(map_count(u->shapes), sizeof *all.v), 0 };

	map_each(u->shapes, add_one, &all);
	if (all.count > 1)
		qsort(all.v, all.count, sizeof *all.v, compare);
	for (size_t i = 0; i < all.count; i++)
		fn(&all.v[i]->told, ctx);
	free(all.v);
	return u->others;
}
