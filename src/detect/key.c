/* SPDX-License-Identifier: MIT */
/*
 * Each value behind its length, so that no value can look like two.
 */
#include "detect/key.h"

#include "base/number.h"
#include "base/utf8.h"

#include <string.h>

void
key_write(const struct captures *captures, char *const *names, size_t count,
    struct str *out)
{
	str_clear(out);
	for (size_t i = 0; i < count; i++) {
		struct text value = utf8_head_bytes(
		    captures_get(captures, names[i]), KEY_VALUE_MAX);

		number_add(out, (int64_t)value.len);
		str_putc(out, ':');
		str_add_text(out, value);
	}
}

void
key_pair_write(struct text same, struct text key, struct str *out)
{
	str_clear(out);
	number_add(out, (int64_t)same.len);
	str_putc(out, ':');
	str_add_text(out, same);
	str_add_text(out, key);
}

bool
key_pair_read(struct text id, struct text *same, struct text *key)
{
	const char *colon = id.len > 0 ? memchr(id.data, ':', id.len) : NULL;
	size_t len = 0, left;

	if (colon == NULL || colon == id.data)
		return false;
	for (const char *p = id.data; p < colon; p++) {
		if (*p < '0' || *p > '9' || len > id.len)
			return false;
		len = len * 10 + (size_t)(*p - '0');
	}
	left = (size_t)(id.data + id.len - colon - 1);
	if (len > left)
		return false;
	if (same != NULL)
		*same = (struct text){ colon + 1, len };
	if (key != NULL)
		*key = (struct text){ colon + 1 + len, left - len };
	return true;
}
