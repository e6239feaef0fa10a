/* SPDX-License-Identifier: MIT */
/*
 * Two lists, each in the order of when the firsts came: those that wait, and
 * those that were missed.  Firsts with the same captures are a group.
 */
#include "detect/missing.h"

#include "base/map.h"
#include "base/mem.h"
#include "detect/kept.h"
#include "detect/key.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct first {
	TAILQ_ENTRY(first) link;
	LIST_ENTRY(first) others; /* of its group */
	struct group *group;
	char *id; /* see key_pair_write() */
	size_t id_len;
	bool missed;
	int64_t ms;
	struct kept *match;
};

TAILQ_HEAD(firsts, first);

struct group {
	LIST_HEAD(, first) firsts;
};

struct missing {
	int64_t within_ms;
	struct map *firsts;      /* by id; owned by the lists */
	struct map *groups;      /* by same */
	struct map *missed_keys; /* size_t, how many were missed, by key */
	struct firsts waiting, missed;
};

struct missing *
missing_new(int64_t within_ms)
{
	struct missing *m = mem_new(1, sizeof *m);

	m->within_ms = within_ms;
	m->firsts = map_new(SIZE_MAX, NULL);
	m->groups = map_new(SIZE_MAX, free);
	m->missed_keys = map_new(SIZE_MAX, free);
	TAILQ_INIT(&m->waiting);
	TAILQ_INIT(&m->missed);
	return m;
}

static struct text
id_of(const struct first *f)
{
	return (struct text){ f->id, f->id_len };
}

static struct text
key_of(const struct first *f)
{
	struct text key;

	key_pair_read(id_of(f), NULL, &key);
	return key;
}

static struct text
same_of(const struct first *f)
{
	struct text same;

	key_pair_read(id_of(f), &same, NULL);
	return same;
}

static struct firsts *
list_of(struct missing *m, const struct first *f)
{
	return f->missed ? &m->missed : &m->waiting;
}

static void
append(struct missing *m, struct first *f)
{
	TAILQ_INSERT_TAIL(list_of(m, f), f, link);
}

/* Into a list, which is almost always its end. */
static void
insert(struct missing *m, struct first *f)
{
	struct firsts *list = list_of(m, f);
	struct first *before = TAILQ_LAST(list, firsts);

	while (before != NULL && before->ms > f->ms)
		before = TAILQ_PREV(before, firsts, link);
	if (before == NULL)
		TAILQ_INSERT_HEAD(list, f, link);
	else
		TAILQ_INSERT_AFTER(list, before, f, link);
}

/* How many of a key were missed, and by how many that changes.  Returns how
 * many they are then. */
static size_t
count_missed(struct missing *m, struct text key, int change)
{
	size_t *count = map_get(m->missed_keys, key);

	if (count == NULL) {
		count = mem_new(1, sizeof *count);
		map_put(m->missed_keys, key, count);
	}
	*count += (size_t)change;
	if (*count > 0)
		return *count;
	map_remove(m->missed_keys, key);
	return 0;
}

/* To be put into a list. */
static struct first *
first_new(struct missing *m, struct text id, bool missed, int64_t ms,
    struct kept *match)
{
	struct first *f = mem_new(1, sizeof *f);

	f->id = mem_copy(id.data, id.len);
	f->id_len = id.len;
	f->missed = missed;
	f->ms = ms;
	f->match = match;
	f->group = map_get(m->groups, same_of(f));
	if (f->group == NULL) {
		f->group = mem_new(1, sizeof *f->group);
		map_put(m->groups, same_of(f), f->group);
	}
	LIST_INSERT_HEAD(&f->group->firsts, f, others);
	map_put(m->firsts, id, f);
	if (missed)
		count_missed(m, key_of(f), 1);
	return f;
}

static void
first_free(struct missing *m, struct first *f)
{
	TAILQ_REMOVE(list_of(m, f), f, link);
	LIST_REMOVE(f, others);
	if (LIST_EMPTY(&f->group->firsts))
		map_remove(m->groups, same_of(f));
	map_remove(m->firsts, id_of(f));
	kept_free(f->match);
	free(f->id);
	free(f);
}

void
missing_free(struct missing *m)
{
	struct first *f;

	if (m == NULL)
		return;
	while ((f = TAILQ_FIRST(&m->waiting)) != NULL ||
	       (f = TAILQ_FIRST(&m->missed)) != NULL)
		first_free(m, f);
	map_free(m->firsts);
	map_free(m->groups);
	map_free(m->missed_keys);
	free(m);
}

/* Lets go of one; over is told where it was the last of its key. */
static void
settle(struct missing *m, struct first *f, const struct missing_calls *calls)
{
	bool last = f->missed && count_missed(m, key_of(f), -1) == 0;
	struct str key = { 0 }, id = { 0 };

	/* What is told may lead back here. */
	str_add_text(&key, key_of(f));
	str_add_text(&id, id_of(f));
	first_free(m, f);
	calls->changed(str_text(&id), calls->ctx);
	if (last)
		calls->over(str_text(&key), calls->ctx);
	str_free(&key);
	str_free(&id);
}

