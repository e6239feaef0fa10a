/* SPDX-License-Identifier: MIT */
/*
 * Values of scalars, and the keys a map may have: what was expected, and what
 * stands there instead.
 */
#include "conf/tree.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "base/when.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WIDE_COLON "\xef\xbc\x9a" /* U+FF1A, of Chinese input methods */
#define PREFIX_MIN 3              /* letters of a word that tell which it is */

const struct key *
key_find(const struct key *keys, const char *name)
{
	while (keys->name != NULL && strcmp(keys->name, name) != 0)
		keys++;
	return keys->name != NULL && !keys->later ? keys : NULL;
}

/* The key of the table that an unknown one was meant to be, or NULL. */
static const char *
key_suggest(
    const char *word, const struct key *keys, const struct synonym *synonyms)
{
	const char *found = NULL;
	const char **words;
	size_t count = 0;

	for (const struct synonym *s = synonyms; s && s->word; s++, count++)
		if (strcasecmp(word, s->word) == 0)
			return s->key;
	for (const struct key *k = keys; k->name != NULL; k++)
		count++;
	words = mem_new(count, sizeof *words);
	count = 0;
	for (const struct key *k = keys; k->name != NULL; k++)
		words[count++] = k->name;
	found = diag_suggest(word, words, count);
	count = 0;
	for (const struct synonym *s = synonyms; s && s->word; s++)
		words[count++] = s->word;
	if (found == NULL && count > 0) {
		found = diag_suggest(word, words, count);
		for (const struct synonym *s = synonyms; found && s->word; s++)
			if (s->word == found) {
				found = s->key;
				break;
			}
	}
	free(words);
	return found;
}

/* A fault where the table does not have the key, or has it for later. */
static void
key_look_up(const struct node *key, const struct key *keys,
    const struct synonym *synonyms, const char *what)
{
	struct text shown = utf8_head(key->raw, SHOWN_MAX);
	const struct key *k = keys;
	const char *meant;

	while (k->name != NULL && !text_is(key->raw, k->name))
		k++;
	if (k->name != NULL && k->later)
		node_error(key, "%s: '%s' is not supported yet", what, k->name);
	if (k->name != NULL)
		return;
	meant = key_suggest(key->raw.data, keys, synonyms);
	if (meant == NULL)
		node_error(key, "%s: unknown key '%.*s'", what, (int)shown.len,
		    shown.data);
	else
		node_error(key, "%s: unknown key '%.*s' (did you mean '%s'?)",
		    what, (int)shown.len, shown.data, meant);
}

/* Why a map was taken for text, or "". */
static const char *
map_hint(const struct node *n)
{
	const char *colon;

	if (n->kind != NODE_SCALAR || n->style != STYLE_PLAIN)
		return "";
	if (strstr(n->raw.data, WIDE_COLON) != NULL)
		return " ('" WIDE_COLON "' is no ':')";
	colon = strchr(n->raw.data, ':');
	if (colon != NULL && colon[1] != '/')
		return " (a blank has to follow the ':' of a key)";
	return "";
}

bool
node_keys(const struct node *n, const struct key *keys,
    const struct synonym *synonyms, const char *what)
{
	if (n->kind != NODE_MAP) {
		node_error(n, "%s: expected a map, not %s%s", what,
		    node_kind_name(n), map_hint(n));
		return false;
	}
	for (size_t i = 0; i < n->count; i++)
		key_look_up(n->keys[i], keys, synonyms, what);
	return true;
}

bool
node_lacks(const struct node *map, const char *key, const struct key *keys)
{
	if (node_get(map, key) != NULL)
		return false;
	for (size_t i = 0; i < node_count(map); i++) {
		const struct key *k = keys;

		while (k->name != NULL &&
		       strcmp(k->name, node_key_name(map, i)) != 0)
			k++;
		if (k->name == NULL)
			return false;
	}
	return true;
}

/* How a fault about a value begins. */
static const char *
value_prefix(const struct node *n, char prefix[static SHOWN_MAX * 4 + 8])
{
	struct text shown = utf8_head(text_of(n->name), SHOWN_MAX);

	prefix[0] = '\0';
	if (n->name != NULL)
		snprintf(prefix, SHOWN_MAX * 4 + 8, "'%.*s': ", (int)shown.len,
		    shown.data);
	return prefix;
}

static void
kind_fault(const struct node *n, const char *expected)
{
	char prefix[SHOWN_MAX * 4 + 8];

	node_error(n, "%sexpected %s, not %s", value_prefix(n, prefix),
	    expected, node_kind_name(n));
}

/*
 * value  as read from n; one that variables made is not shown, as it may be a
 *        secret
 * why    in words, or NULL
 */
