/* SPDX-License-Identifier: MIT */
/*
 * A zone is a table of transitions, and for the time after its last one a rule
 * as in POSIX's TZ.  Everything read is checked: a file may be damaged.
 */
#include "base/zone.h"

#include "base/civil.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_MAX_BYTES 65536 /* the largest of 2025 has 3.5 KiB */
#define NAME_MAX_BYTES 128
#define OFFSET_MAX_S (27 * 3600) /* RFC 8536, 3.2: -25 to 26 hours */
#define DAY_S 86400
#define MINUTE_MS 60000
/* Further away from 1970 no instant is told apart: 29 million years. */
#define INSTANT_MAX_MS (INT64_MAX / 10)

/* When clocks change, once a year: "M3.2.0/2", "J60" or "59". */
struct turn {
	enum { TURN_JULIAN, TURN_DAY, TURN_WEEKDAY } kind;
	int month, week, day;
	int32_t time_s; /* civil, from that day's midnight */
};

struct rule {
	int32_t standard_s, summer_s; /* east of UTC */
	bool has_summer;
	struct turn begin, end; /* of summer time */
};

struct transition {
	int64_t at_s;
	int32_t offset_s; /* from then on */
};

struct zone {
	struct transition *transitions; /* in rising order */
	size_t count;
	int32_t first_s; /* before the first transition */
	bool has_rule;
	struct rule rule; /* after the last one */
};

/* The rule of POSIX's TZ, XBD 8.3, with the hours of RFC 8536, 3.3.1. */

static bool
take_char(struct text *t, char c)
{
	if (t->len == 0 || *t->data != c)
		return false;
	t->data++;
	t->len--;
	return true;
}

/* At most three digits, min to max. */
static bool
take_number(struct text *t, int min, int max, int *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < 3 && n < t->len && t->data[n] >= '0' && t->data[n] <= '9';
	     n++)
		*out = *out * 10 + (t->data[n] - '0');
	t->data += n;
	t->len -= n;
	return n > 0 && *out >= min && *out <= max;
}

/* "[+-]hh[:mm[:ss]]" */
static bool
take_time(struct text *t, int max_hours, int32_t *out)
{
	bool negative = take_char(t, '-');
	int hours, minutes = 0, seconds = 0;

	if (!negative)
		take_char(t, '+');
	if (!take_number(t, 0, max_hours, &hours))
		return false;
	if (take_char(t, ':') && !take_number(t, 0, 59, &minutes))
		return false;
	if (take_char(t, ':') && !take_number(t, 0, 59, &seconds))
		return false;
	*out = hours * 3600 + minutes * 60 + seconds;
	if (negative)
		*out = -*out;
	return true;
}

static bool
is_name_char(char c, bool quoted)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-');
}

/* "CET", or in brackets also digits and signs: "<+0330>". */
static bool
take_name(struct text *t)
{
	bool quoted = take_char(t, '<');
	size_t n = 0;

	while (n < t->len && is_name_char(t->data[n], quoted))
		n++;
	t->data += n;
	t->len -= n;
	return n >= 3 && (!quoted || take_char(t, '>'));
}

static bool
take_day(struct text *t, struct turn *turn)
{
	if (take_char(t, 'J')) {
		turn->kind = TURN_JULIAN;
		return take_number(t, 1, 365, &turn->day);
	}
	if (!take_char(t, 'M')) {
		turn->kind = TURN_DAY;
		return take_number(t, 0, 365, &turn->day);
	}
	turn->kind = TURN_WEEKDAY;
	return take_number(t, 1, 12, &turn->month) && take_char(t, '.') &&
	       take_number(t, 1, 5, &turn->week) && take_char(t, '.') &&
	       take_number(t, 0, 6, &turn->day);
}

static bool
take_turn(struct text *t, struct turn *turn)
{
	turn->time_s = 2 * 3600;
	return take_char(t, ',') && take_day(t, turn) &&
	       (!take_char(t, '/') || take_time(t, 167, &turn->time_s));
}

