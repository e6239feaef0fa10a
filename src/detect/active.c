/* SPDX-License-Identifier: MIT */
/*
 * Hours are civil: as long as clocks show them.
 */
#include "detect/active.h"

#include "base/civil.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/zone.h"
#include "conf/node.h"

#include <strings.h>

#define HOURS_MAX 16
#define MINUTE_MS INT64_C(60000)
#define DAY_MINUTES 1440
#define ALL_DAYS 0x7fu
/* Beyond it no day was left out. */
#define LOOK_DAYS 9

/** From one minute of a day until before another, which is the next day's where
 * it is more than DAY_MINUTES. */
struct span {
	int from, to;
};

struct active {
	unsigned days; /* bit 0: Sunday */
	struct span hours[HOURS_MAX];
	size_t count;
	struct zone *zone;
};

const struct key active_keys[] = {
	{ "days", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .what = "Days and ranges of days, such as Mon-Fri. Default: every "
		    "day." },
	{ "hours", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .what = "Such as '08:00-20:00'; '22:00-06:00' goes over midnight. "
		    "Default: all day." },
	{ "zone", false, .type = KEY_TEXT,
	    .what = "The time zone of both, such as Asia/Taipei. Default: the "
		    "machine's." },
	{ 0 },
};

static const struct synonym active_words[] = {
	{ "day", "days" },
	{ "weekdays", "days" },
	{ "hour", "hours" },
	{ "times", "hours" },
	{ "time", "hours" },
	{ "timezone", "zone" },
	{ "tz", "zone" },
	{ NULL, NULL },
};

static const char *const day_names[][2] = {
	{ "Sun", "Sunday" },
	{ "Mon", "Monday" },
	{ "Tue", "Tuesday" },
	{ "Wed", "Wednesday" },
	{ "Thu", "Thursday" },
	{ "Fri", "Friday" },
	{ "Sat", "Saturday" },
};

/* Index of a day's name at *at, which moves behind it; -1: there is none. */
static int
day_take(const char **at)
{
	size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	for (int day = 0; day < 7; day++)
		for (int form = 0; form < 2; form++)
			if (strlen(day_names[day][form]) == len &&
			    strncasecmp(*at, day_names[day][form], len) == 0) {
				*at += len;
				return day;
			}
	return -1;
}

/* "Sat" or "Mon-Fri", which may go over the end of the week: "Fri-Mon". */
static bool
days_take(const char *text, unsigned *days)
{
	int from = day_take(&text), to = from;

	if (from >= 0 && *text == '-') {
		text++;
		to = day_take(&text);
	}
	if (from < 0 || to < 0 || *text != '\0')
		return false;
	*days |= 1u << to;
	for (int day = from; day != to; day = (day + 1) % 7)
		*days |= 1u << day;
	return true;
}

/* "8:00", "20:30", "24:00" at *at as a minute of the day; -1: none. */
static int
minute_take(const char **at)
{
	int part[2] = { 0, 0 };

	for (int i = 0; i < 2; i++) {
		size_t len = strspn(*at, "0123456789");

		if (len < 1 || len > 2 || (i == 1 && len != 2))
			return -1;
		for (; len > 0; len--, (*at)++)
			part[i] = part[i] * 10 + (**at - '0');
		if (i == 0 && *(*at)++ != ':')
			return -1;
	}
	if (part[1] > 59 || part[0] * 60 + part[1] > DAY_MINUTES)
		return -1;
	return part[0] * 60 + part[1];
}

/* "08:00-20:00"; where the end is not after the beginning, it is the next
 * day's. */
static bool
span_take(const char *text, struct span *span)
{
	span->from = minute_take(&text);
	if (span->from < 0 || span->from == DAY_MINUTES || *text++ != '-')
		return false;
	span->to = minute_take(&text);
	if (span->to < 0 || *text != '\0' || span->to == span->from)
		return false;
	if (span->to < span->from)
		span->to += DAY_MINUTES;
	return true;
}

static const struct node *
item(const struct node *n, size_t i)
{
	return node_kind(n) == NODE_LIST ? node_at(n, i) : n;
}

static void
days_read(struct active *a, const struct node *n, const char *owner)
{
	char **texts = NULL;
	size_t count = 0;

	if (n == NULL) {
		a->days = ALL_DAYS;
		return;
	}
	if (node_texts(n, true, &texts, &count) && count == 0)
		node_error(
		    n, "%s: active: no days: it would never count", owner);
	for (size_t i = 0; i < count; i++)
		if (!days_take(texts[i], &a->days))
			node_error(item(n, i),
			    "%s: active: '%s' is no day (Mon) and no range of "
			    "days (Mon-Fri)",
			    owner, texts[i]);
	node_texts_free(texts);
}

