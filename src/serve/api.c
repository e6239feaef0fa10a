/* SPDX-License-Identifier: MIT */
/*
 * A table of paths, and a function for each.
 */
#include "serve/api.h"

#include "action/outbox.h"
#include "base/log.h"
#include "base/mem.h"
#include "incident/builtin.h"
#include "incident/incidents.h"
#include "incident/record.h"
#include "incident/silences.h"
#include "io/loop.h"
#include "pipeline.h"
#include "ruleset.h"
#include "serve/http.h"
#include "store/store.h"
#include "tail/tail.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX "/api/v1"

struct api {
	struct pipeline *pipeline;
	api_reload_fn *reload;
	void *ctx;
	struct http *http;
	int64_t started_ms;
};

/* Answers */

static void
answer_json(struct http_answer *a, int status, json_t *json)
{
	char *text = mem_check(json_dumps(json, JSON_COMPACT));

	a->status = status;
	str_puts(&a->body, text);
	str_putc(&a->body, '\n');
	free(text);
	json_decref(json);
}

static void
answer_error(struct http_answer *a, int status, const char *why)
{
	answer_json(a, status, json_pack("{s: s}", "error", why));
}

static void
answer_text(struct http_answer *a, const char *text)
{
	a->status = 200;
	a->type = "text/plain; charset=utf-8";
	str_puts(&a->body, text);
}

/* Who asks; -1: not known. */
static int64_t
uid_of(const struct http_request *r)
{
	return r->uid == (uid_t)-1 ? -1 : (int64_t)r->uid;
}

/* How it stands */

struct telling {
	const struct pipeline_view *view;
	json_t *list; /* what is made */
};

static bool
is_builtin(const struct incident *i)
{
	return strncmp(i->rule_id, "logwatch.", strlen("logwatch.")) == 0;
}

static void
add_degraded(struct incident *i, void *ctx)
{
	json_t *list = ctx;

	if (is_builtin(i))
		json_array_append_new(list, record_text(text_of(i->summary)));
}

/* What keeps it from doing all that it should, in words. */
static json_t *
degraded_json(const struct pipeline_view *v)
{
	json_t *list = json_array();
	struct str text = { 0 };

	incidents_each_open(v->incidents, add_degraded, list);
	if (!v->saved)
		json_array_append_new(list,
		    json_string("the state cannot be written; it is tried "
				"again every few seconds"));
	if (outbox_dead(v->outbox) > 0) {
		str_printf(&text, "%zu notification%s given up",
		    outbox_dead(v->outbox),
		    outbox_dead(v->outbox) == 1 ? " was" : "s were");
		json_array_append_new(list, record_text(str_text(&text)));
	}
	str_free(&text);
	return list;
}

static void
add_file(const struct tail_file *file, void *ctx)
{
	struct telling *t = ctx;
	json_t *source = json_array_get(t->list, file->source);

	json_array_append_new(json_object_get(source, "files"),
	    json_pack("{s: o, s: I, s: o, s: s}", "path",
		file->path != NULL ? record_text(text_of(file->path))
				   : json_null(),
		"position", (json_int_t)file->offset, "size",
		file->size >= 0 ? json_integer(file->size) : json_null(),
		"watched", file->watched ? "inotify" : "poll"));
}

static json_t *
sources_json(const struct pipeline_view *v)
{
	struct telling t = { v, json_array() };

	for (size_t i = 0; i < v->ruleset->source_count; i++) {
		char at[WHEN_SIZE];

		json_array_append_new(t.list,
		    json_pack("{s: s, s: [], s: o}", "name",
			v->ruleset->source_names[i], "files", "last_event",
			v->last_event_ms[i] != 0
			    ? json_string(when_write(v->last_event_ms[i], at))
			    : json_null()));
	}
	tail_each(v->tail, add_file, &t);
	return t.list;
}