static bool
take_summer(struct text *t, struct rule *r)
{
	/* As glibc has it where only the names are told. */
	struct text usual = TEXT(",M3.2.0,M11.1.0");

	r->has_summer = true;
	r->summer_s = r->standard_s + 3600;
	if (!take_name(t))
		return false;
	if (t->len > 0 && *t->data != ',') {
		if (!take_time(t, 25, &r->summer_s))
			return false;
		r->summer_s = -r->summer_s;
	}
	if (t->len == 0)
		return take_turn(&usual, &r->begin) &&
		       take_turn(&usual, &r->end);
	return take_turn(t, &r->begin) && take_turn(t, &r->end);
}

static bool
rule_read(struct text t, struct rule *r)
{
	*r = (struct rule){ 0 };
	if (!take_name(&t) || !take_time(&t, 26, &r->standard_s))
		return false;
	r->standard_s = -r->standard_s; /* POSIX counts to the west */
	return t.len == 0 || (take_summer(&t, r) && t.len == 0);
}

/* The day on which clocks change in a year, since 1970. */
static int64_t
turn_day(const struct turn *turn, int year)
{
	int64_t first = civil_days(year, 1, 1);
	bool leap = civil_month_days(year, 2) == 29;
	int day;

	if (turn->kind == TURN_DAY)
		return first + turn->day;
	if (turn->kind == TURN_JULIAN) /* which knows no 29 February */
		return first + turn->day - 1 + (leap && turn->day >= 60);
	first = civil_days(year, turn->month, 1);
	day = (turn->day - civil_weekday(first) + 7) % 7 + (turn->week - 1) * 7;
	if (day >= civil_month_days(year, turn->month))
		day -= 7; /* week 5 is the last, be it the fourth */
	return first + day;
}

/*
 * The offset that the last change up to an instant led to.  Changes of the
 * years around count, too: their times reach a week beyond their day.  Where
 * one summer time ends as the next begins, it is summer all the time.
 */
static int32_t
rule_offset(const struct rule *r, int64_t at_s)
{
	int64_t last = INT64_MIN;
	int32_t offset = r->standard_s;
	int year, month, day;

	if (!r->has_summer)
		return offset;
	civil_from_days(floor_div(at_s, DAY_S), &year, &month, &day);
	for (int y = year - 1; y <= year + 1; y++) {
		int64_t begin = turn_day(&r->begin, y) * DAY_S +
		                r->begin.time_s - r->standard_s;
		int64_t end =
		    turn_day(&r->end, y) * DAY_S + r->end.time_s - r->summer_s;

		if (end <= at_s && end > last) {
			last = end;
			offset = r->standard_s;
		}
		if (begin <= at_s && begin >= last) {
			last = begin;
			offset = r->summer_s;
		}
	}
	return offset;
}

/* TZif */

struct counts {
	size_t is_utc, is_standard, leaps, times, types, chars;
};

struct header {
	char version;
	struct counts n;
};

/* The next len bytes; NULL: so many are not left. */
static const unsigned char *
take(struct text *t, size_t len)
{
	const char *at = t->data;

	if (t->len < len)
		return NULL;
	t->data += len;
	t->len -= len;
	return (const unsigned char *)at;
}

