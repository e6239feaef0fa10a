/* SPDX-License-Identifier: MIT */
/*
 * Times, durations and ULIDs, to text and back.
 */
#include "base/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR_0_MS INT64_C(-62167219200000)
#define YEAR_9999_MS INT64_C(253402300799999) /* its last millisecond */
#define DURATION_MAX_MS (INT64_C(36525) * 24 * 3600 * 1000)

static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	{ "d", 24 * 3600 * 1000 },
	{ "h", 3600 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
#define UNITS (sizeof units / sizeof *units)

static int64_t
clamp(int64_t value, int64_t min, int64_t max)
{
	return value < min ? min : value > max ? max : value;
}

const char *
when_write(int64_t wall_ms, char out[static WHEN_SIZE])
{
	int64_t ms = clamp(wall_ms, YEAR_0_MS, YEAR_9999_MS);
	int64_t rest = (ms % 1000 + 1000) % 1000;
	time_t seconds = (time_t)((ms - rest) / 1000);
	struct tm tm = { 0 };
	size_t len;

	gmtime_r(&seconds, &tm);
	snprintf(out, WHEN_SIZE, "%04d", tm.tm_year + 1900);
	len = strlen(out);
	len += strftime(out + len, WHEN_SIZE - len, "-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, WHEN_SIZE - len, ".%03dZ", (int)rest);
	return out;
}

bool
when_read(const char *text, int64_t *wall_ms)
{
	struct tm tm = { 0 };
	char again[WHEN_SIZE];
	const char *end;
	int64_t ms;

	if (strlen(text) != strlen("2025-10-17T08:00:03.123Z"))
		return false;
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (end == NULL || *end != '.')
		return false;
	ms = (int64_t)timegm(&tm) * 1000 + strtol(end + 1, NULL, 10);
	/* What strptime and strtol let pass does not come out the same. */
	if (strcmp(when_write(ms, again), text) != 0)
		return false;
	*wall_ms = ms;
	return true;
}

const char *
duration_write(int64_t ms, char out[static WHEN_SIZE])
{
	uint64_t rest = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	size_t len = 0;

	if (ms == 0)
		return memcpy(out, "0s", sizeof "0s");
	if (ms < 0)
		out[len++] = '-';
	for (size_t i = 0; i < UNITS; i++) {
		uint64_t unit_ms = (uint64_t)units[i].ms;

		if (rest >= unit_ms)
			len += (size_t)snprintf(out + len, WHEN_SIZE - len,
			    "%llu%s", (unsigned long long)(rest / unit_ms),
			    units[i].name);
		rest %= unit_ms;
	}
	return out;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes the digits at the start of text; more than fits is INT64_MAX. */
static int64_t
number_take(struct text *text)
{
	int64_t value = 0;

	for (; text->len > 0 && is_digit(*text->data);
	     text->data++, text->len--) {
		int digit = *text->data - '0';

		if (value > (INT64_MAX - digit) / 10)
			value = INT64_MAX;
		else
			value = value * 10 + digit;
	}
	return value;
}

/* Takes the unit at the start of text; UNITS: there is none. */
static size_t
unit_take(struct text *text)
{
	size_t len = 0;

	while (len < text->len && !is_digit(text->data[len]))
		len++;
	for (size_t i = 0; i < UNITS; i++) {
		if (!text_is((struct text){ text->data, len }, units[i].name))
			continue;
		text->data += len;
		text->len -= len;
		return i;
	}
	return UNITS;
}

/* Why no unit could be taken from the start of text. */
static const char *
unit_fault(struct text text)
{
	if (text.len == 0)
		return "a number needs a unit";
	if (*text.data == '.' || *text.data == ',')
		return "only whole numbers";
	if (memchr(text.data, ' ', text.len) != NULL)
		return "no blanks in a duration";
	return "the units are d, h, m, s and ms";
}

const char *
duration_read(struct text text, int64_t *ms)
{
	int64_t sum = 0;
	size_t next = 0; /* the largest unit that may still come */

	if (text.len == 0)
		return "it is empty";
	if (*text.data == '-')
		return "it cannot be negative";
	while (text.len > 0) {
		int64_t value;
		size_t unit;

		if (!is_digit(*text.data))
			return "it begins with a number";
		value = number_take(&text);
		unit = unit_take(&text);
		if (unit == UNITS)
			return unit_fault(text);
		if (unit < next)
			return "larger units come first, each once";
		if (value > (DURATION_MAX_MS - sum) / units[unit].ms)
			return "at most 100 years";
		sum += value * units[unit].ms;
		next = unit + 1;
	}
	*ms = sum;
	return NULL;
}

/* Writes the low bits of value as base 32, five a character. */
static void
base32_write(uint64_t value, char *out, size_t len)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	for (; len > 0; value >>= 5)
		out[--len] = digits[value & 31];
}

const char *
ulid_new(int64_t wall_ms, char out[static ULID_SIZE])
{
	const int64_t max = (INT64_C(1) << 48) - 1;
	uint64_t random[2];

	arc4random_buf(random, sizeof random);
	base32_write((uint64_t)clamp(wall_ms, 0, max), out, 10);
	base32_write(random[0], out + 10, 8);
	base32_write(random[1], out + 18, 8);
	out[26] = '\0';
	return out;
}
