/* SPDX-License-Identifier: MIT */
#include "detect/condition.h"

#include <inttypes.h>
#include <jansson.h>

int64_t
condition_due(const struct condition *c, int64_t for_ms)
{
	return !c->bad || c->unsure || c->fired ||
	               for_ms > INT64_MAX - c->since_ms
	           ? INT64_MAX
	           : c->since_ms + for_ms;
}

enum turn_of
condition_tick(struct condition *c, int64_t for_ms, int64_t now_ms)
{
	if (condition_due(c, for_ms) > now_ms)
		return TURN_NONE;
	c->fired = true;
	c->clear = false;
	return TURN_FIRED;
}

enum turn_of
condition_see(
    struct condition *c, enum sight sight, int64_t for_ms, int64_t now_ms)
{
	bool clear = c->clear;

	c->unsure = sight == SIGHT_UNKNOWN;
	if (sight == SIGHT_GOOD) {
		*c = (struct condition){ .clear = true };
		return clear ? TURN_NONE : TURN_OVER;
	}
	if (sight == SIGHT_BAD && !c->bad) {
		c->bad = true;
		c->since_ms = now_ms;
	}
	return condition_tick(c, for_ms, now_ms);
}

void
condition_reset(struct condition *c, int64_t now_ms)
{
	c->fired = false;
	c->since_ms = now_ms;
}

void
condition_write(const struct condition *c, struct str *out)
{
	if (c->bad)
		str_printf(out, "{\"bad_ms\":%" PRId64 ",\"fired\":%s}",
		    c->since_ms, c->fired ? "true" : "false");
}

void
condition_read(struct condition *c, struct text state, int64_t now_ms)
{
	json_t *object = json_loadb(state.data, state.len, 0, NULL);
	const json_t *ms = json_object_get(object, "bad_ms");

	if (json_is_integer(ms)) {
		c->bad = c->unsure = true;
		c->fired = json_is_true(json_object_get(object, "fired"));
		c->since_ms = json_integer_value(ms) < now_ms
		                  ? json_integer_value(ms)
		                  : now_ms;
	}
	json_decref(object);
}
