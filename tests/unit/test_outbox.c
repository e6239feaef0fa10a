/* SPDX-License-Identifier: MIT */
/*
 * The outbox with a real loop, a real store and a server on 127.0.0.1.
 */
#include "action/outbox.h"

#include "action/alertmanager.h"
#include "action/pagerduty.h"
#include "action/slack.h"
#include "action/webhook.h"
#include "base/log.h"
#include "fixture_record.h"
#include "io/loop.h"
#include "io/timer.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 20000
#define CONNECTIONS 16
#define REQUESTS 64
#define NOTIFIERS 5
#define AGAIN_MS 150 /* instead of a minute */

/* A connection of the server: what came so far. */
struct connection {
	struct world *world;
	int fd; /* -1: free */
	struct on_readable *readable;
	struct str in;
};

struct seen {
	char path[32]; /* that was asked for, from its first letter */
	char id[64];
	char *body;
	int64_t at_ms;
};

/* What the server answers to the next request of a path: "" hangs; NULL, the
 * end of the list, is 200. */
struct script {
	const char *path;
	const char *const *answers;
	size_t next;
};

struct world {
	char directory[32];
	struct str store_path, log_path;
	struct loop *loop;
	struct fetcher *fetcher;
	struct store *store;
	struct outbox *outbox;
	struct fixture fixtures[NOTIFIERS];
	struct notifier notifiers[NOTIFIERS];
	struct receiver alertmanager; /* one that is told more often */
	const char *open[3];          /* ids of incidents, ends with NULL */
	size_t agains;                /* how often it was time for those */
	struct str ended;             /* ACTION INCIDENT: ERROR or sent; */
	size_t dirty;                 /* how often it was called */
	bool holds;                   /* what is dirty is not saved */
	bool gives_up;                /* transactions are rolled back */
	size_t given_up;

	int server_fd, port;
	struct on_readable *accepting;
	struct connection connections[CONNECTIONS];
	struct script scripts[NOTIFIERS];
	struct seen seen[REQUESTS];
	size_t seen_count;

	struct timer *deadline, *look;
	bool (*done)(struct world *w);
};

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define E500 "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
#define E404 "HTTP/1.1 404 X\r\nContent-Length: 10\r\n\r\nno_service"
#define E400 "HTTP/1.1 400 X\r\nContent-Length: 14\r\n\r\ninvalid_blocks"
#define E429 "HTTP/1.1 429 X\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"
#define ECHO                                                                   \
	"HTTP/1.1 404 X\r\nContent-Length: 37\r\n\r\n"                         \
	"Cannot POST /a/CANARY123?k=CANARY456!"
#define HANG ""
#define KEY "CANARY789abcdef0123456789abcdef0"
#define ECHO_KEY                                                               \
	"HTTP/1.1 400 X\r\nContent-Length: 44\r\n\r\n"                         \
	"no such key CANARY789abcdef0123456789abcdef0"

/* The server. */

static void
connection_close(struct connection *c)
{
	if (c->fd < 0)
		return;
	on_readable_free(c->readable);
	close(c->fd);
	c->fd = -1;
	str_free(&c->in);
}

static const char *
answer_next(struct world *w, const char *path)
{
	for (size_t i = 0; i < NOTIFIERS; i++) {
		struct script *s = &w->scripts[i];

		if (s->path != NULL &&
		    strncmp(path, s->path, strlen(s->path)) == 0 &&
		    s->answers[s->next] != NULL)
			return s->answers[s->next++];
	}
	return OK;
}

static void
header_copy(const char *head, const char *name, char *out, size_t size)
{
	const char *at = strcasestr(head, name);
	size_t len;

	out[0] = '\0';
	if (at == NULL)
		return;
	at += strlen(name);
	len = strcspn(at, "\r\n");
	snprintf(out, size, "%.*s", (int)len, at);
}

/* A whole request is there: notes it, answers as written. */
static void
request_came(struct connection *c, const char *body)
{
	struct world *w = c->world;
	struct seen *seen = &w->seen[w->seen_count];
	const char *answer;

	assert_true(w->seen_count < REQUESTS);
	assert_memory_equal(c->in.data, "POST /", 6);
	snprintf(seen->path, sizeof seen->path, "%.*s",
	    (int)strcspn(c->in.data + 6, " "), c->in.data + 6);
	header_copy(c->in.data, "webhook-id: ", seen->id, sizeof seen->id);
	seen->body = mem_text(body);
	seen->at_ms = clock_now_ms();
	w->seen_count++;
	answer = answer_next(w, seen->path);
	str_clear(&c->in);
	if (answer[0] != '\0')
		assert_int_equal(
		    send(c->fd, answer, strlen(answer), MSG_NOSIGNAL),
		    strlen(answer));
}