static void
hours_read(struct active *a, const struct node *n, const char *owner)
{
	char **texts = NULL;
	size_t count = 0;

	if (n == NULL) {
		a->hours[a->count++] = (struct span){ 0, DAY_MINUTES };
		return;
	}
	if (node_texts(n, true, &texts, &count) &&
	    (count == 0 || count > HOURS_MAX))
		node_error(
		    n, "%s: active: hours: 1 to %d of them", owner, HOURS_MAX);
	for (size_t i = 0; i < count && i < HOURS_MAX; i++)
		if (!span_take(texts[i], &a->hours[a->count++]))
			node_error(item(n, i),
			    "%s: active: '%s' are no hours, such as "
			    "'08:00-20:00' or '22:00-06:00'",
			    owner, texts[i]);
	node_texts_free(texts);
}

static void
zone_read_name(struct active *a, const struct node *n, const struct node *map,
    const char *owner)
{
	const char *name = NULL;
	struct err err;

	if (n != NULL && !node_text(n, &name))
		return;
	a->zone = zone_open(name, &err);
	if (a->zone == NULL)
		node_error(n != NULL ? n : map, "%s: active: zone: %s", owner,
		    err.text);
}

struct active *
active_read(const struct node *n, const char *owner)
{
	struct active *a;
	struct str what = { 0 };

	if (n == NULL)
		return NULL;
	a = mem_new(1, sizeof *a);
	str_printf(&what, "%s: active", owner);
	if (node_keys(n, active_keys, active_words, what.data)) {
		if (node_count(n) == 0)
			node_error(n, "%s: needs 'days' or 'hours'", what.data);
		days_read(a, node_get(n, "days"), owner);
		hours_read(a, node_get(n, "hours"), owner);
		zone_read_name(a, node_get(n, "zone"), n, owner);
	}
	str_free(&what);
	if (a->zone != NULL && a->days != 0 && a->count > 0)
		return a;
	active_free(a);
	return NULL;
}

void
active_free(struct active *a)
{
	if (a == NULL)
		return;
	zone_free(a->zone);
	free(a);
}

/* Whether a minute of a day is within the hours that began on it, or on days
 * before it. */
static bool
is_within(const struct active *a, int64_t days, int minute)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct span *s = &a->hours[i];

		if ((a->days >> civil_weekday(days) & 1) && minute >= s->from &&
		    minute < s->to)
			return true;
		if ((a->days >> civil_weekday(days - 1) & 1) &&
		    minute + DAY_MINUTES < s->to)
			return true;
	}
	return false;
}

bool
active_is(const struct active *a, int64_t wall_ms)
{
	int64_t civil_ms, days;

	if (a == NULL)
		return true;
	civil_ms = wall_ms + zone_offset_s(a->zone, wall_ms) * INT64_C(1000);
	days = floor_div(civil_ms, DAY_MS);
	return is_within(
	    a, days, (int)((civil_ms - days * DAY_MS) / MINUTE_MS));
}

/* The sooner of two instants, the second of which counts where it is later than
 * now, and within. */
static int64_t
sooner(const struct active *a, int64_t best, int64_t at, int64_t wall_ms)
{
	return at > wall_ms && at < best && active_is(a, at) ? at : best;
}

int64_t
active_next(const struct active *a, int64_t wall_ms)
{
	int64_t best = INT64_MAX, days;

	if (active_is(a, wall_ms))
		return wall_ms;
	days = floor_div(wall_ms, DAY_MS) - 1;
	for (int64_t end = days + LOOK_DAYS; days < end; days++)
		for (size_t i = 0; i < a->count; i++) {
			struct zone_instants is = zone_instants(a->zone,
			    days * DAY_MS + a->hours[i].from * MINUTE_MS);

			best = sooner(a, best, is.first_ms, wall_ms);
			best = sooner(a, best, is.second_ms, wall_ms);
			best = sooner(a, best, is.after_gap_ms, wall_ms);
		}
	return best;
}

int64_t
active_defer(
    const struct active *a, int64_t due_ms, int64_t now_ms, int64_t offset_ms)
{
	int64_t next_ms;

	if (a == NULL || due_ms == INT64_MAX)
		return due_ms;
	next_ms =
	    active_next(a, (due_ms > now_ms ? due_ms : now_ms) + offset_ms);
	return next_ms == INT64_MAX ? INT64_MAX : next_ms - offset_ms;
}
