/* SPDX-License-Identifier: MIT */
/*
 * Goes through the civil times that match, in order, and asks the zone when
 * they are.
 */
#include "detect/cron.h"

#include "base/civil.h"
#include "base/err.h"
#include "base/zone.h"

#include <string.h>
#include <strings.h>

#define MINUTE_MS 60000
/* After so many days all dates have been on all weekdays, also around a year
 * that is divisible by 100 and has no leap day. */
#define DAYS_MAX (41 * 366)

struct field {
	const char *what;
	int min, max;
	const char *const *names; /* of min and on; NULL: it has none */
};

static const char *const months[] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
	"JUL", "AUG", "SEP", "OCT", "NOV", "DEC", NULL };
static const char *const weekdays[] = { "SUN", "MON", "TUE", "WED", "THU",
	"FRI", "SAT", NULL };

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct field fields[FIELDS] = {
	{ "minute", 0, 59, NULL }, { "hour", 0, 23, NULL },
	{ "day of the month", 1, 31, NULL }, { "month", 1, 12, months },
	{ "weekday", 0, 7, weekdays }, /* 7 is Sunday, too */
};

static const struct {
	const char *name, *means;
} nicknames[] = {
	{ "@hourly", "0 * * * *" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@monthly", "0 0 1 * *" },
	{ "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the digits at *at; too many are a number beyond all fields. */
static int
digits_take(const char **at)
{
	int value = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (value < 1000)
			value = value * 10 + (**at - '0');
	return value;
}

/* Takes a number or a name at *at. */
static int
value_take(const struct field *f, const char **at, int *value, struct err *err)
{
	const char *begin = *at;
	size_t len = strcspn(begin, ",-/ \t");

	if (*begin >= '0' && *begin <= '9') {
		*value = digits_take(at);
		if (*value >= f->min && *value <= f->max)
			return 0;
		*at = begin;
		return err_set(
		    err, "the %s is %d to %d", f->what, f->min, f->max);
	}
	for (int i = 0; f->names != NULL && f->names[i] != NULL; i++)
		if (len == 3 && strncasecmp(begin, f->names[i], 3) == 0) {
			*at += len;
			*value = f->min + i;
			return 0;
		}
	return err_set(err, "expected a %s: '*', a number%s, a range or a list",
	    f->what, f->names != NULL ? ", a name of three letters" : "");
}

/* Takes "*", "7", "1-5" or "MON-FRI" at *at. */
static int
range_take(
    const struct field *f, const char **at, int *from, int *to, struct err *err)
{
	const char *begin = *at;

	*from = f->min;
	*to = f->max;
	if (*begin == '*') {
		(*at)++;
		return 0;
	}
	if (value_take(f, at, from, err) != 0)
		return -1;
	*to = *from;
	if (**at != '-')
		return 0;
	(*at)++;
	if (value_take(f, at, to, err) != 0)
		return -1;
	if (f == &fields[WEEKDAY] && *to == 0)
		*to = 7; /* FRI-SUN */
	if (*from <= *to)
		return 0;
	*at = begin;
	return err_set(
	    err, "a range goes up: the %s %d-%d does not", f->what, *from, *to);
}

/* Takes "/15" at *at, where it is; a step goes with more than one value. */
static int
step_take(const char **at, int from, int to, int *step, struct err *err)
{
	*step = 1;
	if (**at != '/')
		return 0;
	if (from == to)
		return err_set(err, "a step needs '*' or a range before it");
	(*at)++;
	*step = digits_take(at);
	if (*step >= 1 && *step <= to - from)
		return 0;
	return err_set(err, "a step here is 1 to %d", to - from);
}

/* Takes a field at *at up to the blank behind it. */
static int
field_take(
    const struct field *f, const char **at, uint64_t *bits, struct err *err)
{
	for (;;) {
		int from, to, step;

		if (range_take(f, at, &from, &to, err) != 0 ||
		    step_take(at, from, to, &step, err) != 0)
			return -1;
		for (int value = from; value <= to; value += step)
			*bits |= UINT64_C(1) << value;
		if (**at != ',')
			break;
		(*at)++;
	}
	if (**at == '\0' || is_blank(**at))
		return 0;
	return err_set(err, "no '%c' in a %s", **at, f->what);
}

static int64_t next_civil(const struct cron *c, int64_t civil_ms);

static int
fields_take(struct cron *c, const char **at, struct err *err)
{
	uint64_t *const bits[FIELDS] = { &c->minutes, &c->hours, &c->days,
		&c->months, &c->weekdays };
	bool star[FIELDS];

	for (int i = 0; i < FIELDS; i++) {
		*at += strspn(*at, " \t");
		if (**at == '\0')
			return err_set(err,
			    "five fields: minute, hour, day of the month, "
			    "month, weekday; here are %d",
			    i);
		star[i] = **at == '*';
		if (field_take(&fields[i], at, bits[i], err) != 0)
			return -1;
	}
	if (c->weekdays >> 7)
		c->weekdays |= 1;
	c->either = !star[DAY] && !star[WEEKDAY];
	c->fixed = !star[MINUTE] && !star[HOUR];
	*at += strspn(*at, " \t");
	return **at == '\0'
	           ? 0
	           : err_set(err, "five fields only, seconds are none of "
				  "them: nothing may follow the weekday");
}

static int
nickname_read(struct cron *c, const char *text, struct err *err)
{
	const size_t count = sizeof nicknames / sizeof *nicknames;
	size_t len = strcspn(text, " \t");

	if (text[len + strspn(text + len, " \t")] != '\0')
		len = 0;
	for (size_t i = 0; i < count; i++) {
		const char *at = nicknames[i].means;

		if (strlen(nicknames[i].name) == len &&
		    strncasecmp(text, nicknames[i].name, len) == 0)
			return fields_take(c, &at, err);
	}
	return err_set(err, "the words are @hourly, @daily, @weekly, @monthly "
			    "and @yearly");
}

int
cron_read(struct cron *c, const char *text, size_t *place, struct err *err)
{
	const char *at = text + strspn(text, " \t");
	int ret;

	*c = (struct cron){ 0 };
	if (*at == '@')
		ret = nickname_read(c, at, err);
	else
		ret = fields_take(c, &at, err);
	*place = (size_t)(at - text);
	if (ret == 0 && next_civil(c, 0) == INT64_MAX) {
		*place = 0;
		ret = err_set(err, "no month of those has such a day: it never "
				   "comes");
	}
	return ret;
}

static bool
has(uint64_t bits, int value)
{
	return bits >> value & 1;
}

static bool
is_day(const struct cron *c, int64_t days)
{
	int year, month, day;
	bool by_day, by_weekday;

	civil_from_days(days, &year, &month, &day);
	if (!has(c->months, month))
		return false;
	by_day = has(c->days, day);
	by_weekday = has(c->weekdays, civil_weekday(days));
	return c->either ? by_day || by_weekday : by_day && by_weekday;
}

/* The first minute of a day, not before one, that may be; -1: none. */
static int
minute_of_day(const struct cron *c, int minute)
{
	for (int hour = minute / 60; hour < 24; hour++, minute = hour * 60) {
		uint64_t left =
		    has(c->hours, hour) ? c->minutes >> minute % 60 : 0;

		if (left != 0)
			return minute + __builtin_ctzll(left);
	}
	return -1;
}

/* The first civil time that matches, not before one; INT64_MAX: none. */
static int64_t
next_civil(const struct cron *c, int64_t civil_ms)
{
	int64_t days = floor_div(civil_ms, DAY_MS);
	/* Rounded up to a minute; the next day's first where it is that. */
	int64_t from = (civil_ms - days * DAY_MS + MINUTE_MS - 1) / MINUTE_MS;

	for (int64_t end = days + DAYS_MAX; days < end; days++, from = 0) {
		int minute = is_day(c, days) ? minute_of_day(c, (int)from) : -1;

		if (minute >= 0)
			return days * DAY_MS + (int64_t)minute * MINUTE_MS;
	}
	return INT64_MAX;
}

static int64_t
civil_of(const struct zone *z, int64_t wall_ms)
{
	return wall_ms + zone_offset_s(z, wall_ms) * INT64_C(1000);
}

/* How far clocks go back about now. */
static int64_t
overlap_ms(const struct zone *z, int64_t wall_ms)
{
	int64_t back_s = zone_offset_s(z, wall_ms - DAY_MS) -
	                 zone_offset_s(z, wall_ms + DAY_MS);

	return back_s > 0 ? back_s * 1000 : 0;
}

int64_t
cron_next(const struct cron *c, const struct zone *z, int64_t after_wall_ms)
{
	int64_t civil =
	    civil_of(z, after_wall_ms) - overlap_ms(z, after_wall_ms);
	int64_t next = INT64_MAX;

	/* Later civil times have later first instants: past one of them only
	 * second ones of earlier times could be sooner, and were looked at. */
	while ((civil = next_civil(c, civil)) != INT64_MAX) {
		struct zone_instants is = zone_instants(z, civil);
		int64_t once =
		    is.first_ms == INT64_MAX ? is.after_gap_ms : is.first_ms;
		int64_t first = c->fixed ? once : is.first_ms;

		if (first > after_wall_ms && first < next)
			next = first;
		if (!c->fixed && is.second_ms > after_wall_ms &&
		    is.second_ms < next)
			next = is.second_ms;
		if (once > after_wall_ms && next != INT64_MAX)
			return next;
		civil += MINUTE_MS;
	}
	return next;
}
