/* SPDX-License-Identifier: MIT */
/*
 * A cursor that goes over the text; what it takes it has gone past, what it
 * does not it is still in front of.
 */
#include "event/stamp.h"

#include "base/civil.h"
#include "base/mem.h"
#include "base/zone.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SECOND_MS INT64_C(1000)
#define YEAR_2000_MS INT64_C(946684800000)
#define BRACKET_MAX 256    /* bytes before an Apache stamp */
#define JSON_MAX 65536     /* bytes of an object that are looked at */
#define STAMP_TEXT_MAX 128 /* bytes of a stamp that has a format */
#define LEAP_YEARS 8       /* years at most between two 29th of February */

struct cursor {
	const char *p, *end;
};

/** A time as it is written. */
struct parts {
	int year; /* 0: left out */
	int month, day, hour, minute, second, millis;
	enum stamp_order order; /* that it shows; ORDER_UNKNOWN: none */
	bool has_offset;
	int32_t offset_s; /* east of UTC */
};

struct stamper {
	const struct stamp_spec *spec;
	enum stamp_order order; /* as learnt, or as the spec says */
};

struct stamper *
stamper_new(const struct stamp_spec *spec)
{
	struct stamper *st = mem_new(1, sizeof *st);

	st->spec = spec;
	st->order = spec->order;
	return st;
}

void
stamper_free(struct stamper *st)
{
	free(st);
}

enum stamp_order
stamp_order_of(const char *locale)
{
	if (locale == NULL || strncmp(locale, "C", 1) == 0 ||
	    strcmp(locale, "POSIX") == 0 || strlen(locale) < 5 ||
	    locale[2] != '_')
		return ORDER_UNKNOWN;
	return strncmp(locale + 3, "US", 2) == 0 ? ORDER_MONTH : ORDER_DAY;
}

/* Pieces. */

static bool
is_one_of(char c, const char *chars)
{
	return c != '\0' && strchr(chars, c) != NULL;
}

