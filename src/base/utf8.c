/* SPDX-License-Identifier: MIT */
/*
 * UTF-8: steps through it, mends it, takes out what could paint a terminal.
 */
#include "base/utf8.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Lead bytes and what their second byte may be: Unicode 15, table 3-7. */
static const struct lead {
	unsigned char from, to;   /* the lead byte */
	unsigned char low, high;  /* the second byte; later ones are 80 to BF */
	unsigned char len, start; /* of the sequence; the lead's own bits */
} leads[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f },
	{ 0xe1, 0xec, 0x80, 0xbf, 3, 0x0f },
	{ 0xed, 0xed, 0x80, 0x9f, 3, 0x0f },
	{ 0xee, 0xef, 0x80, 0xbf, 3, 0x0f },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4, 0x07 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4, 0x07 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4, 0x07 },
};

static const struct lead *
lead_find(unsigned char byte)
{
	for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
		if (byte >= leads[i].from && byte <= leads[i].to)
			return &leads[i];
	return NULL;
}

struct utf8_char
utf8_next(struct text text)
{
	const unsigned char *p = (const unsigned char *)text.data;
	const struct lead *lead;
	uint32_t code;
	size_t n = 1;

	if (text.len == 0)
		return (struct utf8_char){ 0, false, 0xfffd };
	if (p[0] < 0x80)
		return (struct utf8_char){ 1, true, p[0] };
	lead = lead_find(p[0]);
	if (lead == NULL)
		return (struct utf8_char){ 1, false, 0xfffd };
	code = p[0] & lead->start;
	for (; n < lead->len; n++) {
		unsigned char low = n == 1 ? lead->low : 0x80;
		unsigned char high = n == 1 ? lead->high : 0xbf;

		if (n == text.len || p[n] < low || p[n] > high)
			return (struct utf8_char){ n, false, 0xfffd };
		code = code << 6 | (p[n] & 0x3f);
	}
	return (struct utf8_char){ n, true, code };
}

bool
utf8_is_control(uint32_t code)
{
	if (code < 0xa0)
		return code < 0x20 || code >= 0x7f;
	return code == 0x61c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

static struct text
text_after(struct text text, size_t n)
{
	return (struct text){ text.data + n, text.len - n };
}

/* How many bytes from the start are ASCII, eight at a time. */
static size_t
ascii_len(struct text text)
{
	size_t n = 0;
	uint64_t word;

	for (; n + sizeof word <= text.len; n += sizeof word) {
		memcpy(&word, text.data + n, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (n < text.len && (unsigned char)text.data[n] < 0x80)
		n++;
	return n;
}

size_t
utf8_valid(struct text text)
{
	size_t n = 0;

	while (n < text.len) {
		struct utf8_char c;

		n += ascii_len(text_after(text, n));
		c = utf8_next(text_after(text, n));
		if (!c.valid)
			break;
		n += c.len;
	}
	return n;
}

void
utf8_clean(struct text text, struct str *out)
{
	while (text.len > 0) {
		size_t n = utf8_valid(text);

		str_add(out, text.data, n);
		text = text_after(text, n);
		if (text.len == 0)
			break;
		str_puts(out, REPLACEMENT);
		text = text_after(text, utf8_next(text).len);
	}
}

void
utf8_display(struct text text, struct str *out)
{
	while (text.len > 0) {
		struct utf8_char c = utf8_next(text);

		if (!c.valid)
			str_puts(out, REPLACEMENT);
		else if (!utf8_is_control(c.code) || c.code == '\n' ||
			 c.code == '\t')
			str_add(out, text.data, c.len);
		text = text_after(text, c.len);
	}
}

struct text
utf8_head(struct text text, size_t max)
{
	size_t n = 0;

	for (; max > 0 && n < text.len; max--)
		n += utf8_next(text_after(text, n)).len;
	return (struct text){ text.data, n };
}

static bool
is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

struct text
utf8_head_bytes(struct text text, size_t max)
{
	size_t n = max;

	if (text.len <= max)
		return text;
	while (n > 0 && max - n < 4 && is_continuation(text.data[n]))
		n--;
	return (struct text){ text.data, n };
}

size_t
utf8_bom(struct text text)
{
	static const char bom[3] = "\xef\xbb\xbf";

	return text.len >= sizeof bom && memcmp(text.data, bom, sizeof bom) == 0
	           ? sizeof bom
	           : 0;
}
