/* SPDX-License-Identifier: MIT */
/*
 * Two lists, each in the order of when the keys came last: those that are
 * awaited, and those that are absent already.  The first of each is due next.
 */
#include "detect/absence.h"

#include "base/map.h"
#include "base/mem.h"
#include "detect/kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct timer {
	TAILQ_ENTRY(timer) link;
	char *key;
	size_t key_len;
	bool absent;
	int64_t last_ms;
	struct kept *match; /* the last; NULL: there was none */
};

TAILQ_HEAD(timers, timer);

struct absence {
	int64_t for_ms, forget_ms;
	struct map *timers; /* by key; owned by the lists */
	struct timers awaited, absent;
};

struct absence *
absence_new(int64_t for_ms, int64_t forget_ms)
{
	struct absence *a = mem_new(1, sizeof *a);

	a->for_ms = for_ms;
	a->forget_ms = forget_ms;
	a->timers = map_new(SIZE_MAX, NULL);
	TAILQ_INIT(&a->awaited);
	TAILQ_INIT(&a->absent);
	return a;
}

static struct text
key_of(const struct timer *t)
{
	return (struct text){ t->key, t->key_len };
}

static struct timers *
list_of(struct absence *a, const struct timer *t)
{
	return t->absent ? &a->absent : &a->awaited;
}

/* list  the one that it is in */
static void
timer_free(struct absence *a, struct timers *list, struct timer *t)
{
	TAILQ_REMOVE(list, t, link);
	map_remove(a->timers, key_of(t));
	kept_free(t->match);
	free(t->key);
	free(t);
}

static void
list_free(struct absence *a, struct timers *list)
{
	struct timer *t = TAILQ_FIRST(list), *next;

	for (; t != NULL; t = next) {
		next = TAILQ_NEXT(t, link);
		timer_free(a, list, t);
	}
}

void
absence_free(struct absence *a)
{
	if (a == NULL)
		return;
	list_free(a, &a->awaited);
	list_free(a, &a->absent);
	map_free(a->timers);
	free(a);
}

static void
append(struct absence *a, struct timer *t)
{
	TAILQ_INSERT_TAIL(list_of(a, t), t, link);
}

/* Into a list, which is almost always its end. */
static void
insert(struct absence *a, struct timer *t)
{
	struct timers *list = list_of(a, t);
	struct timer *before = TAILQ_LAST(list, timers);

	while (before != NULL && before->last_ms > t->last_ms)
		before = TAILQ_PREV(before, timers, link);
	if (before == NULL)
		TAILQ_INSERT_HEAD(list, t, link);
	else
		TAILQ_INSERT_AFTER(list, before, t, link);
}

/* To be put into a list. */
static struct timer *
timer_new(struct absence *a, struct text key, int64_t now_ms)
{
	struct timer *t = mem_new(1, sizeof *t);

	t->key = mem_copy(key.data, key.len);
	t->key_len = key.len;
	t->last_ms = now_ms;
	map_put(a->timers, key, t);
	return t;
}

/* Begins to wait from a time on. */
static void
await(struct absence *a, struct timer *t, int64_t now_ms)
{
	TAILQ_REMOVE(list_of(a, t), t, link);
	t->absent = false;
	t->last_ms = now_ms;
	insert(a, t);
}

bool
absence_begin(struct absence *a, struct text key, int64_t now_ms)
{
	if (map_get(a->timers, key) != NULL)
		return false;
	insert(a, timer_new(a, key, now_ms));
	return true;
}

/* The one that was not seen for longest. */
static struct timer *
oldest(const struct absence *a)
{
	struct timer *x = TAILQ_FIRST(&a->awaited);
	struct timer *y = TAILQ_FIRST(&a->absent);

	if (x == NULL || y == NULL)
		return x != NULL ? x : y;
	return x->last_ms < y->last_ms ? x : y;
}

/* Lets go of one before that is told, for what is told may lead back here. */
static void
forget(struct absence *a, struct timers *list, struct timer *t,
    absence_key_fn *fn, void *ctx)
{
	struct str key = { 0 };

	str_add_text(&key, key_of(t));
	timer_free(a, list, t);
	fn(str_text(&key), ctx);
	str_free(&key);
}

void
absence_seen(struct absence *a, struct text key,
    const struct captures *captures, const struct event *event, int64_t now_ms,
    absence_key_fn *evicted, void *ctx)
{
	struct timer *t = map_get(a->timers, key);

	if (t == NULL && map_count(a->timers) == ABSENCE_KEYS_MAX) {
		struct timer *old = oldest(a);

		forget(a, list_of(a, old), old, evicted, ctx);
	}
	if (t == NULL)
		insert(a, t = timer_new(a, key, now_ms));
	else
		await(a, t, now_ms);
	kept_free(t->match);
	t->match = kept_new(captures, event);
}

struct restarting {
	struct absence *a;
	int64_t now_ms;
	absence_key_fn *restarted;
	void *ctx;
};