static const char *
rule_state(const struct pipeline_view *v, size_t rule)
{
	if (v->ruleset->rules[rule].disabled)
		return "disabled";
	if (silences_has(v->silences, v->ruleset->rules[rule].id))
		return "silenced";
	return incidents_open(v->incidents, rule) ? "open" : "ok";
}

static json_t *
rules_json(const struct pipeline_view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->ruleset->rule_count; i++)
		json_array_append_new(list,
		    json_pack("{s: s, s: I, s: s}", "id",
			v->ruleset->rules[i].id, "hits", (json_int_t)v->hits[i],
			"state", rule_state(v, i)));
	return list;
}

static void
get_status(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	struct pipeline_view v;

	(void)r;
	(void)id;
	pipeline_view(api->pipeline, &v);
	answer_json(a, 200,
	    json_pack("{s: s, s: I, s: o, s: o, s: o, s: {s: I}, s: {s: I, s: "
		      "I}}",
		"version", PACKAGE_VERSION, "uptime_s",
		(json_int_t)((clock_now_ms() - api->started_ms) / 1000),
		"degraded", degraded_json(&v), "sources", sources_json(&v),
		"rules", rules_json(&v), "incidents", "open",
		(json_int_t)incidents_open_count(v.incidents), "deliveries",
		"pending", (json_int_t)outbox_waiting(v.outbox), "dead",
		(json_int_t)outbox_dead(v.outbox)));
}

static void
get_sources(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	struct pipeline_view v;

	(void)r;
	(void)id;
	pipeline_view(api->pipeline, &v);
	answer_json(a, 200, json_pack("{s: o}", "sources", sources_json(&v)));
}

static void
get_rules(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	struct pipeline_view v;

	(void)r;
	(void)id;
	pipeline_view(api->pipeline, &v);
	answer_json(a, 200, json_pack("{s: o}", "rules", rules_json(&v)));
}

/* Incidents */

static json_t *
json_of(const struct incident *i)
{
	return record_of(i, (enum change_kind)i->last_change);
}

static void
add_open(struct incident *i, void *ctx)
{
	json_array_append_new(ctx, json_of(i));
}

/* Of those that are open what is in memory is newer. */
static void
add_resolved(const struct incident_row *row, void *ctx)
{
	json_t *record;

	if (row->open)
		return;
	record =
	    json_loadb(row->record.data, row->record.len, JSON_ALLOW_NUL, NULL);
	if (record != NULL)
		json_array_append_new(ctx, record);
}

static void
get_incidents(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	const char *state = http_query(r, "state");
	json_t *list = json_array();
	struct pipeline_view v;
	struct err err;

	(void)id;
	if (state != NULL && strcmp(state, "all") != 0 &&
	    strcmp(state, "open") != 0) {
		json_decref(list);
		answer_error(a, 400, "state is open or all");
		return;
	}
	pipeline_view(api->pipeline, &v);
	if (state != NULL && strcmp(state, "all") == 0 &&
	    store_incidents(v.store, 0, add_resolved, list, &err) < 0) {
		json_decref(list);
		answer_error(a, 500, err.text);
		return;
	}
	incidents_each_open(v.incidents, add_open, list);
	answer_json(a, 200, json_pack("{s: o}", "incidents", list));
}

struct finding_record {
	const char *id;
	json_t *record;
};

static void
find_record(const struct incident_row *row, void *ctx)
{
	struct finding_record *f = ctx;

	if (f->record == NULL && strcmp(row->id, f->id) == 0)
		f->record = json_loadb(
		    row->record.data, row->record.len, JSON_ALLOW_NUL, NULL);
}

