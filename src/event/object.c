/* SPDX-License-Identifier: MIT */
#include "event/object.h"

#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct cursor {
	const char *p, *end;
};

static void
skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' ||
				    *c->p == '\r' || *c->p == '\n'))
		c->p++;
}

static bool
take(struct cursor *c, char wanted)
{
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

/* Hexadecimal digits of \u; -1: there are no four. */
static int32_t
hex4(const char *p, const char *end)
{
	int32_t code = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit =
		    p[i] != '\0' ? strchr(digits, p[i] | 0x20) : NULL;

		/* A digit has that bit already. */
		if (digit == NULL || (p[i] < '0') || (p[i] > '9' && p[i] < 'A'))
			return -1;
		code = code * 16 + (int32_t)(digit - digits);
	}
	return code;
}

/* Behind the escape whose backslash it stands at. */
static bool
skip_escape(struct cursor *c)
{
	if (c->end - c->p < 2)
		return false;
	if (c->p[1] == 'u') {
		if (hex4(c->p + 2, c->end) < 0)
			return false;
		c->p += 6;
		return true;
	}
	if (c->p[1] == '\0' || strchr("\"\\/bfnrt", c->p[1]) == NULL)
		return false;
	c->p += 2;
	return true;
}

/* Behind the string whose quote it stands at. */
static bool
skip_string(struct cursor *c)
{
	c->p++;
	for (;;) {
		while (c->p < c->end && *c->p != '"' && *c->p != '\\')
			c->p++;
		if (take(c, '"'))
			return true;
		if (c->p == c->end || !skip_escape(c))
			return false;
	}
}

static size_t
digits(struct cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return (size_t)(c->p - from);
}

static bool
skip_number(struct cursor *c)
{
	take(c, '-');
	if (digits(c) == 0 || (take(c, '.') && digits(c) == 0))
		return false;
	if (!take(c, 'e') && !take(c, 'E'))
		return true;
	if (!take(c, '+'))
		take(c, '-');
	return digits(c) > 0;
}

static bool
skip_word(struct cursor *c)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(c->end - c->p) >= len &&
		    memcmp(c->p, words[i], len) == 0) {
			c->p += len;
			return true;
		}
	}
	return false;
}

/* Behind a value that is no list and no object. */
static bool
skip_scalar(struct cursor *c)
{
	if (c->p == c->end)
		return false;
	if (*c->p == '"')
		return skip_string(c);
	if (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'))
		return skip_number(c);
	return skip_word(c);
}

/* The quoted name, and the colon. */
static bool
skip_name(struct cursor *c, struct text *name)
{
	skip_blanks(c);
	name->data = c->p;
	if (c->p == c->end || *c->p != '"' || !skip_string(c))
		return false;
	name->len = (size_t)(c->p - name->data);
	skip_blanks(c);
	if (!take(c, ':'))
		return false;
	skip_blanks(c);
	return true;
}

/* What is open, a bit a level: whether that is an object. */
struct nest {
	uint64_t objects;
	int depth;
};

static bool
is_in_object(const struct nest *n)
{
	return (n->objects >> (n->depth - 1) & 1) != 0;
}

/* Into a list or an object; *empty: and out of it again. */
static bool
enter(struct nest *n, struct cursor *c, bool *empty)
{
	bool object = *c->p == '{';
	uint64_t bit = UINT64_C(1) << n->depth;

	if (n->depth == OBJECT_DEPTH_MAX - 1)
		return false;
	c->p++;
	skip_blanks(c);
	*empty = take(c, object ? '}' : ']');
	if (*empty)
		return true;
	n->objects = object ? n->objects | bit : n->objects & ~bit;
	n->depth++;
	return true;
}

/* Behind a value of any kind. */
static bool
skip_value(struct cursor *c)
{
	struct nest n = { 0 };
	struct text name;

	for (;;) {
		bool ended = true;

		if (n.depth > 0 && is_in_object(&n) && !skip_name(c, &name))
			return false;
		skip_blanks(c);
		if (c->p < c->end && (*c->p == '{' || *c->p == '[')) {
			if (!enter(&n, c, &ended))
				return false;
		} else if (!skip_scalar(c)) {
			return false;
		}
		/* Out of all that ends here. */
		while (ended && n.depth > 0) {
			skip_blanks(c);
			if (take(c, ','))
				break;
			if (!take(c, is_in_object(&n) ? '}' : ']'))
				return false;
			n.depth--;
		}
		if (ended && n.depth == 0)
			return true;
	}
}

bool
members_next(struct members *m, struct text *name, struct text *value)
{
	struct cursor c = { m->rest.data, m->rest.data + m->rest.len };
	bool first = !m->begun;

	m->begun = true;
	m->rest.len = 0; /* where it goes wrong, there is no more */
	skip_blanks(&c);
	if (first && !take(&c, '{'))
		return false;
	skip_blanks(&c);
	if (take(&c, '}')) {
		m->whole = true;
		m->rest = (struct text){ c.p, (size_t)(c.end - c.p) };
		return false;
	}
	if (!first && !take(&c, ','))
		return false;
	if (!skip_name(&c, name))
		return false;
	value->data = c.p;
	if (!skip_value(&c))
		return false;
	value->len = (size_t)(c.p - value->data);
	m->rest = (struct text){ c.p, (size_t)(c.end - c.p) };
	return true;
}

static void
add_code(uint32_t code, struct str *out)
{
	if (code < 0x80) {
		str_putc(out, (char)code);
	} else if (code < 0x800) {
		str_putc(out, (char)(0xc0 | code >> 6));
		str_putc(out, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		str_putc(out, (char)(0xe0 | code >> 12));
		str_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		str_putc(out, (char)(0x80 | (code & 0x3f)));
	} else {
		str_putc(out, (char)(0xf0 | code >> 18));
		str_putc(out, (char)(0x80 | (code >> 12 & 0x3f)));
		str_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		str_putc(out, (char)(0x80 | (code & 0x3f)));
	}
}

/* The character of \u, of two of them where they are a surrogate pair; half a
 * pair is U+FFFD.  Returns behind it. */
static const char *
add_unicode(const char *p, const char *end, struct str *out)
{
	int32_t code = hex4(p + 2, end), low;

	p += 6;
	if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' &&
	    p[1] == 'u') {
		low = hex4(p + 2, end);
		if (low >= 0xdc00 && low < 0xe000) {
			add_code(0x10000 + ((uint32_t)(code - 0xd800) << 10) +
				     (uint32_t)(low - 0xdc00),
			    out);
			return p + 6;
		}
	}
	if (code >= 0xd800 && code < 0xe000)
		code = 0xfffd;
	add_code((uint32_t)code, out);
	return p;
}

static const char *
add_escape(const char *p, const char *end, struct str *out)
{
	static const char codes[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	const char *code;
	char c = p[1];

	if (c == 'u')
		return add_unicode(p, end, out);
	code = strchr(codes, c);
	if (code != NULL)
		c = bytes[code - codes];
	str_putc(out, c);
	return p + 2;
}

void
object_value(struct text value, struct str *out)
{
	const char *p = value.data, *end = p + value.len;

	if (value.len < 2 || *p != '"') {
		str_add_text(out, value);
		return;
	}
	p++;
	end--;
	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));

		str_add(out, p, (size_t)((escape ? escape : end) - p));
		p = escape != NULL ? add_escape(escape, end, out) : end;
	}
}