static void
value_fault(const struct node *n, const char *value, const char *expected,
    const char *why)
{
	char prefix[SHOWN_MAX * 4 + 8];
	struct text shown = utf8_head(n->raw, SHOWN_MAX);

	node_error(n, "%sexpected %s, not %s'%.*s'%s%s%s%s",
	    value_prefix(n, prefix), expected,
	    text_is(n->raw, value) ? "" : "the value of ", (int)shown.len,
	    shown.data, shown.len < n->raw.len ? "..." : "",
	    why != NULL ? " (" : "", why != NULL ? why : "",
	    why != NULL ? ")" : "");
}

static void __attribute__((format(printf, 3, 4)))
text_fault(const struct node *n, size_t offset, const char *format, ...)
{
	char prefix[SHOWN_MAX * 4 + 8];
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	node_error_at(n, offset, "%s%s", value_prefix(n, prefix), text);
	free(text);
}

static bool
is_text(const struct node *n, const char *expected)
{
	if (n->kind == NODE_SCALAR && !node_is_null(n))
		return !n->bad;
	kind_fault(n, expected);
	return false;
}

bool
node_raw(const struct node *n, struct text *out)
{
	if (n == NULL || !is_text(n, "text"))
		return false;
	*out = n->raw;
	return true;
}

/* The length of the name that begins at byte at. */
static size_t
variable_name_len(struct text text, size_t at)
{
	size_t len = 0;

	for (; at + len < text.len; len++) {
		char c = text.data[at + len];
		bool digit = c >= '0' && c <= '9';

		if ((c | 32) >= 'a' && (c | 32) <= 'z')
			continue;
		if (c != '_' && !(digit && len > 0))
			break;
	}
	return len;
}

/* A variable that has no value, and no default. */
static void
unset_fault(const struct node *n, size_t at, const char *name,
    const char *message, size_t len)
{
	if (message != NULL && len > 0)
		text_fault(n, at, "%.*s (the variable %.60s is not set)",
		    (int)len, message, name);
	else
		text_fault(n, at,
		    "the variable %.60s is not set (set it, or give a "
		    "default: ${%.60s:-...})",
		    name, name);
}

/* Adds what a variable holds, or its default; rest is from ':' on. */
static bool
variable_write(const struct node *n, size_t at, const char *name,
    struct text rest, struct str *out)
{
	const char *value = getenv(name);

	if (value != NULL && utf8_valid(text_of(value)) < strlen(value)) {
		text_fault(n, at, "the variable %.60s is no UTF-8", name);
		return false;
	}
	if (value != NULL && (*value != '\0' || rest.len == 0))
		str_puts(out, value);
	else if (rest.len > 0 && rest.data[1] == '-')
		str_add(out, rest.data + 2, rest.len - 2);
	else {
		unset_fault(n, at, name, rest.len > 0 ? rest.data + 2 : NULL,
		    rest.len > 0 ? rest.len - 2 : 0);
		return false;
	}
	return true;
}

/* Reads the "${…}" at byte *at, which is then behind it. */
static bool
variable_read(const struct node *n, size_t *at, struct str *out)
{
	size_t open = *at, from = open + 2;
	size_t len = variable_name_len(n->raw, from);
	const char *close = memchr(n->raw.data + from, '}', n->raw.len - from);
	struct text rest;
	char *name;
	bool good;

	if (close == NULL) {
		*at = n->raw.len;
		text_fault(n, open,
		    "'${' without '}' (for a '$' of its own write $$)");
		return false;
	}
	rest.data = n->raw.data + from + len;
	rest.len = (size_t)(close - rest.data);
	*at = (size_t)(close + 1 - n->raw.data);
	if (len == 0 || (rest.len > 0 && strncmp(rest.data, ":-", 2) != 0 &&
			    strncmp(rest.data, ":?", 2) != 0)) {
		text_fault(n, from + len,
		    "expected ${NAME}, ${NAME:-default} or "
		    "${NAME:?message} (for a '$' of its own write $$)");
		return false;
	}
	name = mem_copy(n->raw.data + from, len);
	good = variable_write(n, open, name, rest, out);
	free(name);
	return good;
}

/* The text with its variables; goes on after a fault, to tell them all. */
static bool
expand(const struct node *n, struct str *out)
{
	bool good = true;

	for (size_t at = 0; at < n->raw.len;) {
		char c = n->raw.data[at];
		char next = n->raw.data[at + 1]; /* NUL behind the last */

		if (c == '$' && next == '{') {
			good = variable_read(n, &at, out) && good;
		} else {
			str_putc(out, c);
			at += c == '$' && next == '$' ? 2 : 1;
		}
		if (out->len > FILE_MAX_BYTES) {
			text_fault(n, 0, "more than 1 MiB of text");
			return false;
		}
	}
	return good;
}

