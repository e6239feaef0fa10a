/* SPDX-License-Identifier: MIT */
/*
 * The last few hits in order of time: as many as it takes are enough to tell,
 * so no more are kept.
 */
#include "detect/window.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <jansson.h>

#define VALUE_MAX 256 /* bytes of a value that tell it apart */

struct seen {
	int64_t ms;
	char *value; /* NULL unless distinct */
	size_t len;
};

struct window {
	size_t count;
	int64_t within_ms;
	bool distinct;
	struct seen *seen; /* oldest first */
	size_t used, capacity;
};

struct window *
window_new(size_t count, int64_t within_ms, bool distinct)
{
	struct window *w = mem_new(1, sizeof *w);

	assert(count > 0 && count <= WINDOW_COUNT_MAX);
	w->count = count;
	w->within_ms = within_ms;
	w->distinct = distinct;
	return w;
}

void
window_free(struct window *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->used; i++)
		free(w->seen[i].value);
	free(w->seen);
	free(w);
}

static void
forget(struct window *w, size_t i)
{
	free(w->seen[i].value);
	memmove(
	    &w->seen[i], &w->seen[i + 1], (w->used - i - 1) * sizeof *w->seen);
	w->used--;
}

static void
remember(struct window *w, int64_t ms, struct text value)
{
	if (w->distinct)
		for (size_t i = 0; i < w->used; i++)
			if (text_equal((struct text){ w->seen[i].value,
					   w->seen[i].len },
				value)) {
				forget(w, i);
				break;
			}
	if (w->used == w->count)
		forget(w, 0);
	if (w->used == w->capacity) {
		w->capacity = w->capacity ? w->capacity * 2 : 4;
		w->seen = mem_resize(w->seen, w->capacity, sizeof *w->seen);
	}
	w->seen[w->used++] = (struct seen){
		.ms = ms,
		.value = w->distinct ? mem_copy(value.data, value.len) : NULL,
		.len = value.len,
	};
}

bool
window_add(
    struct window *w, int64_t now_ms, struct text value, int64_t *first_ms)
{
	while (w->used > 0 && now_ms - w->seen[0].ms >= w->within_ms)
		forget(w, 0);
	/* Read back after the clock was set back: no telling when they were. */
	while (w->used > 0 && w->seen[w->used - 1].ms > now_ms)
		forget(w, w->used - 1);
	remember(w, now_ms, utf8_head_bytes(value, VALUE_MAX));
	*first_ms = w->seen[0].ms;
	return w->used == w->count;
}

bool
window_expired(const struct window *w, int64_t now_ms)
{
	return w->used == 0 || now_ms - w->seen[w->used - 1].ms >= w->within_ms;
}

void
window_write(const struct window *w, struct str *out)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < w->used; i++) {
		json_array_append_new(list, json_integer(w->seen[i].ms));
		if (w->distinct)
			json_array_append_new(list,
			    json_stringn(w->seen[i].value, w->seen[i].len));
	}
	text = w->used > 0 ? json_dumps(list, JSON_COMPACT) : NULL;
	if (text != NULL)
		str_puts(out, text);
	free(text);
	json_decref(list);
}

void
window_read(struct window *w, struct text state)
{
	json_t *list = json_loadb(state.data, state.len, JSON_ALLOW_NUL, NULL);
	size_t step = w->distinct ? 2 : 1;

	for (size_t i = 0; i + step <= json_array_size(list); i += step) {
		const json_t *ms = json_array_get(list, i);
		const json_t *value = json_array_get(list, i + 1);

		if (json_is_integer(ms) &&
		    (!w->distinct || json_is_string(value)))
			remember(w, json_integer_value(ms),
			    w->distinct
				? (struct text){ json_string_value(value),
				      json_string_length(value) }
				: (struct text){ NULL, 0 });
	}
	json_decref(list);
}