/* Whether a quoted name is one; -1: not, else how much of `field` it is. */
static ssize_t
name_matches(struct text name, const char *field)
{
	struct str plain = { 0 };
	struct text text = { name.data + 1, name.len - 2 };
	ssize_t len = -1;

	if (memchr(text.data, '\\', text.len) != NULL) {
		object_value(name, &plain);
		text = str_text(&plain);
	}
	if (strncmp(field, text.data != NULL ? text.data : "", text.len) == 0 &&
	    strlen(field) >= text.len &&
	    (field[text.len] == '\0' || field[text.len] == '.'))
		len = (ssize_t)text.len;
	str_free(&plain);
	return len;
}

/* The field of an object, or of those in it. */
static bool
find(struct text object, const char *field, struct text *found)
{
	struct members m = { .rest = object };
	struct text name, value;

	while (members_next(&m, &name, &value)) {
		ssize_t len = field != NULL ? name_matches(name, field) : -1;

		if (len < 0)
			continue;
		if (field[len] == '\0')
			*found = value;
		else if (value.data[0] == '{')
			find(value, field + len + 1, found);
	}
	object = m.rest;
	while (object.len > 0 && strchr(" \t\r\n", *object.data) != NULL &&
	       *object.data != '\0') {
		object.data++;
		object.len--;
	}
	return m.whole && object.len == 0;
}

bool
object_read(struct text line, const char *field, struct text *value)
{
	*value = (struct text){ NULL, 0 };
	return find(line, field, value);
}

static bool
each(struct text object, struct str *prefix, object_field_fn *fn, void *ctx)
{
	struct members m = { .rest = object };
	struct text name, value;
	size_t len = prefix->len;
	bool more = true;

	while (more && members_next(&m, &name, &value)) {
		prefix->len = len;
		object_value(name, prefix);
		if (value.data[0] == '{') {
			str_putc(prefix, '.');
			more = each(value, prefix, fn, ctx);
		} else {
			more = fn(str_text(prefix), value, ctx);
		}
	}
	return more;
}

void
object_each(struct text line, object_field_fn *fn, void *ctx)
{
	struct str prefix = { 0 };

	each(line, &prefix, fn, ctx);
	str_free(&prefix);
}