/* Text that says what was expected where it is none. */
static bool
value_read(const struct node *n, const char *expected, const char **out)
{
	struct str text = { 0 };
	bool good;

	if (n == NULL || !is_text(n, expected))
		return false;
	if (memchr(n->raw.data, '\0', n->raw.len) != NULL) {
		text_fault(n, strlen(n->raw.data), "text cannot hold NUL");
		return false;
	}
	if (memchr(n->raw.data, '$', n->raw.len) == NULL) {
		*out = n->raw.data;
		return true;
	}
	good = expand(n, &text);
	if (good)
		*out = doc_copy(n->doc, str_text(&text)).data;
	str_free(&text);
	return good;
}

bool
node_text(const struct node *n, const char **out)
{
	return value_read(n, "text", out);
}

/* The word that YAML 1.1 took for a boolean, in ours. */
static const char *
bool_hint(const char *word)
{
	static const char *const yes[] = { "true", "yes", "on", "y", "1" };
	static const char *const no[] = { "false", "no", "off", "n", "0" };

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (strcasecmp(word, yes[i]) == 0)
			return "write true";
		if (strcasecmp(word, no[i]) == 0)
			return "write false";
	}
	return NULL;
}

bool
node_bool(const struct node *n, bool *out)
{
	static const char expected[] = "true or false";
	const char *value;

	if (!value_read(n, expected, &value))
		return false;
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
		value_fault(n, value, expected, bool_hint(value));
		return false;
	}
	*out = value[0] == 't';
	return true;
}

/* "a whole number from 1 to 9", and without the ends that bound nothing. */
static const char *
range_text(
    const char *thing, const char *min, const char *max, char out[static 128])
{
	if (max == NULL)
		snprintf(out, 128, "%s of at least %s", thing, min);
	else
		snprintf(out, 128, "%s from %s to %s", thing, min, max);
	return out;
}

static const char *
int_expected(int64_t min, int64_t max, char out[static 128])
{
	char low[24], high[24];

	snprintf(low, sizeof low, "%lld", (long long)min);
	snprintf(high, sizeof high, "%lld", (long long)max);
	return range_text(
	    "a whole number", low, max == INT64_MAX ? NULL : high, out);
}

bool
node_int(const struct node *n, int64_t min, int64_t max, int64_t *out)
{
	char expected[128];
	const char *value, *digits;
	char *end;
	long long number;

	if (!value_read(n, int_expected(min, max, expected), &value))
		return false;
	digits = value + (*value == '-');
	if (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') {
		value_fault(n, value, expected, "without leading zeros");
		return false;
	}
	errno = 0;
	number = strtoll(value, &end, 10);
	if (*digits < '0' || *digits > '9' || *end != '\0' || errno != 0 ||
	    number < min || number > max) {
		value_fault(n, value, expected, NULL);
		return false;
	}
	*out = number;
	return true;
}

bool
node_duration(const struct node *n, int64_t min_ms, int64_t *out_ms)
{
	static const char example[] = "a duration such as 500ms, 10s or 1h30m";
	const char *value, *why;
	char least[WHEN_SIZE], expected[128];
	int64_t ms;

	if (!value_read(n, example, &value))
		return false;
	why = duration_read(text_of(value), &ms);
	if (why != NULL) {
		value_fault(n, value, example, why);
		return false;
	}
	if (ms < min_ms) {
		duration_write(min_ms, least);
		value_fault(n, value,
		    range_text("a duration", least, NULL, expected), NULL);
		return false;
	}
	*out_ms = ms;
	return true;
}

static const struct size_unit {
	const char *name;
	int64_t bytes;
} size_units[] = {
	{ "GiB", 1 << 30 },
	{ "MiB", 1 << 20 },
	{ "KiB", 1 << 10 },
	{ "GB", 1000000000 },
	{ "MB", 1000000 },
	{ "kB", 1000 },
	{ "B", 1 },
};

/* In the largest unit that says it exactly; the last one always does. */
static const char *
size_write(int64_t bytes, char out[static 32])
{
	const struct size_unit *u = size_units;

	while (bytes % u->bytes != 0 || (bytes == 0 && u->bytes > 1))
		u++;
	snprintf(out, 32, "%lld%s", (long long)(bytes / u->bytes), u->name);
	return out;
}