static void
get_incident(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	struct finding_record f = { id, NULL };
	const struct incident *i;
	struct pipeline_view v;
	struct err err;

	(void)r;
	pipeline_view(api->pipeline, &v);
	i = incidents_get(v.incidents, id);
	if (i != NULL && !incident_is_untold(i))
		f.record = json_of(i);
	else if (store_incidents(v.store, 0, find_record, &f, &err) < 0) {
		answer_error(a, 500, err.text);
		return;
	}
	if (f.record != NULL)
		answer_json(a, 200, f.record);
	else
		answer_error(a, 404, "there is no such incident");
}

/* By hand; who did it is in the log. */
static void
do_by_hand(struct api *api, const struct http_request *r, const char *id,
    bool (*fn)(struct pipeline *p, const char *id), const char *what,
    struct http_answer *a)
{
	if (!fn(api->pipeline, id)) {
		answer_error(a, 404, "there is no such open incident");
		return;
	}
	log_info("incident %s by hand id=%s uid=%" PRId64, what, id, uid_of(r));
	get_incident(api, r, id, a);
}

static void
post_ack(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	do_by_hand(api, r, id, pipeline_acknowledge, "acknowledged", a);
}

static void
post_resolve(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	do_by_hand(api, r, id, pipeline_resolve, "resolved", a);
}

static void
post_retry(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	struct pipeline_retried done = pipeline_retry(api->pipeline, id);

	if (!done.known) {
		answer_error(a, 404, "there is no such incident");
		return;
	}
	log_info("incident retried by hand id=%s scripts=%s deliveries=%zu "
		 "uid=%" PRId64,
	    id, done.scripts ? "yes" : "no", done.deliveries, uid_of(r));
	answer_json(a, 200,
	    json_pack("{s: b, s: I}", "scripts", done.scripts, "deliveries",
		(json_int_t)done.deliveries));
}

/* Deliveries */

static void
add_delivery(const struct outbox_row *row, void *ctx)
{
	char at[WHEN_SIZE];

	json_array_append_new(ctx,
	    json_pack("{s: o, s: o, s: o, s: o, s: s, s: I, s: o, s: o}", "id",
		record_text(text_of(row->id)), "action",
		record_text(text_of(row->action)), "incident",
		record_text(text_of(row->incident)), "change",
		record_text(text_of(row->change)), "state",
		row->dead ? "dead" : "pending", "attempts",
		(json_int_t)row->attempts, "next_at",
		row->next_ms != 0 ? json_string(when_write(row->next_ms, at))
				  : json_null(),
		"error",
		row->error != NULL ? record_text(text_of(row->error))
				   : json_null()));
}

static void
get_deliveries(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	json_t *list = json_array();
	struct pipeline_view v;

	(void)r;
	(void)id;
	pipeline_view(api->pipeline, &v);
	outbox_each(v.outbox, add_delivery, list);
	answer_json(a, 200, json_pack("{s: o}", "deliveries", list));
}

/* {"id": ID}, or {} for all. */
static void
post_deliveries_retry(struct api *api, const struct http_request *r,
    const char *id, struct http_answer *a)
{
	json_t *body = json_loadb(
	    r->body.len > 0 ? r->body.data : "", r->body.len, 0, NULL);
	const json_t *which = json_object_get(body, "id");
	size_t count;

	(void)id;
	if (!json_is_object(body) ||
	    (which != NULL && !json_is_string(which))) {
		answer_error(a, 400, "say {\"id\": ID}, or {} for all");
	} else {
		count = pipeline_retry_deliveries(
		    api->pipeline, json_string_value(which));
		log_info("dead letters are sent again by hand count=%zu "
			 "uid=%" PRId64,
		    count, uid_of(r));
		if (count == 0 && which != NULL)
			answer_error(a, 404, "there is no such dead letter");
		else
			answer_json(a, 200,
			    json_pack(
				"{s: I}", "deliveries", (json_int_t)count));
	}
	json_decref(body);
}

/* Silences */