static void
restart(struct text key, void *value, void *ctx)
{
	const struct restarting *r = ctx;

	await(r->a, value, r->now_ms);
	r->restarted(key, r->ctx);
}

void
absence_restart(struct absence *a, const struct text *key, int64_t now_ms,
    absence_key_fn *restarted, void *ctx)
{
	struct restarting r = { a, now_ms, restarted, ctx };
	struct timer *t;

	if (key == NULL) {
		map_each(a->timers, restart, &r);
		return;
	}
	t = map_get(a->timers, *key);
	if (t != NULL)
		restart(*key, t, &r);
}

/* Of some there was none: their timers began by themselves. */
static int64_t
last_match(const struct timers *list)
{
	const struct timer *t = TAILQ_LAST(list, timers);

	while (t != NULL && t->match == NULL)
		t = TAILQ_PREV(t, timers, link);
	return t != NULL ? t->last_ms : INT64_MIN;
}

int64_t
absence_last(const struct absence *a)
{
	int64_t awaited = last_match(&a->awaited);
	int64_t absent = last_match(&a->absent);

	return awaited > absent ? awaited : absent;
}

static int64_t
after(const struct timer *t, int64_t ms)
{
	return t == NULL || ms > INT64_MAX - t->last_ms ? INT64_MAX
	                                                : t->last_ms + ms;
}

int64_t
absence_due(const struct absence *a)
{
	int64_t absent = after(TAILQ_FIRST(&a->awaited), a->for_ms);
	int64_t forget = after(oldest(a), a->forget_ms);

	return absent < forget ? absent : forget;
}

static void
tell(const struct timer *t, absent_fn *fn, void *ctx)
{
	struct captures captures;
	struct event event;
	const struct absent absent = { key_of(t), &captures, &event,
		t->last_ms };

	kept_tell(t->match, &captures, &event);
	fn(&absent, ctx);
}

static void
forget_old(struct absence *a, struct timers *list, int64_t now_ms,
    absence_key_fn *forgotten, void *ctx)
{
	struct timer *t = TAILQ_FIRST(list), *next;

	for (; t != NULL && after(t, a->forget_ms) <= now_ms; t = next) {
		next = TAILQ_NEXT(t, link);
		forget(a, list, t, forgotten, ctx);
	}
}

void
absence_tick(struct absence *a, int64_t now_ms, absent_fn *absent,
    absence_key_fn *forgotten, void *ctx)
{
	struct timer *t;

	while ((t = TAILQ_FIRST(&a->awaited)) != NULL &&
	       after(t, a->for_ms) <= now_ms) {
		TAILQ_REMOVE(&a->awaited, t, link);
		t->absent = true;
		insert(a, t);
		tell(t, absent, ctx);
	}
	forget_old(a, &a->awaited, now_ms, forgotten, ctx);
	forget_old(a, &a->absent, now_ms, forgotten, ctx);
}

void
absence_write(const struct absence *a, struct text key, struct str *out)
{
	const struct timer *t = map_get(a->timers, key);
	json_t *object;
	char *text;

	if (t == NULL)
		return;
	object = json_pack("{s:I, s:b}", "ms", (json_int_t)t->last_ms, "absent",
	    (int)t->absent);
	if (t->match != NULL)
		kept_write(t->match, object);
	text = json_dumps(object, JSON_COMPACT);
	if (text != NULL)
		str_puts(out, text);
	free(text);
	json_decref(object);
}

void
absence_read(
    struct absence *a, struct text key, struct text state, int64_t now_ms)
{
	json_t *object =
	    json_loadb(state.data, state.len, JSON_ALLOW_NUL, NULL);
	const json_t *ms = json_object_get(object, "ms");
	struct timer *t;
	int64_t last_ms;

	if (json_is_integer(ms) && map_get(a->timers, key) == NULL &&
	    map_count(a->timers) < ABSENCE_KEYS_MAX) {
		last_ms = json_integer_value(ms);
		t = timer_new(a, key, last_ms < now_ms ? last_ms : now_ms);
		t->absent = json_is_true(json_object_get(object, "absent"));
		append(a, t);
		t->match = kept_read(object);
	}
	json_decref(object);
}

static int
compare(const void *a, const void *b)
{
	const struct timer *x = *(struct timer *const *)a;
	const struct timer *y = *(struct timer *const *)b;

	return (x->last_ms > y->last_ms) - (x->last_ms < y->last_ms);
}

static void
order(struct absence *a, struct timers *list)
{
	size_t count = 0;
	struct timer *t, **v = mem_new(map_count(a->timers), sizeof *v);

	while ((t = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, t, link);
		v[count++] = t;
	}
	qsort(v, count, sizeof *v, compare);
	for (size_t i = 0; i < count; i++)
		append(a, v[i]);
	free(v);
}

void
absence_order(struct absence *a)
{
	order(a, &a->awaited);
	order(a, &a->absent);
}
