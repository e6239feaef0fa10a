/* SPDX-License-Identifier: MIT */
/*
 * Each probe has a timer; it is not run again while it runs.
 */
#include "detect/probes.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "conf/node.h"
#include "io/child.h"
#include "io/program.h"
#include "io/timer.h"
#include "match/rule.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 60000
#define TIMEOUT_MS 10000
#define GRACE_MS 2000
#define OUTPUT_MAX 65536 /* bytes */
#define SHOWN_MAX 200    /* of them, in words */

const char *const probe_captures[] = { "value", "exit", "output", NULL };

static struct text
trimmed(struct text text)
{
	while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1]))
		text.len--;
	while (text.len > 0 && isspace((unsigned char)text.data[0])) {
		text.data++;
		text.len--;
	}
	return text;
}

/* What stands before the number, such as a warning, is of no matter. */
static struct text
last_line(struct text text)
{
	const char *newline;

	text = trimmed(text);
	newline = text.len > 0 ? memrchr(text.data, '\n', text.len) : NULL;
	if (newline == NULL)
		return text;
	newline++;
	return (
	    struct text){ newline, (size_t)(text.data + text.len - newline) };
}

/* Reading the rule. */

static bool
bound_read(
    const struct node *n, const char *key, const char *owner, double *out)
{
	const char *text;

	if (!node_text(n, &text))
		return false;
	if (!number_read(trimmed(text_of(text)), out))
		node_error(n, "%s: '%s': expected a number, not '%.60s'", owner,
		    key, text);
	return true;
}

static void
argv_read(struct probe_spec *s, const struct node *n, const char *owner)
{
	if (node_kind(n) != NODE_LIST)
		node_error(n,
		    "%s: probe: expected a list, the program and its "
		    "arguments, not %s; there is no shell",
		    owner, node_kind_name(n));
	else if (node_texts(n, false, &s->argv, &s->argc) &&
		 (s->argc == 0 || s->argv[0][0] == '\0'))
		node_error(n, "%s: probe: the first is the program", owner);
}

void
probe_spec_read(struct probe_spec *s, const struct node *map, const char *owner)
{
	const struct node *output = node_get(map, "output");
	struct str what = { 0 };

	s->every_ms = EVERY_MS;
	s->timeout_ms = TIMEOUT_MS;
	s->not_falling_ms = INT64_MAX;
	argv_read(s, node_get(map, "probe"), owner);
	node_duration(node_get(map, "every"), 100, &s->every_ms);
	node_duration(node_get(map, "timeout"), 1, &s->timeout_ms);
	node_duration(node_get(map, "not_falling"), 1, &s->not_falling_ms);
	s->has_above =
	    bound_read(node_get(map, "above"), "above", owner, &s->above);
	s->has_below =
	    bound_read(node_get(map, "below"), "below", owner, &s->below);
	str_printf(&what, "%s: output", owner);
	patterns_read(&s->output, output, what.data);
	str_free(&what);
	if (output != NULL && (s->has_above || s->has_below ||
				  node_get(map, "not_falling") != NULL))
		node_error(output,
		    "%s: 'output' does not go with what asks for a number",
		    owner);
}

void
probe_spec_free(struct probe_spec *s)
{
	node_texts_free(s->argv);
	patterns_free(&s->output);
}

/* Judging. */

static bool
asks_number(const struct probe_spec *s)
{
	return s->has_above || s->has_below || s->not_falling_ms != INT64_MAX;
}

static enum sight
judge_fall(const struct probe_spec *s, struct probe_memory *m, double value,
    int64_t now_ms, struct err *why)
{
	bool fell = value <= 0 || (m->has_last && value < m->last);

	if (fell || !m->has_last)
		m->fell_ms = now_ms;
	m->sure |= fell || now_ms - m->fell_ms >= s->not_falling_ms;
	m->has_last = true;
	m->last = value;
	m->seen_ms = now_ms;
	if (now_ms - m->fell_ms < s->not_falling_ms)
		return m->sure ? SIGHT_GOOD : SIGHT_UNKNOWN;
	err_set(why, "%g, and not falling", value);
	return SIGHT_BAD;
}

static enum sight
judge_number(const struct probe_spec *s, struct probe_memory *m, double value,
    int64_t now_ms, struct err *why)
{
	enum sight fall = s->not_falling_ms == INT64_MAX
	                      ? SIGHT_GOOD
	                      : judge_fall(s, m, value, now_ms, why);

	if (s->has_above && value > s->above) {
		err_set(why, "%g, above %g", value, s->above);
		return SIGHT_BAD;
	}
	if (s->has_below && value < s->below) {
		err_set(why, "%g, below %g", value, s->below);
		return SIGHT_BAD;
	}
	return fall;
}

