/* SPDX-License-Identifier: MIT */
/*
 * Each value behind its length, so that no value can look like two.
 */
#include "detect/key.h"

#include "base/number.h"
#include "base/utf8.h"

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
