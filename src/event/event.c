/* SPDX-License-Identifier: MIT */
/*
 * Makes raw bytes fit for patterns; most lines need nothing.
 */
#include "event/event.h"

#include "base/utf8.h"
#include "event/ansi.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)
#define ESCAPES UINT64_C(0x1b1b1b1b1b1b1b1b)

struct look {
	bool escape;
	bool high;
};

/* Whether there is an ESC, or a byte that is no ASCII: eight at a time. */
static struct look
look_at(struct text text)
{
	uint64_t high = 0, escape = 0;
	size_t i = 0;

	for (; i + 8 <= text.len; i += 8) {
		uint64_t word, x;

		memcpy(&word, text.data + i, 8);
		x = word ^ ESCAPES;
		high |= word;
		escape |= (x - LOW_BITS) & ~x;
	}
	for (; i < text.len; i++) {
		high |= (unsigned char)text.data[i];
		escape |= text.data[i] == '\x1b' ? HIGH_BITS : 0;
	}
	return (
	    struct look){ (escape & HIGH_BITS) != 0, (high & HIGH_BITS) != 0 };
}

struct text
event_clean(struct text raw, bool strip, struct str *scratch)
{
	struct look look;

	if (raw.len > 0 && raw.data[raw.len - 1] == '\r')
		raw.len--;
	look = look_at(raw);
	strip = strip && look.escape;
	if (!strip && (!look.high || utf8_valid(raw) == raw.len))
		return raw;
	str_clear(scratch);
	if (strip) {
		struct str stripped = { 0 };

		ansi_strip(raw, &stripped);
		utf8_clean(str_text(&stripped), scratch);
		str_free(&stripped);
	} else {
		utf8_clean(raw, scratch);
	}
	return str_text(scratch);
}
