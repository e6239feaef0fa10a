/* SPDX-License-Identifier: MIT */
/*
 * Each URL has a timer; it is not asked again while it is asked.
 */
#include "detect/https.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "conf/node.h"
#include "io/fetch.h"
#include "io/timer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 60000
#define TIMEOUT_MS 10000
#define ANSWER_MAX 1024 /* of which nothing is told */

const char *const http_captures[] = { "status", "error", NULL };

/* Reading the rule. */

static void
url_read(struct http_spec *s, const struct node *n, const char *owner)
{
	const char *text = NULL, *fault;

	if (!node_text(n, &text) || text == NULL)
		return;
	s->url = mem_text(text);
	fault = url_fault(text);
	if (fault != NULL)
		node_error(n, "%s: http: the url %s", owner, fault);
}

static void
status_read(struct http_spec *s, const struct node *n, const char *owner)
{
	size_t count = n == NULL ? 0 : 1;
	bool list = n != NULL && node_kind(n) == NODE_LIST;

	if (list)
		count = node_count(n);
	if (list && (count == 0 || count > HTTP_STATUSES_MAX)) {
		node_error(
		    n, "%s: status: 1 to %d of them", owner, HTTP_STATUSES_MAX);
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (node_int(list ? node_at(n, i) : n, 100, 599,
			&s->statuses[s->status_count]))
			s->status_count++;
}

void
http_spec_read(struct http_spec *s, const struct node *map, const char *owner)
{
	s->every_ms = EVERY_MS;
	s->timeout_ms = TIMEOUT_MS;
	url_read(s, node_get(map, "http"), owner);
	status_read(s, node_get(map, "status"), owner);
	node_duration(node_get(map, "every"), 100, &s->every_ms);
	node_duration(node_get(map, "timeout"), 1, &s->timeout_ms);
}

void
http_spec_free(struct http_spec *s)
{
	free(s->url);
}

bool
http_is_good(const struct http_spec *s, int status)
{
	for (size_t i = 0; i < s->status_count; i++)
		if (s->statuses[i] == status)
			return true;
	return s->status_count == 0 && status >= 200 && status <= 299;
}

/* Asking. */

struct asked {
	struct https *all;
	size_t rule;
	const struct http_spec *spec;
	struct timer *timer;
	struct fetch *fetch; /* NULL: it is not asked now */
	bool said;           /* that it could not be asked */
};

struct https {
	struct fetcher *fetcher;
	http_seen_fn *fn;
	void *ctx;
	struct asked **v;
	size_t count;
};

static void on_time(void *ctx);

struct https *
https_new(struct loop *loop, struct fetcher *fetcher,
    const struct http_spec *const *specs, size_t count, http_seen_fn *fn,
    void *ctx)
{
	struct https *hs = mem_new(1, sizeof *hs);

	hs->fetcher = fetcher;
	hs->fn = fn;
	hs->ctx = ctx;
	for (size_t i = 0; i < count; i++) {
		struct asked *a;

		if (specs[i] == NULL)
			continue;
		a = mem_new(1, sizeof *a);
		a->all = hs;
		a->rule = i;
		a->spec = specs[i];
		a->timer = timer_new(loop, on_time, a);
		hs->v = mem_resize(hs->v, hs->count + 1, sizeof *hs->v);
		hs->v[hs->count++] = a;
	}
	return hs;
}

void
https_free(struct https *hs)
{
	if (hs == NULL)
		return;
	for (size_t i = 0; i < hs->count; i++) {
		fetch_free(hs->v[i]->fetch);
		timer_free(hs->v[i]->timer);
		free(hs->v[i]);
	}
	free(hs->v);
	free(hs);
}

static void
on_answer(const struct fetch_end *end, void *ctx)
{
	struct asked *a = ctx;
	char status[16];
	struct str says = { 0 };
	struct captures captures = { .count = 0 };

	snprintf(status, sizeof status, "%d", end->status);
	captures_add(&captures, "status", text_of(status));
	captures_add(&captures, "error", text_of(end->error));
	if (end->status != 0)
		str_printf(&says, "it answered %d", end->status);
	else
		str_printf(&says, "no answer: %s", end->error);
	if (end->refused && !a->said)
		log_warning("nobody can be asked, so that whether it answers "
			    "is not known: %s url=%s",
		    end->error, a->spec->url);
	a->said = end->refused;
	a->all->fn(a->rule,
	    end->refused                         ? SIGHT_UNKNOWN
	    : http_is_good(a->spec, end->status) ? SIGHT_GOOD
						 : SIGHT_BAD,
	    &captures, str_text(&says), a->all->ctx);
	str_free(&says);
	fetch_free(a->fetch);
	a->fetch = NULL;
}

static void
on_time(void *ctx)
{
	struct asked *a = ctx;
	const struct fetch_spec spec = {
		.url = a->spec->url,
		.get = true,
		.timeout_ms = a->spec->timeout_ms,
		.answer_max = ANSWER_MAX,
	};

	timer_in(a->timer, a->spec->every_ms);
	if (a->fetch == NULL)
		a->fetch = fetch_begin(a->all->fetcher, &spec, on_answer, a);
}

void
https_start(struct https *hs)
{
	for (size_t i = 0; i < hs->count; i++)
		on_time(hs->v[i]);
}