static void
add_silence(const struct silence *s, void *ctx)
{
	char since[WHEN_SIZE], until[WHEN_SIZE];

	json_array_append_new(
	    ctx, json_pack("{s: s, s: o, s: s, s: s, s: o}", "id", s->id,
		     "rule", record_text(text_of(s->rule)), "since",
		     when_write(s->since_ms, since), "until",
		     when_write(s->until_ms, until), "reason",
		     record_text(text_of(s->reason))));
}

static void
get_silences(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	json_t *list = json_array();
	struct pipeline_view v;

	(void)r;
	(void)id;
	pipeline_view(api->pipeline, &v);
	silences_each(v.silences, add_silence, list);
	answer_json(a, 200, json_pack("{s: o}", "silences", list));
}

/** What is asked for; texts are lent by the body. */
struct silencing {
	const char *rule, *reason;
	int64_t for_ms;
};

/* What is wrong with it, in words; NULL: nothing. */
static const char *
silencing_read(const json_t *body, struct silencing *s)
{
	const json_t *reason = json_object_get(body, "reason");
	const char *time = json_string_value(json_object_get(body, "for"));

	s->rule = json_string_value(json_object_get(body, "rule"));
	s->reason = reason != NULL ? json_string_value(reason) : "";
	if (s->rule == NULL || time == NULL || s->reason == NULL)
		return "say {\"rule\": ID, \"for\": DURATION, "
		       "\"reason\": TEXT}";
	if (duration_read(text_of(time), &s->for_ms) != NULL ||
	    s->for_ms <= 0 || s->for_ms > SILENCE_MAX_MS)
		return "for is a duration such as 2h, at most 365d";
	return strlen(s->reason) > SILENCE_REASON_MAX
	           ? "a reason has at most 1000 bytes"
	           : NULL;
}

static void
silence(struct api *api, const struct http_request *r,
    const struct silencing *s, struct http_answer *a)
{
	char until[WHEN_SIZE];
	int64_t until_ms = 0;
	const char *id;

	if (!pipeline_has_rule(api->pipeline, s->rule)) {
		answer_error(a, 404, "there is no such rule");
		return;
	}
	id = pipeline_silence(
	    api->pipeline, s->rule, s->for_ms, s->reason, &until_ms);
	if (id == NULL) {
		answer_error(a, 422, "there are too many silences");
		return;
	}
	when_write(until_ms, until);
	log_info("silenced by hand rule=%s id=%s until=%s uid=%" PRId64
		 " reason=%s",
	    s->rule, id, until, uid_of(r), s->reason);
	answer_json(
	    a, 200, json_pack("{s: s, s: s}", "id", id, "until", until));
}

static void
post_silences(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	json_t *body = json_loadb(
	    r->body.len > 0 ? r->body.data : "", r->body.len, 0, NULL);
	struct silencing s = { 0 };
	const char *fault = silencing_read(body, &s);

	(void)id;
	if (fault != NULL)
		answer_error(a, 400, fault);
	else
		silence(api, r, &s, a);
	json_decref(body);
}

static void
post_silence_end(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	if (!pipeline_unsilence(api->pipeline, id)) {
		answer_error(a, 404, "there is no such silence");
		return;
	}
	log_info("silence ended by hand id=%s uid=%" PRId64, id, uid_of(r));
	answer_json(a, 200, json_pack("{s: s}", "id", id));
}

static void
post_reload(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	char *why = api->reload(api->ctx);

	(void)r;
	(void)id;
	if (why != NULL)
		answer_json(a, 422,
		    json_pack("{s: o}", "error", record_text(text_of(why))));
	else
		answer_json(a, 200, json_pack("{s: b}", "reloaded", true));
	free(why);
}

/* Health: who answers at all turns its loop. */

static void
get_healthz(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	(void)api;
	(void)r;
	(void)id;
	answer_text(a, "ok\n");
}

/* Whether all that it is there for is done. */
static void
get_readyz(struct api *api, const struct http_request *r, const char *id,
    struct http_answer *a)
{
	struct pipeline_view v;

