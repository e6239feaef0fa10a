/* SPDX-License-Identifier: MIT */
/*
 * The last few hits in order of time: as many as it takes are enough to tell,
 * so no more are kept.  What is read late, and is too old to count with them,
 * has a window of its own.
 */
#include "detect/window.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"

#include <assert.h>
#include <jansson.h>

#define VALUE_MAX 256 /* bytes of a value that tell it apart */

struct seen {
	int64_t ms;
	char *value;
	size_t len;
};

/* There are as many of these as a log has keys: each byte counts. */
struct window {
	const struct window_spec *spec;
	uint32_t used, capacity;
	union { /* oldest first */
		int64_t *ms;
		struct seen *seen; /* of distinct ones */
	} hits;
	struct window *old; /* of those that came late; NULL: none did */
};

struct window *
window_new(const struct window_spec *spec)
{
	struct window *w = mem_new(1, sizeof *w);

	assert(spec->count > 0 && spec->count <= WINDOW_COUNT_MAX);
	w->spec = spec;
	return w;
}

void
window_free(struct window *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; w->spec->distinct && i < w->used; i++)
		free(w->hits.seen[i].value);
	if (w->spec->distinct)
		free(w->hits.seen);
	else
		free(w->hits.ms);
	window_free(w->old);
	free(w);
}

static int64_t
time_of(const struct window *w, size_t i)
{
	return w->spec->distinct ? w->hits.seen[i].ms : w->hits.ms[i];
}

static void
forget(struct window *w, size_t i)
{
	size_t left = w->used - i - 1;

	if (w->spec->distinct) {
		struct seen *gone = &w->hits.seen[i];

		free(gone->value);
		memmove(gone, gone + 1, left * sizeof *gone);
	} else {
		memmove(&w->hits.ms[i], &w->hits.ms[i + 1],
		    left * sizeof *w->hits.ms);
	}
	w->used--;
}

/* The place for one more. */
static size_t
place(struct window *w)
{
	if (w->used == w->spec->count)
		forget(w, 0);
	if (w->used == w->capacity) {
		w->capacity = w->capacity ? w->capacity * 2 : 2;
		if (w->capacity > w->spec->count)
			w->capacity = (uint32_t)w->spec->count;
		if (w->spec->distinct)
			w->hits.seen = mem_resize(
			    w->hits.seen, w->capacity, sizeof *w->hits.seen);
		else
			w->hits.ms = mem_resize(
			    w->hits.ms, w->capacity, sizeof *w->hits.ms);
	}
	return w->used++;
}

static void
remember(struct window *w, int64_t ms, struct text value)
{
	size_t at;

	if (!w->spec->distinct) {
		at = place(w);
		w->hits.ms[at] = ms;
		return;
	}
	for (size_t i = 0; i < w->used; i++) {
		const struct seen *s = &w->hits.seen[i];

		if (text_equal((struct text){ s->value, s->len }, value)) {
			forget(w, i);
			break;
		}
	}
	at = place(w);
	w->hits.seen[at] = (struct seen){
		.ms = ms,
		.value = mem_copy(value.data, value.len),
		.len = value.len,
	};
}

static void
move_times(int64_t *ms, size_t from, size_t to)
{
	int64_t moved = ms[from];

	memmove(ms + to + 1, ms + to, (from - to) * sizeof *ms);
	ms[to] = moved;
}

static void
move_seen(struct seen *seen, size_t from, size_t to)
{
	struct seen moved = seen[from];

	memmove(seen + to + 1, seen + to, (from - to) * sizeof *seen);
	seen[to] = moved;
}

/* Whether a value has a hit that is later. */
static bool
has_later(const struct window *w, int64_t ms, struct text value)
{
	for (size_t i = 0; w->spec->distinct && i < w->used; i++) {
		const struct seen *s = &w->hits.seen[i];

		if (s->ms > ms &&
		    text_equal((struct text){ s->value, s->len }, value))
			return true;
	}
	return false;
}