static enum sight
judge_output(
    const struct probe_spec *s, const struct probe_answer *a, struct err *why)
{
	struct text output = a->output, span;

	switch (patterns_match(&s->output, output, NULL, &span)) {
	case MATCH_NO:
		if (!a->cut)
			return SIGHT_GOOD;
		err_set(why, "it printed more than %d bytes", OUTPUT_MAX);
		return SIGHT_UNKNOWN;
	case MATCH_YES:
		span = utf8_head_bytes(span, SHOWN_MAX);
		err_set(why, "it says '%.*s'", (int)span.len, span.data);
		return SIGHT_BAD;
	case MATCH_FAILED:
		break;
	}
	err_set(why, "the pattern of 'output' hit its match limit");
	return SIGHT_UNKNOWN;
}

enum sight
probe_judge(const struct probe_spec *s, struct probe_memory *m,
    const struct probe_answer *a, int64_t now_ms, struct err *why)
{
	struct text head = utf8_head_bytes(a->output, SHOWN_MAX);
	bool plain = !asks_number(s) && s->output.count == 0;
	double value;

	err_set(why, "%s", a->failure != NULL ? a->failure : "");
	if (a->failure != NULL)
		return SIGHT_UNKNOWN;
	if (a->status != 0) {
		err_set(why, "exit status %d: %.*s", a->status, (int)head.len,
		    head.len > 0 ? head.data : "");
		return plain ? SIGHT_BAD : SIGHT_UNKNOWN;
	}
	if (plain)
		return SIGHT_GOOD;
	if (!asks_number(s))
		return judge_output(s, a, why);
	if (number_read(last_line(a->output), &value))
		return judge_number(s, m, value, now_ms, why);
	err_set(why, "it printed no number: '%.*s'", (int)head.len,
	    head.len > 0 ? head.data : "");
	return SIGHT_UNKNOWN;
}

/* Remembering. */

void
probe_memory_write(const struct probe_memory *m, struct str *out)
{
	json_t *object;
	char *text;

	if (!m->has_last)
		return;
	object = json_pack("{s:f, s:b, s:I, s:I}", "last", m->last, "sure",
	    (int)m->sure, "fell_ms", (json_int_t)m->fell_ms, "seen_ms",
	    (json_int_t)m->seen_ms);
	text = mem_check(json_dumps(object, JSON_COMPACT));
	str_puts(out, text);
	free(text);
	json_decref(object);
}

void
probe_memory_read(struct probe_memory *m, struct text state, int64_t now_ms)
{
	json_t *object = json_loadb(state.data, state.len, 0, NULL);
	const json_t *last = json_object_get(object, "last");
	const json_t *fell = json_object_get(object, "fell_ms");
	const json_t *seen = json_object_get(object, "seen_ms");
	int64_t fell_ms = json_integer_value(fell);
	int64_t held_ms = json_integer_value(seen);

	held_ms = fell_ms >= 0 && held_ms >= fell_ms ? held_ms - fell_ms : -1;
	if (json_is_number(last) && json_is_integer(fell) &&
	    json_is_integer(seen) && held_ms >= 0)
		*m = (struct probe_memory){
			.has_last = true,
			.sure = json_is_true(json_object_get(object, "sure")),
			.last = json_number_value(last),
			.fell_ms = held_ms < now_ms ? now_ms - held_ms : 0,
			.seen_ms = now_ms,
		};
	json_decref(object);
}

/* Running. */

struct probe {
	struct probes *all;
	size_t rule;
	const struct probe_spec *spec;
	struct timer *timer;
	struct child *child; /* NULL: it does not run */
	struct probe_memory memory;
	unsigned failures; /* in a row */
	bool told;         /* that it cannot tell, perhaps in an earlier life */
	bool changed;      /* its memory, and that is not saved */
};

struct probes {
	struct loop *loop;
	struct probes_callbacks callbacks;
	struct probe **v;
	size_t count;
	char **envp;
};

static void on_time(void *ctx);

struct probes *
probes_new(struct loop *loop, const struct probe_spec *const *specs,
    size_t count, const struct probes_callbacks *callbacks)
{
	struct probes *ps = mem_new(1, sizeof *ps);

	ps->loop = loop;
	ps->callbacks = *callbacks;
	ps->envp = program_environment();
	for (size_t i = 0; i < count; i++) {
		struct probe *p;

		if (specs[i] == NULL)
			continue;
		p = mem_new(1, sizeof *p);
		p->all = ps;
		p->rule = i;
		p->spec = specs[i];
		p->told = true;
		p->timer = timer_new(loop, on_time, p);
		ps->v = mem_resize(ps->v, ps->count + 1, sizeof *ps->v);
		ps->v[ps->count++] = p;
	}
	return ps;
}

