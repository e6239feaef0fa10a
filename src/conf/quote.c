/* SPDX-License-Identifier: MIT */
/*
 * In single quotes only a single quote is special; controls and line ends need
 * the escapes of double quotes.
 */
#include "conf/quote.h"

#include "base/utf8.h"

#include <stdbool.h>

/* What a YAML file may not hold as it is, or takes for the end of a line. */
static bool
needs_escape(uint32_t code)
{
	return utf8_is_control(code) || code == 0xfeff || code == 0xfffe ||
	       code == 0xffff;
}

static bool
is_plain(struct text text)
{
	while (text.len > 0) {
		struct utf8_char c = utf8_next(text);

		if (needs_escape(c.code))
			return false;
		text.data += c.len;
		text.len -= c.len;
	}
	return true;
}

static void
escaped_add(struct str *out, struct text bytes, uint32_t code)
{
	if (code == 0)
		str_puts(out, "\\uFFFD");
	else if (needs_escape(code))
		str_printf(out, "\\u%04X", (unsigned)code);
	else if (code == '"' || code == '\\')
		str_printf(out, "\\%c", (char)code);
	else
		str_add_text(out, bytes);
}

void
quote_add(struct str *out, struct text text)
{
	bool plain = is_plain(text);

	str_putc(out, plain ? '\'' : '"');
	while (text.len > 0) {
		struct utf8_char c = utf8_next(text);

		if (plain && c.code == '\'')
			str_puts(out, "''");
		else if (plain)
			str_add(out, text.data, c.len);
		else
			escaped_add(
			    out, (struct text){ text.data, c.len }, c.code);
		text.data += c.len;
		text.len -= c.len;
	}
	str_putc(out, plain ? '\'' : '"');
}

void
quote_add_value(struct str *out, struct text text)
{
	struct str doubled = { 0 };

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '$')
			str_putc(&doubled, '$');
		str_putc(&doubled, text.data[i]);
	}
	quote_add(out, str_text(&doubled));
	str_free(&doubled);
}