/* A big-endian number in two's complement of 4 or 8 bytes. */
static int64_t
number_at(const unsigned char *p, size_t size)
{
	uint64_t value = p[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | p[i];
	return (int64_t)value;
}

static int
header_read(struct text *t, struct header *h, struct err *err)
{
	const unsigned char *p = take(t, 44);
	size_t n[6];

	if (p == NULL || memcmp(p, "TZif", 4) != 0)
		return err_set(err, "not a time zone file");
	h->version = (char)p[4];
	for (size_t i = 0; i < 6; i++) {
		int64_t count = number_at(p + 20 + 4 * i, 4);

		if (count < 0 || count > ZONE_MAX_BYTES)
			return err_set(err, "damaged: an impossible count");
		n[i] = (size_t)count;
	}
	h->n = (struct counts){ n[0], n[1], n[2], n[3], n[4], n[5] };
	return 0;
}

/* The length of the data behind a header; counts are bounded. */
static size_t
data_len(const struct counts *n, size_t time_size)
{
	return n->times * (time_size + 1) + n->types * 6 + n->chars +
	       n->leaps * (time_size + 4) + n->is_standard + n->is_utc;
}

/* Reads the offset of a type, one of those in types. */
static int
type_read(const struct counts *n, const unsigned char *types, size_t type,
    int32_t *offset_s, struct err *err)
{
	int64_t offset;

	if (type >= n->types)
		return err_set(err, "damaged: no such local time type");
	offset = number_at(types + type * 6, 4);
	if (offset <= -OFFSET_MAX_S || offset >= OFFSET_MAX_S)
		return err_set(err, "damaged: an offset of more than a day");
	*offset_s = (int32_t)offset;
	return 0;
}

static int
transitions_read(struct zone *z, const struct counts *n,
    const unsigned char *data, size_t size, struct err *err)
{
	const unsigned char *kinds = data + n->times * size;
	const unsigned char *types = kinds + n->times;

	if (type_read(n, types, 0, &z->first_s, err) != 0)
		return -1;
	z->transitions = mem_new(n->times, sizeof *z->transitions);
	for (; z->count < n->times; z->count++) {
		size_t i = z->count;
		struct transition *tr = &z->transitions[i];

		tr->at_s = number_at(data + i * size, size);
		if (i > 0 && tr->at_s <= tr[-1].at_s)
			return err_set(err, "damaged: times do not rise");
		if (type_read(n, types, kinds[i], &tr->offset_s, err) != 0)
			return -1;
	}
	return 0;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; an empty rule is none. */
static int
footer_read(struct zone *z, struct text t, struct err *err)
{
	const char *end;

	if (!take_char(&t, '\n') || t.len == 0 ||
	    (end = memchr(t.data, '\n', t.len)) == NULL)
		return err_set(err, "damaged: no footer");
	t.len = (size_t)(end - t.data);
	z->has_rule = t.len > 0;
	if (z->has_rule && !rule_read(t, &z->rule))
		return err_set(err, "damaged: no rule in its footer");
	return 0;
}

/* Version 1 has one header with times of 32 bits; later ones have a second. */
static int
tzif_read(struct zone *z, struct text t, struct err *err)
{
	struct header h = { 0 };
	size_t size = 4;
	const unsigned char *data;

	if (header_read(&t, &h, err) != 0)
		return -1;
	data = take(&t, data_len(&h.n, size));
	if (data != NULL && h.version != '\0') {
		size = 8;
		if (header_read(&t, &h, err) != 0)
			return -1;
		data = take(&t, data_len(&h.n, size));
	}
	if (data == NULL)
		return err_set(err, "damaged: it ends too soon");
	if (h.n.leaps > 0)
		return err_set(err, "it counts leap seconds, as no log does");
	if (transitions_read(z, &h.n, data, size, err) != 0)
		return -1;
	return size == 8 ? footer_read(z, t, err) : 0;
}

struct zone *
zone_read(struct text tzif, struct err *err)
{
	struct zone *z = mem_new(1, sizeof *z);

	if (tzif_read(z, tzif, err) == 0)
		return z;
	zone_free(z);
	return NULL;
}

/* Where zones come from */

static int
fd_read(int fd, struct str *out, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, "%m");
	if (!S_ISREG(st.st_mode))
		return err_set(err, "not a time zone file");
	while (out->len <= ZONE_MAX_BYTES) {
		ssize_t n = read(fd, str_reserve(out, 4096), 4096);

		if (n < 0)
			return err_set(err, "%m");
		if (n == 0)
			return 0;
		out->len += (size_t)n;
	}
	return err_set(err, "too large for a time zone file");
}

static struct zone *
file_open(const char *path, struct err *err)
{
	struct str content = { 0 };
	struct zone *z = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		err_set(err, "%s: %m", path);
		return NULL;
	}
	if (fd_read(fd, &content, err) == 0)
		z = zone_read(str_text(&content), err);
	if (z == NULL)
		err_wrap(err, "%s", path);
	str_free(&content);
	close(fd);
	return z;
}

/* Whether a name leads to nowhere but below the directory of zones. */
static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	if (len > NAME_MAX_BYTES || *name == '/')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(name[i], true) && name[i] != '/' &&
		    name[i] != '_')
			return false;
	return true;
}