/* Returns NULL, or what is wrong; more than fits is INT64_MAX. */
static const char *
size_read(const char *text, int64_t *bytes)
{
	char *unit;
	long long number;

	if (*text == '-')
		return "it cannot be negative";
	if (*text < '0' || *text > '9')
		return "it begins with a number";
	number = strtoll(text, &unit, 10); /* LLONG_MAX where it is more */
	if (*unit == '\0')
		return "a number needs a unit";
	if (*unit == '.' || *unit == ',')
		return "only whole numbers";
	for (size_t i = 0; i < sizeof size_units / sizeof *size_units; i++) {
		if (strcmp(unit, size_units[i].name) != 0)
			continue;
		*bytes = number > INT64_MAX / size_units[i].bytes
		             ? INT64_MAX
		             : number * size_units[i].bytes;
		return NULL;
	}
	return "the units are B, kB, KiB, MB, MiB, GB and GiB";
}

bool
node_size(const struct node *n, int64_t min, int64_t max, int64_t *out_bytes)
{
	static const char example[] = "a size such as 64KiB or 1MiB";
	char low[32], high[32], expected[128];
	const char *value, *why;
	int64_t bytes;

	if (!value_read(n, example, &value))
		return false;
	why = size_read(value, &bytes);
	if (why != NULL) {
		value_fault(n, value, example, why);
		return false;
	}
	if (bytes < min || bytes > max) {
		size_write(min, low);
		size_write(max, high);
		value_fault(n, value,
		    range_text("a size", low, max == INT64_MAX ? NULL : high,
			expected),
		    NULL);
		return false;
	}
	*out_bytes = bytes;
	return true;
}

/* "a", "a or b", "a, b or c"; the caller frees it. */
static char *
words_text(const char *const *words)
{
	struct str out = { 0 };

	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			str_puts(&out, words[i + 1] == NULL ? " or " : ", ");
		str_puts(&out, words[i]);
	}
	return str_take(&out);
}

void
node_undefined(const struct node *at, const char *what, const char *name,
    const struct defined *defined)
{
	const char *near =
	    node_suggest(at, name, defined->names, defined->count);

	if (near != NULL)
		node_error(at, "%s: no %s '%s' (did you mean '%s'?)", what,
		    defined->kind, name, near);
	else if (defined->section != NULL)
		node_error(at, "%s: no %s '%s'; define it under '%s'", what,
		    defined->kind, name, defined->section);
	else
		node_error(at, "%s: no %s '%s'", what, defined->kind, name);
}

/* The word that begins as this one does, or the other way round: warn, crit. */
static const char *
word_begun(const char *value, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		size_t len = strlen(value), other = strlen(words[i]);

		len = len < other ? len : other;
		if (len >= PREFIX_MIN && strncasecmp(value, words[i], len) == 0)
			return words[i];
	}
	return NULL;
}

static void
word_fault(const struct node *n, const char *value, const char *const *words,
    size_t count, const char *expected)
{
	const char *meant = diag_suggest(value, words, count);
	char why[128];

	if (meant == NULL)
		meant = word_begun(value, words);
	if (meant != NULL)
		snprintf(why, sizeof why, "did you mean '%s'?", meant);
	value_fault(n, value, expected, meant != NULL ? why : NULL);
}

bool
node_word(const struct node *n, const char *const *words, size_t *out)
{
	char *expected = words_text(words);
	const char *value;
	size_t i = 0, count = 0;
	bool found = false;

	while (words[count] != NULL)
		count++;
	if (value_read(n, expected, &value)) {
		while (i < count && strcmp(value, words[i]) != 0)
			i++;
		found = i < count;
		if (found)
			*out = i;
		else
			word_fault(n, value, words, count, expected);
	}
	free(expected);
	return found;
}

bool
node_texts(const struct node *n, bool single, char ***out, size_t *count)
{
	const char *text;
	char **texts;
	bool good = true;

	if (n == NULL)
		return false;
	if (single && n->kind == NODE_SCALAR && !node_is_null(n)) {
		if (!node_text(n, &text))
			return false;
		*out = mem_new(2, sizeof **out);
		(*out)[0] = mem_text(text);
		*count = 1;
		return true;
	}
	if (n->kind != NODE_LIST) {
		kind_fault(
		    n, single ? "text or a list of texts" : "a list of texts");
		return false;
	}
	texts = mem_new(n->count + 1, sizeof *texts);
	for (size_t i = 0, used = 0; i < n->count; i++) {
		if (node_text(n->values[i], &text))
			texts[used++] = mem_text(text);
		else
			good = false;
	}
	if (!good) {
		node_texts_free(texts);
		return false;
	}
	*out = texts;
	*count = n->count;
	return true;
}

void
node_texts_free(char **texts)
{
	if (texts == NULL)
		return;
	for (size_t i = 0; texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}