static void
connection_came(int fd, void *ctx)
{
	struct connection *c = ctx;
	char buf[65536];
	ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
	char *body, length[32];

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		connection_close(c);
		return;
	}
	str_add(&c->in, buf, (size_t)n);
	body = strstr(c->in.data, "\r\n\r\n");
	if (body == NULL)
		return;
	body += 4;
	header_copy(c->in.data, "Content-Length: ", length, sizeof length);
	if (c->in.len - (size_t)(body - c->in.data) >=
	    strtoul(length, NULL, 10))
		request_came(c, body);
}

static void
server_came(int fd, void *ctx)
{
	struct world *w = ctx;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &w->connections[i];

		if (c->fd >= 0)
			continue;
		c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		assert_true(c->fd >= 0);
		c->world = w;
		c->readable =
		    on_readable_new(w->loop, c->fd, connection_came, c);
		return;
	}
	fail_msg("too many connections");
}

static void
server_open(struct world *w)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	for (size_t i = 0; i < CONNECTIONS; i++)
		w->connections[i].fd = -1;
	w->server_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->server_fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(w->server_fd, 16), 0);
	assert_int_equal(
	    getsockname(w->server_fd, (struct sockaddr *)&a, &len), 0);
	w->port = ntohs(a.sin_port);
	w->accepting = on_readable_new(w->loop, w->server_fd, server_came, w);
}

static void
server_close(struct world *w)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		connection_close(&w->connections[i]);
	on_readable_free(w->accepting);
	w->accepting = NULL;
	if (w->server_fd >= 0)
		close(w->server_fd);
	w->server_fd = -1;
}

/* The world. */

static void
save(struct world *w)
{
	struct err err;

	assert_int_equal(store_begin(w->store, &err), 0);
	assert_int_equal(outbox_save(w->outbox, &err), 0);
	if (w->gives_up) {
		store_rollback(w->store);
		w->given_up++;
	} else {
		assert_int_equal(store_commit(w->store, false, &err), 0);
	}
}

static void
save_and_send(struct world *w)
{
	save(w);
	outbox_send(w->outbox);
}

static void
dirty_came(void *ctx)
{
	struct world *w = ctx;

	w->dirty++;
	if (!w->holds)
		save_and_send(w);
}

static void
ended_came(
    const char *action, const char *incident, const char *error, void *ctx)
{
	struct world *w = ctx;

	str_printf(&w->ended, "%s %s: %s;", action, incident,
	    error != NULL ? error : "sent");
}

static void
again_came(void *ctx)
{
	struct world *w = ctx;

	w->agains++;
	for (size_t i = 0; w->open[i] != NULL; i++)
		outbox_again(w->outbox, 4, w->open[i]);
}

static json_t *
state_asked(const char *incident, void *ctx)
{
	const struct world *w = ctx;

	for (size_t i = 0; w->open[i] != NULL; i++)
		if (strcmp(w->open[i], incident) == 0) {
			json_t *record = record_make("updated", NULL);

			json_object_set_new(
			    record, "id", json_string(incident));
			return record;
		}
	return NULL;
}

static void
too_late(void *ctx)
{
	(void)ctx;
	fail_msg("it did not happen in time");
}

static void
look_again(void *ctx)
{
	struct world *w = ctx;

	if (w->done(w))
		loop_stop(w->loop);
	else
		timer_in(w->look, 2);
}

static void
run_until(struct world *w, bool (*done)(struct world *w))
{
	w->done = done;
	timer_in(w->deadline, DEADLINE_MS);
	timer_in(w->look, 0);
	loop_run(w->loop);
	timer_stop(w->deadline);
}

static bool
is_idle(struct world *w)
{
	return outbox_waiting(w->outbox) == 0;
}

static void
outbox_open(struct world *w, size_t count)
{
	struct err err;

	w->store = store_open(w->store_path.data, &err);
	if (w->store == NULL)
		fail_msg("%s", err.text);
	w->outbox = outbox_new(
	    w->loop, w->fetcher, w->store, w->notifiers, count, dirty_came, w);
	outbox_on_ended(w->outbox, ended_came);
	outbox_on_again(w->outbox, again_came, state_asked, w);
	assert_int_equal(outbox_load(w->outbox, &err), 0);
}

static void
outbox_close(struct world *w)
{
	outbox_free(w->outbox);
	store_close(w->store);
}

/* As a kill would leave it: nothing is saved any more. */
static void
crash(struct world *w)
{
	outbox_close(w);
	outbox_open(w, NOTIFIERS);
}