/* The one that came first of all. */
static struct first *
oldest(const struct missing *m)
{
	struct first *x = TAILQ_FIRST(&m->waiting);
	struct first *y = TAILQ_FIRST(&m->missed);

	if (x == NULL || y == NULL)
		return x != NULL ? x : y;
	return x->ms < y->ms ? x : y;
}

bool
missing_first(struct missing *m, struct text same, struct text key,
    const struct captures *captures, const struct event *event, int64_t now_ms,
    const struct missing_calls *calls)
{
	bool full = map_count(m->firsts) == MISSING_MAX;
	struct str id = { 0 };

	key_pair_write(same, key, &id);
	if (map_get(m->firsts, str_text(&id)) != NULL) {
		str_free(&id);
		return false;
	}
	if (full)
		settle(m, oldest(m), calls);
	insert(m, first_new(m, str_text(&id), false, now_ms,
		      kept_new(captures, event)));
	calls->changed(str_text(&id), calls->ctx);
	str_free(&id);
	return full;
}

void
missing_second(
    struct missing *m, struct text same, const struct missing_calls *calls)
{
	struct group *g;

	while ((g = map_get(m->groups, same)) != NULL)
		settle(m, LIST_FIRST(&g->firsts), calls);
}

static void
forget(struct missing *m, struct firsts *list, const struct text *key,
    const struct missing_calls *calls)
{
	struct first *f = TAILQ_FIRST(list), *next;

	for (; f != NULL; f = next) {
		next = TAILQ_NEXT(f, link);
		if (key != NULL && !text_equal(*key, key_of(f)))
			continue;
		if (f->missed)
			count_missed(m, key_of(f), -1);
		calls->changed(id_of(f), calls->ctx);
		first_free(m, f);
	}
}

void
missing_forget(struct missing *m, const struct text *key,
    const struct missing_calls *calls)
{
	forget(m, key == NULL ? &m->waiting : &m->missed, key, calls);
}

bool
missing_waits(const struct missing *m)
{
	return map_count(m->firsts) > 0;
}

int64_t
missing_last(const struct missing *m)
{
	const struct first *x = TAILQ_LAST(&m->waiting, firsts);
	const struct first *y = TAILQ_LAST(&m->missed, firsts);

	if (x == NULL || (y != NULL && y->ms > x->ms))
		x = y;
	return x != NULL ? x->ms : INT64_MIN;
}

int64_t
missing_due(const struct missing *m)
{
	const struct first *f = TAILQ_FIRST(&m->waiting);

	return f == NULL || m->within_ms > INT64_MAX - f->ms
	           ? INT64_MAX
	           : f->ms + m->within_ms;
}

static void
miss(struct missing *m, struct first *f, const struct missing_calls *calls)
{
	struct captures captures;
	struct event event;
	struct missed missed = { key_of(f), &captures, &event };

	TAILQ_REMOVE(&m->waiting, f, link);
	f->missed = true;
	insert(m, f);
	count_missed(m, key_of(f), 1);
	kept_tell(f->match, &captures, &event);
	calls->changed(id_of(f), calls->ctx);
	calls->missed(&missed, calls->ctx);
}

void
missing_tick(
    struct missing *m, int64_t now_ms, const struct missing_calls *calls)
{
	while (missing_due(m) <= now_ms)
		miss(m, TAILQ_FIRST(&m->waiting), calls);
}

void
missing_write(const struct missing *m, struct text id, struct str *out)
{
	const struct first *f = map_get(m->firsts, id);
	json_t *object;
	char *text;

	if (f == NULL)
		return;
	object = json_pack(
	    "{s:I, s:b}", "ms", (json_int_t)f->ms, "missed", (int)f->missed);
	kept_write(f->match, object);
	text = json_dumps(object, JSON_COMPACT);
	if (text != NULL)
		str_puts(out, text);
	free(text);
	json_decref(object);
}

void
missing_read(
    struct missing *m, struct text id, struct text state, int64_t now_ms)
{
	json_t *object =
	    json_loadb(state.data, state.len, JSON_ALLOW_NUL, NULL);
	const json_t *ms = json_object_get(object, "ms");
	struct kept *match = kept_read(object);
	int64_t first_ms = json_integer_value(ms);

	if (json_is_integer(ms) && match != NULL &&
	    key_pair_read(id, NULL, NULL) && map_get(m->firsts, id) == NULL &&
	    map_count(m->firsts) < MISSING_MAX)
		append(m, first_new(m, id,
			      json_is_true(json_object_get(object, "missed")),
			      first_ms < now_ms ? first_ms : now_ms, match));
	else
		kept_free(match);
	json_decref(object);
}

static int
compare(const void *a, const void *b)
{
	const struct first *x = *(struct first *const *)a;
	const struct first *y = *(struct first *const *)b;

	return (x->ms > y->ms) - (x->ms < y->ms);
}

static void
order(struct missing *m, struct firsts *list)
{
	size_t count = 0;
	struct first *f, **v = mem_new(map_count(m->firsts), sizeof *v);

	while ((f = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, f, link);
		v[count++] = f;
	}
	qsort(v, count, sizeof *v, compare);
	for (size_t i = 0; i < count; i++)
		append(m, v[i]);
	free(v);
}

void
missing_order(struct missing *m)
{
	order(m, &m->waiting);
	order(m, &m->missed);
}
