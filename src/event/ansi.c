/* SPDX-License-Identifier: MIT */
/*
 * Escape sequences, recognised by their introducer and final byte.
 */
#include "event/ansi.h"

#include <string.h>

#define ESC '\x1b'
#define BEL '\a'

/* CSI: parameters and intermediates 0x20-0x3f, then a final byte 0x40-0x7e.
 * Any other byte is not of it: the sequence was broken off there. */
static size_t
csi_len(const char *p, size_t len)
{
	size_t i = 0;

	while (i < len && p[i] >= 0x20 && p[i] <= 0x3f)
		i++;
	if (i < len && p[i] >= 0x40 && p[i] <= 0x7e)
		i++;
	return i;
}

/* OSC, DCS, SOS, PM, APC: up to BEL or ESC \; a newline breaks it off, so that
 * a lone introducer does not swallow an event. */
static size_t
string_len(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == BEL)
			return i + 1;
		if (p[i] == '\n')
			return i;
		if (p[i] == ESC)
			return i + 1 < len && p[i + 1] == '\\' ? i + 2 : i;
	}
	return len;
}

/* Length of what follows an ESC. */
static size_t
sequence_len(const char *p, size_t len)
{
	size_t i = 0;

	if (len == 0)
		return 0;
	if (p[0] == '[')
		return 1 + csi_len(p + 1, len - 1);
	if (strchr("]PX^_", p[0]) != NULL && p[0] != '\0')
		return 1 + string_len(p + 1, len - 1);
	while (i < len && p[i] >= 0x20 && p[i] <= 0x2f)
		i++;
	return i < len && p[i] >= 0x30 && p[i] <= 0x7e ? i + 1 : i;
}

void
ansi_strip(struct text text, struct str *out)
{
	const char *p = text.data;
	const char *end = text.data + text.len;

	while (p < end) {
		const char *esc = memchr(p, ESC, (size_t)(end - p));

		if (esc == NULL)
			esc = end;
		str_add(out, p, (size_t)(esc - p));
		if (esc == end)
			break;
		p = esc + ansi_len((struct text){ esc, (size_t)(end - esc) });
	}
}

size_t
ansi_len(struct text text)
{
	return 1 + sequence_len(text.data + 1, text.len - 1);
}