/* Puts one in its place among later ones. */
static void
insert(struct window *w, int64_t ms, struct text value)
{
	size_t to = 0, last;

	if (has_later(w, ms, value) ||
	    (w->used == w->spec->count && ms < time_of(w, 0)))
		return;
	remember(w, ms, value);
	last = w->used - 1;
	while (to < last && time_of(w, to) <= ms)
		to++;
	if (w->spec->distinct)
		move_seen(w->hits.seen, last, to);
	else
		move_times(w->hits.ms, last, to);
}

static struct window *
old_of(struct window *w)
{
	if (w->old == NULL)
		w->old = window_new(w->spec);
	return w->old;
}

bool
window_add(struct window *w, int64_t now_ms, int64_t at_ms, struct text value,
    int64_t *first_ms)
{
	value = utf8_head_bytes(value, VALUE_MAX);
	/* Read back after the clock was set back: no telling when they were. */
	while (w->used > 0 && time_of(w, w->used - 1) > now_ms)
		forget(w, w->used - 1);
	if (w->used == 0 || at_ms >= window_last(w)) {
		while (
		    w->used > 0 && at_ms - time_of(w, 0) >= w->spec->within_ms)
			forget(w, 0);
		remember(w, at_ms, value);
	} else if (window_last(w) - at_ms < w->spec->within_ms) {
		insert(w, at_ms, value);
	} else {
		return window_add(old_of(w), at_ms, at_ms, value, first_ms);
	}
	*first_ms = time_of(w, 0);
	return w->used == w->spec->count;
}

bool
window_expired(const struct window *w, int64_t now_ms)
{
	return w->used == 0 ||
	       now_ms - time_of(w, w->used - 1) >= w->spec->within_ms;
}

int64_t
window_last(const struct window *w)
{
	return w->used > 0 ? time_of(w, w->used - 1) : INT64_MIN;
}

/* [time,value,...] */
static void
write_values(const struct window *w, struct str *out)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < w->used; i++) {
		const struct seen *s = &w->hits.seen[i];

		json_array_append_new(list, json_integer(s->ms));
		json_array_append_new(list, json_stringn(s->value, s->len));
	}
	text = mem_check(json_dumps(list, JSON_COMPACT));
	str_puts(out, text);
	free(text);
	json_decref(list);
}

static void
write_hits(const struct window *w, struct str *out)
{
	if (w->spec->distinct) {
		write_values(w, out);
		return;
	}
	str_putc(out, '[');
	for (size_t i = 0; i < w->used; i++) {
		if (i > 0)
			str_putc(out, ',');
		number_add(out, w->hits.ms[i]);
	}
	str_putc(out, ']');
}

/* Its hits, or [hits, old ones]. */
void
window_write(const struct window *w, struct str *out)
{
	bool both = w->old != NULL && w->old->used > 0;

	if (w->used == 0 && !both)
		return;
	if (both)
		str_putc(out, '[');
	write_hits(w, out);
	if (both) {
		str_putc(out, ',');
		write_hits(w->old, out);
		str_putc(out, ']');
	}
}

static void
read_hits(struct window *w, const json_t *list)
{
	const bool distinct = w->spec->distinct;
	size_t step = distinct ? 2 : 1;

	for (size_t i = 0; i + step <= json_array_size(list); i += step) {
		const json_t *ms = json_array_get(list, i);
		const json_t *value = json_array_get(list, i + 1);

		if (json_is_integer(ms) && (!distinct || json_is_string(value)))
			remember(w, json_integer_value(ms),
			    distinct ? (struct text){ json_string_value(value),
					   json_string_length(value) }
				     : (struct text){ NULL, 0 });
	}
}

void
window_read(struct window *w, struct text state)
{
	json_t *list = json_loadb(state.data, state.len, JSON_ALLOW_NUL, NULL);

	if (json_is_array(json_array_get(list, 0))) {
		read_hits(w, json_array_get(list, 0));
		read_hits(old_of(w), json_array_get(list, 1));
	} else {
		read_hits(w, list);
	}
	json_decref(list);
}