static void
notifier_set(struct world *w, size_t i, const char *name,
    const struct receiver *receiver)
{
	struct str yaml = { 0 };

	if (receiver == &pagerduty_receiver)
		str_printf(&yaml,
		    "{api: 'http://127.0.0.1:%d/%s', routing_key: " KEY "}",
		    w->port, name);
	else if (receiver == &w->alertmanager)
		str_printf(&yaml,
		    "{url: 'http://127.0.0.1:%d/%s', timeout: 1s}", w->port,
		    name);
	else
		str_printf(&yaml,
		    "url: 'http://127.0.0.1:%d/%s/CANARY123?k=CANARY456'",
		    w->port, name);
	fixture_read(&w->fixtures[i], receiver, yaml.data);
	assert_int_equal(diag_errors(w->fixtures[i].diag), 0);
	w->notifiers[i] = (struct notifier){ name, receiver,
		receiver->instance != NULL
		    ? receiver->instance(w->fixtures[i].settings, 0)
		    : w->fixtures[i].settings };
	str_free(&yaml);
}

/* The notifiers: a and b are webhooks, c is Slack's, d PagerDuty's, e an
 * Alertmanager's. */
static int
world_new(void **state)
{
	struct world *w = mem_new(1, sizeof *w);
	struct log_options log = { .level = LOG_DEBUG };
	struct err err;

	strcpy(w->directory, "/tmp/logwatch-outbox-XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	str_printf(&w->store_path, "%s/state.db", w->directory);
	str_printf(&w->log_path, "%s/log", w->directory);
	log.path = w->log_path.data;
	assert_int_equal(log_open(&log, &err), 0);
	w->loop = loop_new();
	w->fetcher = fetcher_new(w->loop);
	w->deadline = timer_new(w->loop, too_late, w);
	w->look = timer_new(w->loop, look_again, w);
	server_open(w);
	notifier_set(w, 0, "a", &webhook_receiver);
	notifier_set(w, 1, "b", &webhook_receiver);
	notifier_set(w, 2, "c", &slack_receiver);
	notifier_set(w, 3, "d", &pagerduty_receiver);
	w->alertmanager = alertmanager_receiver;
	w->alertmanager.again_ms = AGAIN_MS;
	notifier_set(w, 4, "e", &w->alertmanager);
	outbox_open(w, NOTIFIERS);
	*state = w;
	return 0;
}

static int
world_free(void **state)
{
	struct world *w = *state;
	struct str rm = { 0 };

	outbox_close(w);
	server_close(w);
	fetcher_free(w->fetcher);
	timer_free(w->deadline);
	timer_free(w->look);
	loop_free(w->loop);
	for (size_t i = 0; i < NOTIFIERS; i++)
		fixture_free(&w->fixtures[i]);
	for (size_t i = 0; i < w->seen_count; i++)
		free(w->seen[i].body);
	log_open(&(struct log_options){ .level = LOG_INFO }, NULL);
	str_printf(&rm, "rm -r %s", w->directory);
	assert_int_equal(system(rm.data), 0);
	str_free(&rm);
	str_free(&w->store_path);
	str_free(&w->log_path);
	str_free(&w->ended);
	free(w);
	return 0;
}

static void
answer(struct world *w, size_t i, const char *path, const char *const *answers)
{
	w->scripts[i] = (struct script){ path, answers, 0 };
}

static void
add(struct world *w, size_t i, const char *id)
{
	json_t *record = record_make("opened", NULL);

	json_object_set_new(record, "id", json_string(id));
	outbox_add(w->outbox, i, id, record, clock_wall_ms());
	json_decref(record);
}

static void
check_seen(const struct world *w, const char *const *ids)
{
	size_t n = 0;

	for (; ids[n] != NULL; n++) {
		assert_true(n < w->seen_count);
		assert_string_equal(w->seen[n].id, ids[n]);
		check_contains(w->seen[n].body, ids[n]);
	}
	assert_int_equal(w->seen_count, n);
}

/* The rows in the store as text: "ID dead attempts error|". */
static void
row_add(const struct delivery_row *row, void *ctx)
{
	str_printf(ctx, "%s %s %lld%s|", row->id, row->dead ? "dead" : "waits",
	    (long long)row->attempts, row->next_ms > 0 ? " later" : "");
}

static void
check_rows(struct world *w, const char *expected)
{
	struct str rows = { 0 };

	assert_int_equal(store_deliveries(w->store, row_add, &rows, NULL), 0);
	assert_string_equal(rows.data != NULL ? rows.data : "", expected);
	str_free(&rows);
}

static char *
log_text(const struct world *w)
{
	FILE *f = fopen(w->log_path.data, "re");
	struct str text = { 0 };
	size_t n;

	assert_non_null(f);
	while ((n = fread(str_reserve(&text, 4096), 1, 4096, f)) > 0)
		text.len += n;
	fclose(f);
	str_putc(&text, '\n');
	return str_take(&text);
}

static void
check_log(const struct world *w, const char *part)
{
	char *text = log_text(w);

	check_contains(text, part);
	free(text);
}

/* The tests. */

static void
what_is_added_is_sent_in_order_and_then_forgotten(void **state)
{
	struct world *w = *state;

	add(w, 0, "1-opened");
	add(w, 0, "2-opened");
	add(w, 0, "3-opened");
	save_and_send(w);
	check_rows(w, "1-opened waits 0|2-opened waits 0|3-opened waits 0|");
	run_until(w, is_idle);
	check_seen(w,
	    (const char *const[]){ "1-opened", "2-opened", "3-opened", NULL });
	check_rows(w, "");
	assert_int_equal(outbox_dead(w->outbox), 0);
	assert_false(outbox_busy(w->outbox));
	assert_int_equal(w->dirty, 3); /* once a row that went */
}

static bool
b_came(struct world *w)
{
	return w->seen_count > 0 &&
	       strcmp(w->seen[w->seen_count - 1].id, "b") == 0;
}

/* The second of b goes after the first was answered: by then "a" would have
 * come, had it been let go with them. */
static void
nothing_is_sent_before_it_is_saved_and_said(void **state)
{
	struct world *w = *state;

	w->holds = true;
	add(w, 1, "b1");
	add(w, 1, "b");
	save(w);
	outbox_send(w->outbox);
	add(w, 0, "a");
	run_until(w, b_came);
	check_seen(w, (const char *const[]){ "b1", "b", NULL });
	save(w);
	outbox_send(w->outbox);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "b1", "b", "a", NULL });
}