void
probes_free(struct probes *ps)
{
	if (ps == NULL)
		return;
	for (size_t i = 0; i < ps->count; i++) {
		struct probe *p = ps->v[i];

		if (p->child != NULL) {
			child_stop(p->child);
			child_free(p->child);
		}
		timer_free(p->timer);
		free(p);
	}
	for (char **e = ps->envp; *e != NULL; e++)
		free(*e);
	free(ps->envp);
	free(ps->v);
	free(ps);
}

static void
answered(struct probe *p, const struct probe_answer *a)
{
	const struct probes_callbacks *c = &p->all->callbacks;
	struct err why;
	int64_t now_ms = c->now_ms(c->ctx);
	enum sight sight = probe_judge(p->spec, &p->memory, a, now_ms, &why);
	char status[16];
	struct captures captures = { .count = 0 };

	snprintf(status, sizeof status, "%d", a->status);
	captures_add(&captures, "value", last_line(a->output));
	captures_add(&captures, "exit", text_of(status));
	captures_add(&captures, "output", a->output);
	p->changed |= p->memory.has_last && p->memory.seen_ms == now_ms;
	c->seen(p->rule, sight, &captures, text_of(why.text), c->ctx);
	if (sight != SIGHT_UNKNOWN) {
		if (p->told)
			c->failed(p->rule, NULL, c->ctx);
		p->told = false;
		p->failures = 0;
	} else if (why.text[0] != '\0' && ++p->failures == PROBE_FAILURES) {
		p->told = true;
		c->failed(p->rule, why.text, c->ctx);
	}
}

static void
on_end(const struct child_end *end, void *ctx)
{
	struct probe *p = ctx;
	struct str output = { 0 };
	struct err failure;
	struct probe_answer a = {
		.status = end->code,
		.cut = end->output_bytes > OUTPUT_MAX,
	};

	utf8_clean(end->output, &output);
	a.output = str_text(&output);
	if (end->timed_out)
		err_set(&failure, "it did not end in time");
	else if (end->signaled)
		err_set(&failure, "it was ended by signal %d", end->code);
	else if (end->code < 0)
		err_set(&failure, "its exit status is not known");
	if (end->timed_out || end->signaled || end->code < 0)
		a.failure = failure.text;
	child_free(p->child);
	p->child = NULL;
	answered(p, &a);
	str_free(&output);
}

static void
run(struct probe *p)
{
	const struct child_spec spec = {
		.argv = (const char *const *)p->spec->argv,
		.envp = (const char *const *)p->all->envp,
		.timeout_ms = p->spec->timeout_ms,
		.grace_ms = GRACE_MS,
		.output_max = OUTPUT_MAX,
		.whole = true,
	};
	struct probe_answer a = { .output = TEXT("") };
	struct err err;

	p->child = child_start(p->all->loop, &spec, on_end, NULL, p, &err);
	if (p->child != NULL) {
		child_feed(p->child, TEXT(""));
		return;
	}
	a.failure = err.text;
	answered(p, &a);
}

static void
on_time(void *ctx)
{
	struct probe *p = ctx;

	timer_in(p->timer, p->spec->every_ms);
	if (p->child == NULL)
		run(p);
}

void
probes_start(struct probes *ps)
{
	for (size_t i = 0; i < ps->count; i++)
		on_time(ps->v[i]);
}

void
probes_changed(struct probes *ps, probe_state_fn *fn, void *ctx)
{
	for (size_t i = 0; i < ps->count; i++) {
		struct str state = { 0 };

		if (!ps->v[i]->changed)
			continue;
		probe_memory_write(&ps->v[i]->memory, &state);
		fn(ps->v[i]->rule, str_text(&state), ctx);
		str_free(&state);
	}
}

void
probes_saved(struct probes *ps)
{
	for (size_t i = 0; i < ps->count; i++)
		ps->v[i]->changed = false;
}

void
probes_restore(struct probes *ps, size_t rule, struct text state)
{
	for (size_t i = 0; i < ps->count; i++)
		if (ps->v[i]->rule == rule)
			probe_memory_read(&ps->v[i]->memory, state,
			    ps->callbacks.now_ms(ps->callbacks.ctx));
}