static struct zone *
named_open(const char *name, struct err *err)
{
	const char *dir = getenv("TZDIR");
	char path[PATH_MAX];
	struct zone *z;

	if (strcmp(name, "UTC") == 0)
		return mem_new(1, sizeof *z);
	if (!is_name(name)) {
		err_set(err, "'%s' is no name of a time zone", name);
		return NULL;
	}
	if (dir == NULL || *dir == '\0')
		dir = "/usr/share/zoneinfo";
	if (access(dir, X_OK) != 0) {
		err_set(err, "%s: %m; the package tzdata brings it", dir);
		return NULL;
	}
	snprintf(path, sizeof path, "%s/%s", dir, name);
	z = file_open(path, err);
	if (z == NULL && access(path, F_OK) != 0 && errno == ENOENT)
		err_set(err, "no time zone '%s' in %s", name, dir);
	return z;
}

/* What $TZ says; glibc, too, takes a file first and a rule then. */
static struct zone *
environment_open(const char *tz, struct err *err)
{
	struct rule rule;
	struct zone *z;

	if (*tz == ':')
		tz++;
	z = *tz == '/' ? file_open(tz, err) : named_open(tz, err);
	if (z == NULL && rule_read(text_of(tz), &rule)) {
		z = mem_new(1, sizeof *z);
		z->has_rule = true;
		z->rule = rule;
	}
	if (z == NULL)
		err_wrap(err, "TZ");
	return z;
}

struct zone *
zone_open(const char *name, struct err *err)
{
	const char *tz = getenv("TZ");

	if (name != NULL && *name != '\0')
		return named_open(name, err);
	if (tz != NULL)
		return environment_open(*tz == '\0' ? "UTC" : tz, err);
	if (access("/etc/localtime", F_OK) != 0 && errno == ENOENT)
		return named_open("UTC", err);
	return file_open("/etc/localtime", err);
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->transitions);
	free(z);
}

/* How many transitions are not after an instant. */
static size_t
transitions_until(const struct zone *z, int64_t at_s)
{
	size_t low = 0, high = z->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (z->transitions[middle].at_s <= at_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int64_t
instant_clamp(int64_t ms)
{
	return ms < -INSTANT_MAX_MS  ? -INSTANT_MAX_MS
	       : ms > INSTANT_MAX_MS ? INSTANT_MAX_MS
	                             : ms;
}

int32_t
zone_offset_s(const struct zone *z, int64_t wall_ms)
{
	int64_t at_s = floor_div(instant_clamp(wall_ms), 1000);
	size_t i = transitions_until(z, at_s);

	if (i == z->count && z->has_rule)
		return rule_offset(&z->rule, at_s);
	return i == 0 ? z->first_s : z->transitions[i - 1].offset_s;
}

int64_t
zone_instant_ms(const struct zone *z, int64_t civil_ms)
{
	int64_t civil = instant_clamp(civil_ms);
	int64_t before = zone_offset_s(z, civil - DAY_MS);
	int64_t after = zone_offset_s(z, civil + DAY_MS);

	if (zone_offset_s(z, civil - before * 1000) != before &&
	    zone_offset_s(z, civil - after * 1000) == after)
		return civil - after * 1000;
	return civil - before * 1000;
}

static int64_t
civil_of(const struct zone *z, int64_t wall_ms)
{
	return wall_ms + zone_offset_s(z, wall_ms) * INT64_C(1000);
}

struct zone_instants
zone_instants(const struct zone *z, int64_t civil_ms)
{
	int64_t at = zone_instant_ms(z, civil_ms);
	int64_t second =
	    civil_ms - zone_offset_s(z, civil_ms + DAY_MS) * INT64_C(1000);
	struct zone_instants is = { at, INT64_MAX, INT64_MAX };

	if (civil_of(z, at) == civil_ms) {
		if (second > at && civil_of(z, second) == civil_ms)
			is.second_ms = second;
		return is;
	}
	/* As if clocks had not gone forward, which they did before. */
	while (civil_of(z, at - MINUTE_MS) > civil_ms)
		at -= MINUTE_MS;
	return (struct zone_instants){ INT64_MAX, INT64_MAX, at };
}