static bool
two_came(struct world *w)
{
	return w->seen_count == 2;
}

static void
a_refusal_that_may_pass_is_tried_again_with_the_same_id(void **state)
{
	struct world *w = *state;

	answer(w, 0, "a", (const char *const[]){ E500, NULL });
	add(w, 0, "1");
	add(w, 0, "2");
	save_and_send(w);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", "1", "2", NULL });
	assert_string_equal(w->seen[0].body, w->seen[1].body);
	assert_in_range(w->seen[1].at_ms - w->seen[0].at_ms, 790, 1200 + 5000);
	check_log(w, "notification not sent action=a delivery=1 attempts=1: "
		     "answered 500; retry in ");
	check_log(w, "notification sent action=a delivery=1 attempts=2");
}

static void
retry_after_is_the_least(void **state)
{
	struct world *w = *state;

	answer(w, 0, "a", (const char *const[]){ E429, NULL });
	add(w, 0, "1");
	save_and_send(w);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", "1", NULL });
	assert_true(w->seen[1].at_ms - w->seen[0].at_ms >= 2000);
}

static void
what_is_final_is_a_dead_letter_and_the_next_goes(void **state)
{
	struct world *w = *state;

	answer(w, 0, "a", (const char *const[]){ E404, NULL });
	add(w, 0, "1");
	add(w, 0, "2");
	save_and_send(w);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", "2", NULL });
	assert_int_equal(outbox_dead(w->outbox), 1);
	check_rows(w, "1 dead 1|");
	check_log(w, "notification given up action=a delivery=1 attempts=1: "
		     "answered 404: no_service; kept as a dead letter");
	assert_string_equal(
	    w->ended.data, "a 1: answered 404: no_service;a 2: sent;");
	crash(w);
	assert_int_equal(outbox_dead(w->outbox), 1);
	assert_int_equal(outbox_waiting(w->outbox), 0);
}

static void
a_receiver_that_hangs_delays_no_other(void **state)
{
	struct world *w = *state;

	answer(w, 0, "a", (const char *const[]){ HANG, NULL });
	add(w, 0, "a");
	add(w, 1, "b1");
	add(w, 1, "b");
	save_and_send(w);
	run_until(w, b_came);
	assert_int_equal(outbox_waiting(w->outbox), 1);
	assert_true(outbox_busy(w->outbox));
}

static void
what_was_committed_outlives_a_crash(void **state)
{
	struct world *w = *state;
	struct str before = { 0 };
	struct str body = { 0 };
	json_t *envelope;

	add(w, 0, "1");
	add(w, 0, "2");
	save(w);
	assert_int_equal(store_delivery_body(w->store, 1, &before, NULL), 0);
	crash(w);
	assert_int_equal(outbox_waiting(w->outbox), 2);
	assert_true(outbox_busy(w->outbox));
	assert_int_equal(store_delivery_body(w->store, 1, &body, NULL), 0);
	assert_string_equal(before.data, body.data);
	envelope = json_loads(body.data, 0, NULL);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", "2", NULL });
	assert_string_equal(w->seen[0].body, get_string(envelope, "body"));
	check_rows(w, "");
	json_decref(envelope);
	str_free(&before);
	str_free(&body);
}

