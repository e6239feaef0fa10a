/* SPDX-License-Identifier: MIT */
/*
 * A bounded map of firsts, oldest first, so that the expired are at its head.
 */
#include "detect/sequence.h"

#include "base/map.h"
#include "base/mem.h"
#include "detect/kept.h"

#include <jansson.h>

#define FIRSTS_MAX 10000
#define VALUE_MAX 4096 /* bytes of a capture that are kept */

struct waiting {
	int64_t ms;
	char *same;
	size_t same_len;
	json_t *captures; /* name -> value */
};

struct sequence {
	int64_t within_ms;
	struct map *firsts; /* by same and key */
};

static void
waiting_free(void *value)
{
	struct waiting *w = value;

	json_decref(w->captures);
	free(w->same);
	free(w);
}

struct sequence *
sequence_new(int64_t within_ms)
{
	struct sequence *q = mem_new(1, sizeof *q);

	q->within_ms = within_ms;
	q->firsts = map_new(FIRSTS_MAX, waiting_free);
	return q;
}

void
sequence_free(struct sequence *q)
{
	if (q == NULL)
		return;
	map_free(q->firsts);
	free(q);
}

static void
expire(struct sequence *q, int64_t now_ms)
{
	const struct waiting *w;
	struct text id;

	/* One from the future was read back after the clock was set back. */
	while ((w = map_oldest(q->firsts, &id)) != NULL &&
	       (now_ms - w->ms >= q->within_ms || w->ms > now_ms))
		map_remove(q->firsts, id);
}

static void
put(struct sequence *q, struct text id, struct text same, int64_t ms,
    json_t *captures)
{
	struct waiting *w = mem_new(1, sizeof *w);

	w->ms = ms;
	w->same = mem_copy(same.data, same.len);
	w->same_len = same.len;
	w->captures = captures;
	map_put(q->firsts, id, w);
}

void
sequence_first(struct sequence *q, struct text same, struct text key,
    const struct captures *captures, int64_t now_ms)
{
	struct str id = { 0 };

	expire(q, now_ms);
	str_printf(&id, "%zu:", same.len);
	str_add_text(&id, same);
	str_add_text(&id, key);
	if (map_get(q->firsts, str_text(&id)) == NULL)
		put(q, str_text(&id), same, now_ms,
		    captures_keep(captures, VALUE_MAX));
	str_free(&id);
}

static void
tell(const struct waiting *w, first_fn *fn, void *ctx)
{
	struct captures captures;

	captures_kept(w->captures, &captures);
	fn(&(struct first){ &captures, w->ms }, ctx);
}

struct settling {
	struct sequence *q;
	struct text same;
	first_fn *fn;
	void *ctx;
};

static void
settle(struct text id, void *value, void *ctx)
{
	struct settling *s = ctx;
	const struct waiting *w = value;

	if (!text_equal((struct text){ w->same, w->same_len }, s->same))
		return;
	tell(w, s->fn, s->ctx);
	map_remove(s->q->firsts, id);
}

void
sequence_second(struct sequence *q, struct text same, int64_t now_ms,
    first_fn *fn, void *ctx)
{
	struct settling s = { q, same, fn, ctx };

	expire(q, now_ms);
	map_each(q->firsts, settle, &s);
}

bool
sequence_waits(struct sequence *q, int64_t now_ms)
{
	expire(q, now_ms);
	return map_count(q->firsts) > 0;
}

uint64_t
sequence_evicted(const struct sequence *q)
{
	return map_evicted(q->firsts);
}

static void
write_one(struct text id, void *value, void *ctx)
{
	const struct waiting *w = value;
	json_t *list = ctx;

	json_array_append_new(list,
	    json_pack("{s:I, s:o, s:o, s:O}", "ms", (json_int_t)w->ms, "id",
		json_stringn(id.data, id.len), "same",
		json_stringn(w->same, w->same_len), "captures", w->captures));
}

void
sequence_write(const struct sequence *q, struct str *out)
{
	json_t *list = json_array();
	char *text;

	map_each(q->firsts, write_one, list);
	text =
	    json_array_size(list) > 0 ? json_dumps(list, JSON_COMPACT) : NULL;
	if (text != NULL)
		str_puts(out, text);
	free(text);
	json_decref(list);
}

void
sequence_read(struct sequence *q, struct text state)
{
	json_t *list = json_loadb(state.data, state.len, JSON_ALLOW_NUL, NULL);
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const json_t *ms = json_object_get(one, "ms");
		const json_t *id = json_object_get(one, "id");
		const json_t *same = json_object_get(one, "same");
		json_t *captures = json_object_get(one, "captures");

		if (!json_is_integer(ms) || !json_is_string(id) ||
		    !json_is_string(same) || !json_is_object(captures))
			continue;
		put(q,
		    (struct text){
			json_string_value(id), json_string_length(id) },
		    (struct text){
			json_string_value(same), json_string_length(same) },
		    json_integer_value(ms), json_incref(captures));
	}
	json_decref(list);
}
