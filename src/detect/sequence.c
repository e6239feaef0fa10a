/* SPDX-License-Identifier: MIT */
/*
 * A list of firsts, oldest first, so that the expired are at its head; those
 * with the same captures are also a group.
 */
#include "detect/sequence.h"

#include "base/map.h"
#include "base/mem.h"
#include "detect/kept.h"
#include "detect/key.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/queue.h>

#define VALUE_MAX 4096 /* bytes of a capture that are kept */

struct first {
	TAILQ_ENTRY(first) link;
	TAILQ_ENTRY(first) others; /* of its group, in the same order */
	struct group *group;
	char *id; /* see key_pair_write() */
	size_t id_len;
	int64_t ms;
	json_t *captures; /* see captures_keep() */
};

TAILQ_HEAD(firsts, first);

struct group {
	struct firsts firsts;
};

struct sequence {
	int64_t within_ms;
	struct firsts waiting;
	struct map *firsts; /* by id; owned by the list */
	struct map *groups; /* by same */
};

struct sequence *
sequence_new(int64_t within_ms)
{
	struct sequence *q = mem_new(1, sizeof *q);

	q->within_ms = within_ms;
	TAILQ_INIT(&q->waiting);
	q->firsts = map_new(SIZE_MAX, NULL);
	q->groups = map_new(SIZE_MAX, free);
	return q;
}

static struct text
id_of(const struct first *f)
{
	return (struct text){ f->id, f->id_len };
}

static struct text
same_of(const struct first *f)
{
	struct text same;

	key_pair_read(id_of(f), &same, NULL);
	return same;
}

static void
append(struct sequence *q, struct first *f)
{
	TAILQ_INSERT_TAIL(&q->waiting, f, link);
	TAILQ_INSERT_TAIL(&f->group->firsts, f, others);
}

/* Behind those that came before it: almost always at the end. */
static void
insert(struct sequence *q, struct first *f)
{
	struct first *before = TAILQ_LAST(&q->waiting, firsts);
	struct first *other = TAILQ_LAST(&f->group->firsts, firsts);

	while (before != NULL && before->ms > f->ms)
		before = TAILQ_PREV(before, firsts, link);
	if (before == NULL)
		TAILQ_INSERT_HEAD(&q->waiting, f, link);
	else
		TAILQ_INSERT_AFTER(&q->waiting, before, f, link);
	while (other != NULL && other->ms > f->ms)
		other = TAILQ_PREV(other, firsts, others);
	if (other == NULL)
		TAILQ_INSERT_HEAD(&f->group->firsts, f, others);
	else
		TAILQ_INSERT_AFTER(&f->group->firsts, other, f, others);
}

/* To be put into the lists. */
static struct first *
first_new(struct sequence *q, struct text id, int64_t ms, json_t *captures)
{
	struct first *f = mem_new(1, sizeof *f);

	f->id = mem_copy(id.data, id.len);
	f->id_len = id.len;
	f->ms = ms;
	f->captures = captures;
	f->group = map_get(q->groups, same_of(f));
	if (f->group == NULL) {
		f->group = mem_new(1, sizeof *f->group);
		TAILQ_INIT(&f->group->firsts);
		map_put(q->groups, same_of(f), f->group);
	}
	map_put(q->firsts, id, f);
	return f;
}

static void
first_free(struct sequence *q, struct first *f)
{
	TAILQ_REMOVE(&q->waiting, f, link);
	TAILQ_REMOVE(&f->group->firsts, f, others);
	if (TAILQ_EMPTY(&f->group->firsts))
		map_remove(q->groups, same_of(f));
	map_remove(q->firsts, id_of(f));
	json_decref(f->captures);
	free(f->id);
	free(f);
}

void
sequence_free(struct sequence *q)
{
	if (q == NULL)
		return;
	while (!TAILQ_EMPTY(&q->waiting))
		first_free(q, TAILQ_FIRST(&q->waiting));
	map_free(q->firsts);
	map_free(q->groups);
	free(q);
}

static void
forget(struct sequence *q, struct first *f, const struct sequence_calls *calls)
{
	struct str id = { 0 };

	str_add_text(&id, id_of(f));
	first_free(q, f);
	calls->changed(str_text(&id), calls->ctx);
	str_free(&id);
}

static bool
is_young(const struct sequence *q, const struct first *f, int64_t now_ms)
{
	/* One from the future was read back after the clock was set back. */
	return now_ms >= f->ms && now_ms - f->ms < q->within_ms;
}