	(void)r;
	(void)id;
	pipeline_view(api->pipeline, &v);
	if (v.saved) {
		answer_text(a, "ok\n");
		return;
	}
	answer_text(a, "the state cannot be written\n");
	a->status = 503;
}

typedef void route_fn(struct api *api, const struct http_request *r,
    const char *id, struct http_answer *a);

/* {} stands for an id. */
static const struct route {
	const char *method, *path;
	route_fn *fn;
} routes[] = {
	{ "GET", PREFIX "/status", get_status },
	{ "GET", PREFIX "/sources", get_sources },
	{ "GET", PREFIX "/rules", get_rules },
	{ "GET", PREFIX "/incidents", get_incidents },
	{ "GET", PREFIX "/incidents/{}", get_incident },
	{ "POST", PREFIX "/incidents/{}/ack", post_ack },
	{ "POST", PREFIX "/incidents/{}/resolve", post_resolve },
	{ "POST", PREFIX "/incidents/{}/retry", post_retry },
	{ "GET", PREFIX "/deliveries", get_deliveries },
	{ "POST", PREFIX "/deliveries/retry", post_deliveries_retry },
	{ "GET", PREFIX "/silences", get_silences },
	{ "POST", PREFIX "/silences", post_silences },
	{ "POST", PREFIX "/silences/{}/end", post_silence_end },
	{ "POST", PREFIX "/reload", post_reload },
	{ "GET", "/healthz", get_healthz },
	{ "GET", "/readyz", get_readyz },
};

/* Whether a path is a route's; id is what stands for {}. */
static bool
path_matches(const char *route, const char *path, char id[static ULID_SIZE])
{
	const char *hole = strstr(route, "{}");
	size_t before = hole != NULL ? (size_t)(hole - route) : 0, len;

	id[0] = '\0';
	if (hole == NULL)
		return strcmp(route, path) == 0;
	if (strncmp(route, path, before) != 0)
		return false;
	len = strcspn(path + before, "/");
	if (len != ULID_SIZE - 1 || strcmp(hole + 2, path + before + len) != 0)
		return false;
	memcpy(id, path + before, len);
	id[len] = '\0';
	return true;
}

/* What a page of another origin can have a browser send is no JSON. */
static bool
is_json(const struct http_request *r)
{
	return r->content_type != NULL &&
	       strncmp(r->content_type, "application/json",
		   strlen("application/json")) == 0;
}

static void
on_request(const struct http_request *r, struct http_answer *a, void *ctx)
{
	bool head = strcmp(r->method, "HEAD") == 0;
	const char *allow = NULL;
	char id[ULID_SIZE];

	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		const struct route *route = &routes[i];

		if (!path_matches(route->path, r->path, id))
			continue;
		if (strcmp(route->method, head ? "GET" : r->method) != 0) {
			allow = allow == NULL ? route->method : "GET, POST";
			continue;
		}
		if (strcmp(route->method, "POST") == 0 && !is_json(r)) {
			answer_error(
			    a, 415, "say Content-Type: application/json");
		} else {
			route->fn(ctx, r, id, a);
		}
		return;
	}
	a->allow = allow;
	if (allow != NULL)
		answer_error(a, 405, "not by this method");
	else
		answer_error(a, 404, "there is nothing here");
}

struct api *
api_new(struct loop *l, int socket, struct pipeline *pipeline,
    api_reload_fn *reload, void *ctx)
{
	struct api *a = mem_new(1, sizeof *a);

	a->pipeline = pipeline;
	a->reload = reload;
	a->ctx = ctx;
	a->started_ms = clock_now_ms();
	a->http = http_new(l, socket, on_request, a);
	return a;
}

void
api_follow(struct api *a, struct pipeline *pipeline)
{
	a->pipeline = pipeline;
}

void
api_free(struct api *a)
{
	if (a == NULL)
		return;
	http_free(a->http);
	free(a);
}