static bool
has_failed(struct world *w)
{
	return !outbox_busy(w->outbox);
}

static void
an_attempt_is_remembered_over_a_crash(void **state)
{
	struct world *w = *state;

	answer(w, 0, "a", (const char *const[]){ E500, NULL });
	add(w, 0, "1");
	save_and_send(w);
	run_until(w, has_failed);
	check_rows(w, "1 waits 1 later|");
	crash(w);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", "1", NULL });
	assert_string_equal(w->seen[0].body, w->seen[1].body);
	assert_true(w->seen[1].at_ms - w->seen[0].at_ms >= 700);
	check_log(w, "notification sent action=a delivery=1 attempts=2");
}

static void
a_body_at_fault_is_sent_once_more_in_a_plainer_form(void **state)
{
	struct world *w = *state;

	answer(w, 0, "c", (const char *const[]){ E400, NULL });
	add(w, 2, "1");
	save_and_send(w);
	run_until(w, is_idle);
	assert_int_equal(w->seen_count, 2);
	check_contains(w->seen[0].body, "attachments");
	assert_null(strstr(w->seen[1].body, "attachments"));
	check_contains(w->seen[1].body, "Foreign key FK_3c5c violated");
	assert_int_equal(outbox_dead(w->outbox), 0);
}

static void
a_plainer_form_that_is_refused_too_is_dead(void **state)
{
	struct world *w = *state;

	answer(w, 0, "c", (const char *const[]){ E400, E400, NULL });
	answer(w, 1, "a", (const char *const[]){ E400, NULL });
	add(w, 2, "1");
	add(w, 0, "2"); /* a webhook has no plainer form */
	save_and_send(w);
	run_until(w, is_idle);
	assert_int_equal(w->seen_count, 3);
	assert_int_equal(outbox_dead(w->outbox), 2);
	check_rows(w, "1 dead 2|2 dead 1|");
}

static void
add_change(struct world *w, size_t i, const char *change)
{
	json_t *record = record_make(change, NULL);

	outbox_add(w->outbox, i, change, record, clock_wall_ms());
	json_decref(record);
}

static void
of_what_a_receiver_is_not_told_nothing_waits(void **state)
{
	struct world *w = *state;

	add_change(w, 3, "remediated");
	assert_int_equal(outbox_waiting(w->outbox), 0);
	add_change(w, 3, "resolved");
	save_and_send(w);
	check_rows(w, "resolved waits 0|");
	run_until(w, is_idle);
	assert_int_equal(w->seen_count, 1);
	check_contains(w->seen[0].body, "\"event_action\":\"resolve\"");
}

/* Not in the state, not in the log, and not where a server repeats it. */
static void
a_key_in_the_body_is_nowhere_but_in_what_is_sent(void **state)
{
	struct world *w = *state;
	struct str body = { 0 };
	char *log;

	answer(w, 0, "d", (const char *const[]){ E500, ECHO_KEY, NULL });
	add_change(w, 3, "opened");
	save_and_send(w);
	assert_int_equal(store_delivery_body(w->store, 1, &body, NULL), 0);
	assert_null(strstr(body.data, "CANARY"));
	run_until(w, is_idle);
	assert_int_equal(w->seen_count, 2);
	for (size_t i = 0; i < 2; i++)
		check_contains(
		    w->seen[i].body, "{\"routing_key\":\"" KEY "\",");
	check_log(w, "answered 400: no such key ***");
	log = log_text(w);
	assert_null(strstr(log, "CANARY"));
	assert_null(strstr(w->ended.data, "CANARY"));
	free(log);
	str_free(&body);
}

/* How incidents stand. */

static void
add_state(struct world *w, const char *incident, const char *change)
{
	bool resolved = strcmp(change, "resolved") == 0;
	json_t *record = record_make(change, resolved ? RESOLVED : NULL);
	struct str id = { 0 };

	str_printf(&id, "%s-%s", incident, change);
	json_object_set_new(record, "id", json_string(incident));
	outbox_add(w->outbox, 4, id.data, record, clock_wall_ms());
	json_decref(record);
	str_free(&id);
}

/* "INCIDENT open|" or "INCIDENT resolved|" of each that came. */
static void
states_are(const struct world *w, const char *expected)
{
	static const char *const ids[] = { "one", "two", "three" };
	struct str got = { 0 };

	str_puts(&got, "");
	for (size_t i = 0; i < w->seen_count; i++) {
		const char *body = w->seen[i].body;

		assert_string_equal(w->seen[i].path, "e/api/v2/alerts");
		for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
			struct str where = { 0 };

			str_printf(&where, "10234 \xc2\xb7 %s\"", ids[k]);
			if (strstr(body, where.data) != NULL)
				str_printf(&got, "%s %s|", ids[k],
				    strstr(body, "08:20:03.123Z\"}]")
					? "resolved"
					: "open");
			str_free(&where);
		}
	}
	assert_string_equal(got.data, expected);
	str_free(&got);
}