static bool
take(struct cursor *c, char wanted)
{
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

static bool
take_text(struct cursor *c, const char *wanted)
{
	size_t len = strlen(wanted);

	/* Mostly it is not there, as its first byte tells. */
	if ((size_t)(c->end - c->p) < len ||
	    ((*c->p ^ wanted[0]) & ~0x20) != 0 ||
	    strncasecmp(c->p, wanted, len) != 0)
		return false;
	c->p += len;
	return true;
}

/* Blanks of all kinds that stand in stamps: also U+00A0, U+2009 and U+202F. */
static bool
take_blank(struct cursor *c)
{
	return take(c, ' ') || take(c, '\t') || take_text(c, "\xe2\x80\x89") ||
	       take_text(c, "\xe2\x80\xaf") || take_text(c, "\xc2\xa0");
}

static void
skip_blanks(struct cursor *c)
{
	while (take_blank(c))
		;
}

static size_t
digits(const struct cursor *c)
{
	size_t n = 0;

	while (c->p + n < c->end && isdigit((unsigned char)c->p[n]))
		n++;
	return n;
}

/* A number of min to max digits, all that there are. */
static bool
take_number(struct cursor *c, size_t min, size_t max, int *out)
{
	size_t n = digits(c);

	if (n < min || n > max)
		return false;
	*out = 0;
	while (n-- > 0)
		*out = *out * 10 + (*c->p++ - '0');
	return true;
}

/* The digits behind the point, of which three count. */
static bool
take_fraction(struct cursor *c, int *millis)
{
	size_t n = digits(c);

	if (n == 0)
		return false;
	*millis = 0;
	for (size_t i = 0; i < 3; i++)
		*millis = *millis * 10 + (i < n ? c->p[i] - '0' : 0);
	c->p += n;
	return true;
}

static bool
take_month(struct cursor *c, int *month)
{
	static const char *const names[] = { "january", "february", "march",
		"april", "may", "june", "july", "august", "september",
		"october", "november", "december" };

	for (int k = 0; k < 12; k++) {
		char start[4] = { names[k][0], names[k][1], names[k][2], 0 };

		if (take_text(c, names[k]) || take_text(c, start)) {
			take(c, '.');
			*month = k + 1;
			return c->p == c->end || !isalpha((unsigned char)*c->p);
		}
	}
	return false;
}

static bool
take_weekday(struct cursor *c)
{
	static const char *const names[] = { "mon", "tue", "wed", "thu", "fri",
		"sat", "sun" };

	for (int k = 0; k < 7; k++)
		if (take_text(c, names[k])) {
			take(c, ',');
			return take_blank(c);
		}
	return false;
}

enum half { HALF_NONE, HALF_AM, HALF_PM };

static enum half
take_half(struct cursor *c)
{
	static const struct {
		const char *text;
		enum half half;
	} halves[] = {
		{ "AM", HALF_AM }, { "PM", HALF_PM }, { "a.m.", HALF_AM },
		{ "p.m.", HALF_PM }, { "a. m.", HALF_AM }, { "p. m.", HALF_PM },
		{ "\xe4\xb8\x8a\xe5\x8d\x88", HALF_AM }, /* shangwu */
		{ "\xe4\xb8\x8b\xe5\x8d\x88", HALF_PM }, /* xiawu */
		{ "\xe5\x8d\x88\xe5\x89\x8d", HALF_AM }, /* gozen */
		{ "\xe5\x8d\x88\xe5\xbe\x8c", HALF_PM }, /* gogo */
		{ "\xec\x98\xa4\xec\xa0\x84", HALF_AM }, /* ojeon */
		{ "\xec\x98\xa4\xed\x9b\x84", HALF_PM }, /* ohu */
	};

	for (size_t k = 0; k < sizeof halves / sizeof *halves; k++)
		if (take_text(c, halves[k].text))
			return halves[k].half;
	return HALF_NONE;
}

/* +08, +0800, +08:00, Z, UTC, GMT. */
static void
take_zone(struct cursor *c, struct parts *t)
{
	struct cursor at = *c;
	int sign, hours, minutes = 0;
	size_t n;

	take(&at, ' ');
	if (take(&at, 'Z') || take_text(&at, "UTC") || take_text(&at, "GMT")) {
		t->has_offset =
		    at.p == at.end || !isalnum((unsigned char)*at.p);
		t->offset_s = 0;
		/* As in "UTC+2", which is not worth guessing at. */
		if (at.p < at.end && (*at.p == '+' || *at.p == '-'))
			t->has_offset = false;
		*c = at;
		return;
	}
	sign = take(&at, '+') ? 1 : take(&at, '-') ? -1 : 0;
	n = digits(&at);
	if (sign == 0 || (n != 2 && n != 4))
		return;
	hours = (at.p[0] - '0') * 10 + at.p[1] - '0';
	if (n == 4)
		minutes = (at.p[2] - '0') * 10 + at.p[3] - '0';
	at.p += n;
	if (n == 2 && at.p < at.end && *at.p == ':') {
		at.p++;
		if (!take_number(&at, 2, 2, &minutes))
			return;
	}
	if (hours > 15 || minutes > 59)
		return;
	t->has_offset = true;
	t->offset_s = sign * (hours * 3600 + minutes * 60);
	*c = at;
}

static bool
to_24_hours(int *hour, enum half half)
{
	if (half == HALF_NONE)
		return *hour <= 23;
	/* Some say 00 for the first hour, and some write 15 PM. */
	if (*hour > 12)
		return half == HALF_PM && *hour <= 23;
	*hour = *hour % 12 + (half == HALF_PM ? 12 : 0);
	return true;
}

static bool
take_time(struct cursor *c, struct parts *t)
{
	enum half half = take_half(c);
	struct cursor at;

	skip_blanks(c);
	if (!take_number(c, 1, 2, &t->hour) || !take(c, ':') ||
	    !take_number(c, 2, 2, &t->minute))
		return false;
	if (take(c, ':')) {
		if (!take_number(c, 2, 2, &t->second))
			return false;
		at = *c;
		if ((take(&at, '.') || take(&at, ',')) &&
		    take_fraction(&at, &t->millis))
			*c = at;
	}
	if (half == HALF_NONE) {
		at = *c;
		skip_blanks(&at);
		half = take_half(&at);
		if (half != HALF_NONE)
			*c = at;
	}
	take_zone(c, t);
	return to_24_hours(&t->hour, half) && t->minute <= 59 &&
	       t->second <= 60 &&
	       (c->p == c->end || !isalnum((unsigned char)*c->p));
}

/* What stands between a date and its time. */
static bool
take_gap(struct cursor *c)
{
	if (take(c, 'T') || take(c, 't') || take(c, ':'))
		return true;
	take(c, '.');
	take(c, ',');
	if (!take_blank(c))
		return false;
	skip_blanks(c);
	return true;
}

/* Dates. */

/* 2025-10-17, 2025/10/17, 2025. 10. 17. */
static bool
date_year_first(struct cursor *c, struct parts *t)
{
	char separator;

	if (!take_number(c, 4, 4, &t->year) || c->p == c->end)
		return false;
	separator = *c->p;
	if (!is_one_of(separator, "-/."))
		return false;
	c->p++;
	skip_blanks(c);
	if (!take_number(c, 1, 2, &t->month) || !take(c, separator))
		return false;
	skip_blanks(c);
	return take_number(c, 1, 2, &t->day);
}

/* Oct 17, with the year behind it, behind the time, or left out. */
static bool
date_month_first(struct cursor *c, struct parts *t)
{
	struct cursor at;

	if (!take_month(c, &t->month))
		return false;
	skip_blanks(c);
	if (!take_number(c, 1, 2, &t->day))
		return false;
	at = *c;
	take(&at, ',');
	skip_blanks(&at);
	if (take_number(&at, 4, 4, &t->year))
		*c = at;
	return true;
}

/* Which of two numbers is the day; false: they could be either. */
static bool
tell_apart(const struct stamper *st, int first, int second, struct parts *t)
{
	enum stamp_order order = st->order;

	if (first > 12 && second <= 12)
		order = t->order = ORDER_DAY;
	else if (second > 12 && first <= 12)
		order = t->order = ORDER_MONTH;
	else if (order == ORDER_UNKNOWN && first != second)
		return false;
	t->day = order == ORDER_MONTH ? second : first;
	t->month = order == ORDER_MONTH ? first : second;
	return true;
}

/* 17/Oct/2025, 17 Oct 2025, 17.10.2025, 10/17/2025. */
static bool
date_year_last(const struct stamper *st, struct cursor *c, struct parts *t)
{
	int first, second;
	char separator;

	if (!take_number(c, 1, 2, &first) || c->p == c->end)
		return false;
	separator = *c->p;
	if (!is_one_of(separator, "-/. "))
		return false;
	c->p++;
	skip_blanks(c);
	if (take_month(c, &t->month)) {
		t->day = first;
		return take(c, separator) && take_number(c, 4, 4, &t->year);
	}
	if (separator == ' ' || !take_number(c, 1, 2, &second) ||
	    !take(c, separator))
		return false;
	skip_blanks(c);
	if (!take_number(c, 4, 4, &t->year))
		return false;
	/* Nobody writes the month first with points. */
	if (separator != '.')
		return tell_apart(st, first, second, t);
	t->day = first;
	t->month = second;
	return true;
}

/* The instant. */

static bool
is_trusted(int64_t wall_ms, int64_t reference_ms)
{
	return wall_ms >= YEAR_2000_MS && wall_ms <= reference_ms + DAY_MS;
}

static int64_t
instant_of(const struct stamper *st, const struct parts *t, int year)
{
	int64_t civil =
	    civil_days(year, t->month, t->day) * DAY_MS +
	    ((int64_t)t->hour * 3600 + t->minute * 60 + t->second) * SECOND_MS +
	    t->millis;

	if (t->has_offset)
		return civil - t->offset_s * SECOND_MS;
	return st->spec->zone != NULL ? zone_instant_ms(st->spec->zone, civil)
	                              : civil;
}

/* A year that was left out is the last one in which it was not to come. */
static bool
in_last_year(const struct stamper *st, const struct parts *t,
    int64_t reference_ms, int64_t *wall_ms)
{
	int year, month, day;

	civil_from_days(
	    floor_div(reference_ms + DAY_MS, DAY_MS) + 1, &year, &month, &day);
	for (int k = 0; k <= LEAP_YEARS; k++) {
		if (!civil_is_date(year - k, t->month, t->day))
			continue;
		*wall_ms = instant_of(st, t, year - k);
		if (is_trusted(*wall_ms, reference_ms))
			return true;
	}
	return false;
}

static bool
whole(const struct stamper *st, const struct parts *t, int64_t reference_ms,
    int64_t *wall_ms)
{
	if (t->year == 0)
		return in_last_year(st, t, reference_ms, wall_ms);
	if (!civil_is_date(t->year, t->month, t->day))
		return false;
	*wall_ms = instant_of(st, t, t->year);
	return is_trusted(*wall_ms, reference_ms);
}

/* Forms. */

static bool
dated(
    struct stamper *st, struct cursor c, int64_t reference_ms, int64_t *wall_ms)
{
	struct parts t = { 0 };
	struct cursor start;
	size_t n;
	bool yes;

	take_weekday(&c);
	start = c;
	n = digits(&c);
	if (n == 4)
		yes = date_year_first(&c, &t);
	else if (n > 0)
		yes = date_year_last(st, &c, &t);
	else
		yes = date_month_first(&c, &t);
	if (!yes || c.p == start.p || !take_gap(&c) || !take_time(&c, &t))
		return false;
	/* As date(1) and ctime(3) have it: Oct 17 08:00:03 2025. */
	if (t.year == 0) {
		struct cursor at = c;

		skip_blanks(&at);
		if (!take_number(&at, 4, 4, &t.year) || t.year < 2000 ||
		    (at.p < at.end && !isspace((unsigned char)*at.p)))
			t.year = 0;
	}
	if (!whole(st, &t, reference_ms, wall_ms))
		return false;
	if (t.order != ORDER_UNKNOWN)
		st->order = t.order;
	return true;
}

/* Seconds or milliseconds since 1970. */
static bool
counted(struct cursor c, int64_t reference_ms, int64_t *wall_ms)
{
	size_t n = digits(&c);
	int64_t number = 0;
	int millis = 0;

	if (n != 10 && n != 13)
		return false;
	for (size_t i = 0; i < n; i++)
		number = number * 10 + (*c.p++ - '0');
	if (take(&c, '.') && !take_fraction(&c, &millis))
		return false;
	if (c.p < c.end &&
	    (isalnum((unsigned char)*c.p) || is_one_of(*c.p, "-/_:")))
		return false;
	*wall_ms = n == 10 ? number * SECOND_MS + millis : number;
	return is_trusted(*wall_ms, reference_ms);
}

/* [17/Oct/2025:08:00:03 +0000], after an address and a name. */
static bool
bracketed(
    struct stamper *st, struct cursor c, int64_t reference_ms, int64_t *wall_ms)
{
	if (c.end - c.p > BRACKET_MAX)
		c.end = c.p + BRACKET_MAX;
	while ((c.p = memchr(c.p, '[', (size_t)(c.end - c.p))) != NULL) {
		c.p++;
		if (c.end - c.p > 20 && c.p[2] == '/' && c.p[6] == '/' &&
		    c.p[11] == ':' && dated(st, c, reference_ms, wall_ms))
			return true;
	}
	return false;
}

/* What stands before a stamp. */
static void
skip_lead(struct cursor *c)
{
	struct cursor at = *c;
	int number;

	/* [Nest] 1234  - */
	if (take_text(&at, "[Nest]")) {
		skip_blanks(&at);
		if (take_number(&at, 1, 9, &number)) {
			skip_blanks(&at);
			if (take(&at, '-')) {
				skip_blanks(&at);
				*c = at;
				return;
			}
		}
	}
	/* <34>, and 1 of RFC 5424 */
	at = *c;
	if (take(&at, '<') && take_number(&at, 1, 3, &number) &&
	    take(&at, '>')) {
		*c = at;
		if (take(&at, '1') && take(&at, ' '))
			*c = at;
	}
	take(c, '[');
	take(c, '"');
}

static bool
in_text(struct stamper *st, struct text text, int64_t reference_ms,
    int64_t *wall_ms)
{
	struct cursor c = { text.data, text.data + text.len };

	skip_lead(&c);
	return counted(c, reference_ms, wall_ms) ||
	       dated(st, c, reference_ms, wall_ms);
}

/* JSON. */

/* To behind the string whose quote it stands at; false: it has no end. */
static bool
skip_string(struct cursor *c)
{
	c->p++;
	while (c->p < c->end && *c->p != '"')
		c->p += *c->p == '\\' && c->end - c->p > 1 ? 2 : 1;
	return take(c, '"');
}

/* To the end of a value. */
static bool
skip_value(struct cursor *c)
{
	int depth = 0;

	while (c->p < c->end) {
		if (*c->p == '"') {
			if (!skip_string(c))
				return false;
			continue;
		}
		if (depth == 0 && (*c->p == ',' || *c->p == '}'))
			return true;
		if (*c->p == '{' || *c->p == '[')
			depth++;
		else if (*c->p == '}' || *c->p == ']')
			depth--;
		c->p++;
	}
	return false;
}

static void
skip_space(struct cursor *c)
{
	while (c->p < c->end && isspace((unsigned char)*c->p))
		c->p++;
}

static bool
is_time_field(struct text name)
{
	return text_is(name, "time") || text_is(name, "timestamp") ||
	       text_is(name, "ts") || text_is(name, "@timestamp");
}

static bool
in_object(struct stamper *st, struct text text, int64_t reference_ms,
    int64_t *wall_ms)
{
	struct cursor c = { text.data + 1, text.data + text.len };

	if (text.len > JSON_MAX)
		c.end = text.data + JSON_MAX;
	for (;;) {
		struct text name, value;
		bool quoted;

		skip_space(&c);
		name.data = c.p + 1;
		if (c.p == c.end || *c.p != '"' || !skip_string(&c))
			return false;
		name.len = (size_t)(c.p - 1 - name.data);
		skip_space(&c);
		if (!take(&c, ':'))
			return false;
		skip_space(&c);
		quoted = c.p < c.end && *c.p == '"';
		value.data = c.p;
		if (!skip_value(&c))
			return false;
		value.len = (size_t)(c.p - value.data);
		if (quoted && value.len >= 2) {
			value.data++;
			value.len -= 2;
		}
		if (is_time_field(name))
			return in_text(st, value, reference_ms, wall_ms);
		if (!take(&c, ','))
			return false;
	}
}

static bool
automatic(struct stamper *st, struct text text, int64_t reference_ms,
    int64_t *wall_ms)
{
	const struct cursor c = { text.data, text.data + text.len };

	if (text.len == 0)
		return false;
	if (text.data[0] == '{')
		return in_object(st, text, reference_ms, wall_ms);
	return in_text(st, text, reference_ms, wall_ms) ||
	       bracketed(st, c, reference_ms, wall_ms);
}

/* A format of strptime(3), and in it %f or %L, a fraction of any length. */

const char *
stamp_format_fault(const char *format, size_t *offset)
{
	bool day = false;

	for (const char *p = strchr(format, '%'); p != NULL;
	     p = strchr(p + 1, '%')) {
		p++;
		*offset = (size_t)(p - 1 - format);
		if (*p == 'E' || *p == 'O')
			p++;
		if (*p == '\0' ||
		    strchr("aAbBcCdDeFHIjklmMnpPrRStTyYzZfLs%", *p) == NULL)
			return "strptime(3) has no such conversion that tells "
			       "a time";
		day |= strchr("cdDeFjs", *p) != NULL;
	}
	*offset = 0;
	return day ? NULL : "a format needs a date, such as %Y-%m-%d";
}

/* Seconds since 1970, which strptime() would take for local time. */
static bool
take_seconds(struct cursor *c, struct tm *tm)
{
	size_t n = digits(c);
	time_t seconds = 0;

	if (n == 0 || n > 11)
		return false;
	while (n-- > 0)
		seconds = seconds * 10 + (*c->p++ - '0');
	gmtime_r(&seconds, tm);
	tm->tm_gmtoff = 0;
	return true;
}

/* Up to a directive that strptime() does not have, with NUL behind it. */
static bool
take_format(struct cursor *c, const char *format, size_t len, struct tm *tm)
{
	char part[STAMP_TEXT_MAX];
	const char *end;

	if (len == 0)
		return true;
	if (len >= sizeof part)
		return false;
	memcpy(part, format, len);
	part[len] = '\0';
	end = strptime(c->p, part, tm);
	if (end != NULL)
		c->p = end;
	return end != NULL;
}

static const char *
own_directive(const char *format)
{
	for (const char *p = strchr(format, '%'); p != NULL && p[1] != '\0';
	     p = strchr(p + 2, '%'))
		if (p[1] == 'f' || p[1] == 'L' || p[1] == 's')
			return p;
	return format + strlen(format);
}

static bool
formatted(struct stamper *st, struct text text, int64_t reference_ms,
    int64_t *wall_ms)
{
	char buf[STAMP_TEXT_MAX];
	const char *format = st->spec->format;
	/* strptime() leaves alone what the format does not name. */
	struct tm tm = { .tm_mday = 1, .tm_year = -1900, .tm_gmtoff = -1 };
	struct parts t = { 0 };
	struct cursor c;

	if (text.len == 0 || text.len >= sizeof buf ||
	    memchr(text.data, '\0', text.len) != NULL)
		return false;
	memcpy(buf, text.data, text.len);
	buf[text.len] = '\0';
	c = (struct cursor){ buf, buf + text.len };
	for (;;) {
		const char *own = own_directive(format);

		if (!take_format(&c, format, (size_t)(own - format), &tm))
			return false;
		if (*own == '\0')
			break;
		if (own[1] == 's' ? !take_seconds(&c, &tm)
				  : !take_fraction(&c, &t.millis))
			return false;
		format = own + 2;
	}
	t.year = tm.tm_year + 1900;
	t.month = tm.tm_mon + 1;
	t.day = tm.tm_mday;
	t.hour = tm.tm_hour;
	t.minute = tm.tm_min;
	t.second = tm.tm_sec;
	/* No zone is a second west of Greenwich. */
	t.has_offset = tm.tm_gmtoff != -1;
	t.offset_s = (int32_t)tm.tm_gmtoff;
	return whole(st, &t, reference_ms, wall_ms);
}

bool
stamper_read(struct stamper *st, struct text text, int64_t reference_ms,
    int64_t *wall_ms)
{
	switch (st->spec->kind) {
	case STAMP_AUTO:
		return automatic(st, text, reference_ms, wall_ms);
	case STAMP_FORMAT:
		return formatted(st, text, reference_ms, wall_ms);
	case STAMP_NONE:
		break;
	}
	return false;
}