static void
expire(struct sequence *q, int64_t now_ms, const struct sequence_calls *calls)
{
	struct first *f;

	/* Whoever is freed was taken out of the list before:
	 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
	while (
	    (f = TAILQ_FIRST(&q->waiting)) != NULL && !is_young(q, f, now_ms))
		forget(q, f, calls);
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
}

bool
sequence_first(struct sequence *q, struct text same, struct text key,
    const struct captures *captures, int64_t now_ms,
    const struct sequence_calls *calls)
{
	struct str id = { 0 };
	bool full = false;

	expire(q, now_ms, calls);
	key_pair_write(same, key, &id);
	if (map_get(q->firsts, str_text(&id)) == NULL) {
		full = map_count(q->firsts) == SEQUENCE_MAX;
		if (full)
			forget(q, TAILQ_FIRST(&q->waiting), calls);
		insert(q, first_new(q, str_text(&id), now_ms,
			      captures_keep(captures, VALUE_MAX)));
		calls->changed(str_text(&id), calls->ctx);
	}
	str_free(&id);
	return full;
}

/* What is told may lead back here: it is forgotten first. */
static void
complete(
    struct sequence *q, struct first *f, const struct sequence_calls *calls)
{
	json_t *kept = json_incref(f->captures);
	int64_t ms = f->ms;
	struct captures captures;

	forget(q, f, calls);
	captures_kept(kept, &captures);
	calls->complete(&captures, ms, calls->ctx);
	json_decref(kept);
}

void
sequence_second(struct sequence *q, struct text same, int64_t now_ms,
    const struct sequence_calls *calls)
{
	struct group *g;

	expire(q, now_ms, calls);
	while ((g = map_get(q->groups, same)) != NULL) {
		struct first *f = TAILQ_FIRST(&g->firsts);

		if (is_young(q, f, now_ms))
			complete(q, f, calls);
		else
			forget(q, f, calls);
	}
}

bool
sequence_waits(const struct sequence *q)
{
	return !TAILQ_EMPTY(&q->waiting);
}

int64_t
sequence_last(const struct sequence *q)
{
	const struct first *f = TAILQ_LAST(&q->waiting, firsts);

	return f != NULL ? f->ms : INT64_MIN;
}

void
sequence_forget(struct sequence *q, const struct sequence_calls *calls)
{
	/* Whoever is freed was taken out of the list before:
	 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
	while (!TAILQ_EMPTY(&q->waiting))
		forget(q, TAILQ_FIRST(&q->waiting), calls);
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
}

void
sequence_write(const struct sequence *q, struct text id, struct str *out)
{
	const struct first *f = map_get(q->firsts, id);
	json_t *object;
	char *text;

	if (f == NULL)
		return;
	object = json_pack(
	    "{s:I, s:O}", "ms", (json_int_t)f->ms, "captures", f->captures);
	text = mem_check(json_dumps(object, JSON_COMPACT));
	str_puts(out, text);
	free(text);
	json_decref(object);
}

bool
sequence_read(struct sequence *q, struct text id, struct text state)
{
	json_t *object =
	    json_loadb(state.data, state.len, JSON_ALLOW_NUL, NULL);
	const json_t *ms = json_object_get(object, "ms");
	json_t *captures = json_object_get(object, "captures");
	bool taken = json_is_integer(ms) && json_is_object(captures) &&
	             key_pair_read(id, NULL, NULL) &&
	             map_get(q->firsts, id) == NULL &&
	             map_count(q->firsts) < SEQUENCE_MAX;

	if (taken)
		append(q, first_new(q, id, json_integer_value(ms),
			      json_incref(captures)));
	json_decref(object);
	return taken;
}

static int
compare(const void *a, const void *b)
{
	const struct first *x = *(struct first *const *)a;
	const struct first *y = *(struct first *const *)b;

	return (x->ms > y->ms) - (x->ms < y->ms);
}

void
sequence_order(struct sequence *q)
{
	size_t count = 0;
	struct first *f, **v = mem_new(map_count(q->firsts), sizeof *v);

	while ((f = TAILQ_FIRST(&q->waiting)) != NULL) {
		TAILQ_REMOVE(&q->waiting, f, link);
		TAILQ_REMOVE(&f->group->firsts, f, others);
		v[count++] = f;
	}
	qsort(v, count, sizeof *v, compare);
	for (size_t i = 0; i < count; i++)
		append(q, v[i]);
	free(v);
}