static bool
one_came(struct world *w)
{
	return w->seen_count == 1;
}

static bool
three_came(struct world *w)
{
	return w->seen_count >= 3;
}

static bool
it_was_time_five_times(struct world *w)
{
	return w->agains >= 5;
}

static void
a_later_state_takes_the_place_of_one_that_waits(void **state)
{
	struct world *w = *state;

	answer(w, 0, "e", (const char *const[]){ E500, NULL });
	add_state(w, "one", "opened");
	add_state(w, "two", "opened");
	save_and_send(w);
	run_until(w, has_failed);
	add_state(w, "one", "resolved");
	save_and_send(w);
	check_rows(w, "two-opened waits 0|one-resolved waits 0|");
	assert_int_equal(outbox_waiting(w->outbox), 2);
	run_until(w, is_idle);
	states_are(w, "one open|two open|one resolved|");
	check_rows(w, "");
}

static void
it_does_so_after_a_crash(void **state)
{
	struct world *w = *state;

	add_state(w, "one", "opened");
	save(w);
	crash(w);
	add_state(w, "one", "resolved");
	save_and_send(w);
	check_rows(w, "one-resolved waits 0|");
	run_until(w, is_idle);
	states_are(w, "one resolved|");
}

static void
a_state_that_failed_is_not_sent_after_a_later_one_came(void **state)
{
	struct world *w = *state;

	answer(w, 0, "e", (const char *const[]){ HANG, NULL });
	add_state(w, "one", "opened");
	save_and_send(w);
	run_until(w, one_came); /* and is not answered */
	add_state(w, "one", "resolved");
	save_and_send(w);
	check_rows(w, "one-opened waits 0|one-resolved waits 0|");
	run_until(w, is_idle);
	states_are(w, "one open|one resolved|");
	check_rows(w, "");
}

static void
what_is_open_is_told_again_until_it_is_over(void **state)
{
	struct world *w = *state;

	w->open[0] = "one";
	run_until(w, three_came);
	for (size_t i = 1; i < 3; i++)
		assert_in_range(w->seen[i].at_ms - w->seen[i - 1].at_ms,
		    AGAIN_MS / 2, 5000);
	states_are(w, "one open|one open|one open|");
	check_rows(w, "");
	assert_int_equal(w->dirty, 0);
	w->open[0] = NULL;
	add_state(w, "one", "resolved");
	save_and_send(w);
	run_until(w, is_idle);
	w->agains = 0;
	run_until(w, it_was_time_five_times);
	states_are(w, "one open|one open|one open|one resolved|");
}

/* And the back-off is no longer than the time until the next one. */
static void
what_waits_is_not_told_again_beside_it(void **state)
{
	struct world *w = *state;

	answer(w, 0, "e", (const char *const[]){ E500, E500, E500, NULL });
	w->open[0] = "one";
	add_state(w, "one", "opened");
	save_and_send(w);
	run_until(w, three_came);
	assert_in_range(w->seen[2].at_ms - w->seen[1].at_ms, AGAIN_MS / 2, 900);
	assert_int_equal(outbox_waiting(w->outbox), 1);
	run_until(w, is_idle);
	assert_int_equal(w->seen_count, 4);
}

static void
what_is_over_before_its_turn_is_not_told(void **state)
{
	struct world *w = *state;

	answer(w, 0, "e", (const char *const[]){ HANG, NULL });
	w->open[0] = "one";
	add_state(w, "two", "opened");
	save_and_send(w);
	run_until(w, it_was_time_five_times);
	w->open[0] = NULL;
	run_until(w, is_idle);
	w->agains = 0;
	run_until(w, it_was_time_five_times);
	states_are(w, "two open|two open|");
}

static bool
four_came(struct world *w)
{
	return w->seen_count == 4;
}

static void
a_change_goes_before_what_is_only_told_again(void **state)
{
	struct world *w = *state;

	answer(w, 0, "e", (const char *const[]){ HANG, NULL });
	w->open[0] = "one";
	w->open[1] = "two";
	run_until(w, one_came); /* and is not answered: two waits */
	add_state(w, "three", "opened");
	save_and_send(w);
	run_until(w, four_came);
	states_are(w, "one open|one open|three open|two open|");
}

