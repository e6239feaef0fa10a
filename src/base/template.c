/* SPDX-License-Identifier: MIT */
/*
 * Templates: literal text with slots between.
 */
#include "base/template.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>

/* A name, and the literal text that stands before it. */
struct slot {
	size_t from, len; /* the literal text before */
	char *name;
	size_t offset; /* where the name stands */
};

struct template
{
	char *text;
	struct slot *slots;
	size_t count;
	size_t rest, rest_len; /* the literal text behind the last slot */
};

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* Where pair stands from byte at on; the end where it does not. */
static size_t
pair_find(struct text text, size_t at, const char *pair)
{
	const char *found = NULL;

	if (at < text.len)
		found = memmem(text.data + at, text.len - at, pair, 2);
	return found == NULL ? text.len : (size_t)(found - text.data);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
fault_at(size_t *offset, size_t at)
{
	if (offset != NULL)
		*offset = at;
}

/* Checks the name between from and to, both without blanks. */
static int
name_check(
    struct text text, size_t from, size_t to, size_t *offset, struct err *err)
{
	struct text name = { text.data + from, to - from };
	struct str shown = { 0 };

	for (size_t i = from; i < to; i++) {
		if (is_name_char(text.data[i]))
			continue;
		fault_at(offset, i);
		utf8_display(utf8_head(name, 60), &shown);
		err_set(err,
		    "'%s' is no name (letters, digits, '_', '.' and '-')",
		    shown.data);
		str_free(&shown);
		return -1;
	}
	return 0;
}

/* Adds the slot that opens at byte open; *at is then behind it. */
static int
slot_read(struct template *t, struct text text, size_t open, size_t *at,
    size_t *offset, struct err *err)
{
	size_t from = open + 2;
	size_t close = pair_find(text, from, "}}");
	size_t to = close;

	fault_at(offset, open);
	if (close == text.len || pair_find(text, from, "{{") < close)
		return err_set(err, "'{{' without '}}' behind it");
	while (from < to && is_blank(text.data[from]))
		from++;
	while (to > from && is_blank(text.data[to - 1]))
		to--;
	if (from == to)
		return err_set(err, "no name between '{{' and '}}'");
	if (name_check(text, from, to, offset, err) < 0)
		return -1;
	if (t->count == TEMPLATE_NAMES_MAX)
		return err_set(err, "more than %d names", TEMPLATE_NAMES_MAX);
	t->slots = mem_resize(t->slots, t->count + 1, sizeof *t->slots);
	t->slots[t->count++] = (struct slot){ *at, open - *at,
		mem_copy(text.data + from, to - from), from };
	*at = close + 2;
	return 0;
}

struct template *
template_parse(struct text text, size_t *offset, struct err *err)
{
	struct template *t = mem_new(1, sizeof *t);
	size_t at = 0, open;

	t->text = mem_copy(text.data, text.len);
	while ((open = pair_find(text, at, "{{")) < text.len) {
		if (slot_read(t, text, open, &at, offset, err) < 0) {
			template_free(t);
			return NULL;
		}
	}
	t->rest = at;
	t->rest_len = text.len - at;
	return t;
}

void
template_free(struct template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->slots[i].name);
	free(t->slots);
	free(t->text);
	free(t);
}

size_t
template_count(const struct template *t)
{
	return t->count;
}

const char *
template_name(const struct template *t, size_t i)
{
	assert(i < t->count);
	return t->slots[i].name;
}

size_t
template_offset(const struct template *t, size_t i)
{
	assert(i < t->count);
	return t->slots[i].offset;
}

void
template_write(const struct template *t, template_value_fn *value, void *ctx,
    template_escape_fn *escape, struct str *out)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct slot *slot = &t->slots[i];
		struct text filled = value(slot->name, ctx);

		str_add(out, t->text + slot->from, slot->len);
		if (escape != NULL)
			escape(filled, out);
		else
			str_add_text(out, filled);
	}
	str_add(out, t->text + t->rest, t->rest_len);
}