static void
a_state_that_is_refused_is_no_dead_letter(void **state)
{
	struct world *w = *state;

	answer(w, 0, "e", (const char *const[]){ E400, NULL });
	w->open[0] = "one";
	run_until(w, three_came);
	assert_int_equal(outbox_dead(w->outbox), 0);
	check_rows(w, "");
	check_log(w, "state refused action=e delivery=one-again: "
		     "answered 400: invalid_blocks; told again the next time");
	check_contains(
	    w->ended.data, "e one: answered 400: invalid_blocks;e one: sent;");
}

static void
a_transaction_given_up_loses_nothing(void **state)
{
	struct world *w = *state;

	answer(w, 0, "a", (const char *const[]){ E500, NULL });
	w->gives_up = true;
	add(w, 0, "1");
	add(w, 0, "2");
	save_and_send(w);
	check_rows(w, "");
	run_until(w, has_failed);
	check_rows(w, "");
	assert_in_range(w->given_up, 1, 5);
	w->gives_up = false;
	save_and_send(w);
	check_rows(w, "1 waits 1 later|2 waits 0|");
	crash(w);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", "1", "2", NULL });
	check_rows(w, "");
}

static void
a_row_whose_deletion_was_given_up_is_deleted_later(void **state)
{
	struct world *w = *state;

	add(w, 0, "1");
	save_and_send(w);
	w->gives_up = true;
	run_until(w, is_idle);
	check_rows(w, "1 waits 0|");
	w->gives_up = false;
	save_and_send(w);
	check_rows(w, "");
}

static void
the_oldest_is_dropped_where_too_much_waits(void **state)
{
	struct world *w = *state;
	struct str event = { 0 };
	json_t *record = record_make("opened", NULL);
	char id[16];

	while (event.len < (4 << 20))
		str_puts(&event, "0123456789abcdef");
	json_object_set_new(record, "event", json_string(event.data));
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof id, "%d", i);
		outbox_add(w->outbox, 0, id, record, clock_wall_ms());
		save(w);
		outbox_send(w->outbox);
	}
	assert_int_equal(outbox_waiting(w->outbox), 15);
	assert_int_equal(outbox_dropped(w->outbox), 5);
	save_and_send(w);
	check_rows(w, "5 waits 0|6 waits 0|7 waits 0|8 waits 0|9 waits 0|"
		      "10 waits 0|11 waits 0|12 waits 0|13 waits 0|"
		      "14 waits 0|15 waits 0|16 waits 0|17 waits 0|"
		      "18 waits 0|19 waits 0|");
	check_log(w, "outbox full, oldest notification dropped action=a "
		     "delivery=0 dropped=1");
	json_decref(record);
	str_free(&event);
}

static void
what_may_wait_can_be_less(void **state)
{
	struct world *w = *state;
	struct str event = { 0 };
	json_t *record = record_make("opened", NULL);
	char id[16];

	while (event.len < (16 << 10))
		str_puts(&event, "0123456789abcdef");
	json_object_set_new(record, "event", json_string(event.data));
	outbox_limit(w->outbox, 64 << 10, 1000);
	for (int i = 0; i < 8; i++) {
		snprintf(id, sizeof id, "%d", i);
		outbox_add(w->outbox, 0, id, record, clock_wall_ms());
		save(w);
	}
	assert_int_equal(outbox_waiting(w->outbox), 3);
	assert_int_equal(outbox_dropped(w->outbox), 5);
	json_decref(record);
	str_free(&event);
}

static void
rows_of_an_action_that_is_gone_stay(void **state)
{
	struct world *w = *state;

	add(w, 0, "1");
	add(w, 1, "b");
	save(w);
	outbox_close(w);
	outbox_open(w, 1); /* only a is left */
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", NULL });
	check_rows(w, "b waits 0|");
	check_log(w, "action=b count=1");
	crash(w);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "1", "b", NULL });
}

static void
row_keep(const struct delivery_row *row, void *ctx)
{
	str_puts(ctx, row->error);
}

static void
a_url_appears_in_no_reason(void **state)
{
	struct world *w = *state;
	struct str errors = { 0 };
	char *log;

	answer(w, 0, "a", (const char *const[]){ ECHO, NULL });
	add(w, 0, "1");
	save_and_send(w);
	run_until(w, is_idle);
	store_deliveries(w->store, row_keep, &errors, NULL);
	log = log_text(w);
	check_contains(errors.data, "answered 404: Cannot POST");
	check_contains(log, "answered 404: Cannot POST");
	assert_null(strstr(errors.data, "CANARY"));
	assert_null(strstr(log, "CANARY"));
	free(log);
	str_free(&errors);
}

static void
nobody_listening_is_tried_again(void **state)
{
	struct world *w = *state;
	struct str errors = { 0 };
	char *log;

	server_close(w);
	add(w, 0, "1");
	save_and_send(w);
	run_until(w, has_failed);
	check_rows(w, "1 waits 1 later|");
	store_deliveries(w->store, row_keep, &errors, NULL);
	log = log_text(w);
	check_contains(log, "notification not sent action=a delivery=1");
	assert_null(strstr(errors.data, "CANARY"));
	assert_null(strstr(log, "CANARY"));
	free(log);
	str_free(&errors);
}

static void
a_url_file_that_is_not_there_yet_is_waited_for(void **state)
{
	struct world *w = *state;
	struct str path = { 0 };
	struct str yaml = { 0 };
	FILE *f;

	str_printf(&path, "%s/b.url", w->directory);
	str_printf(&yaml, "url_file: %s", path.data);
	fixture_free(&w->fixtures[1]);
	fixture_read(&w->fixtures[1], &webhook_receiver, yaml.data);
	assert_int_equal(diag_errors(w->fixtures[1].diag), 0);
	assert_int_equal(diag_warnings(w->fixtures[1].diag), 1);
	w->notifiers[1].settings = w->fixtures[1].settings;
	add(w, 1, "b");
	save_and_send(w);
	run_until(w, has_failed);
	check_log(w, "action=b delivery=b attempts=1: open ");
	f = fopen(path.data, "we");
	assert_non_null(f);
	fprintf(f, "http://127.0.0.1:%d/b\n", w->port);
	fclose(f);
	run_until(w, is_idle);
	check_seen(w, (const char *const[]){ "b", NULL });
	str_free(&path);
	str_free(&yaml);
}

static void
after_three_days_of_refusal_it_is_dead(void **state)
{
	struct world *w = *state;
	json_t *record = record_make("opened", NULL);
	int64_t day_ms = 24 * 3600 * 1000;

	answer(w, 0, "a", (const char *const[]){ E500, E500, NULL });
	outbox_add(
	    w->outbox, 0, "old", record, clock_wall_ms() - 3 * day_ms - 1);
	outbox_add(w->outbox, 0, "new", record, clock_wall_ms() - 2 * day_ms);
	save_and_send(w);
	run_until(w, two_came);
	run_until(w, is_idle);
	check_rows(w, "old dead 1|");
	check_log(w, "for more than 3d; kept as a dead letter");
	json_decref(record);
}

int
main(void)
{
#define OUTBOX_TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
	const struct CMUnitTest tests[] = {
		OUTBOX_TEST(what_is_added_is_sent_in_order_and_then_forgotten),
		OUTBOX_TEST(nothing_is_sent_before_it_is_saved_and_said),
		OUTBOX_TEST(
		    a_refusal_that_may_pass_is_tried_again_with_the_same_id),
		OUTBOX_TEST(retry_after_is_the_least),
		OUTBOX_TEST(what_is_final_is_a_dead_letter_and_the_next_goes),
		OUTBOX_TEST(a_receiver_that_hangs_delays_no_other),
		OUTBOX_TEST(what_was_committed_outlives_a_crash),
		OUTBOX_TEST(an_attempt_is_remembered_over_a_crash),
		OUTBOX_TEST(
		    a_body_at_fault_is_sent_once_more_in_a_plainer_form),
		OUTBOX_TEST(a_plainer_form_that_is_refused_too_is_dead),
		OUTBOX_TEST(of_what_a_receiver_is_not_told_nothing_waits),
		OUTBOX_TEST(a_key_in_the_body_is_nowhere_but_in_what_is_sent),
		OUTBOX_TEST(a_later_state_takes_the_place_of_one_that_waits),
		OUTBOX_TEST(it_does_so_after_a_crash),
		OUTBOX_TEST(
		    a_state_that_failed_is_not_sent_after_a_later_one_came),
		OUTBOX_TEST(what_is_open_is_told_again_until_it_is_over),
		OUTBOX_TEST(what_waits_is_not_told_again_beside_it),
		OUTBOX_TEST(what_is_over_before_its_turn_is_not_told),
		OUTBOX_TEST(a_change_goes_before_what_is_only_told_again),
		OUTBOX_TEST(a_state_that_is_refused_is_no_dead_letter),
		OUTBOX_TEST(a_transaction_given_up_loses_nothing),
		OUTBOX_TEST(a_row_whose_deletion_was_given_up_is_deleted_later),
		OUTBOX_TEST(the_oldest_is_dropped_where_too_much_waits),
		OUTBOX_TEST(what_may_wait_can_be_less),
		OUTBOX_TEST(rows_of_an_action_that_is_gone_stay),
		OUTBOX_TEST(a_url_appears_in_no_reason),
		OUTBOX_TEST(nobody_listening_is_tried_again),
		OUTBOX_TEST(a_url_file_that_is_not_there_yet_is_waited_for),
		OUTBOX_TEST(after_three_days_of_refusal_it_is_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
