/* SPDX-License-Identifier: MIT */
/*
 * A queue a notifier.  Its first row is sent, again and again until it is sent
 * or dead; the others wait behind it, for a receiver is told things in order.
 * Of those that are told how incidents stand (state, below) an incident has one
 * row that waits, and perhaps one before it that is being sent.
 */
#include "action/outbox.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/when.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "io/timer.h"
#include "store/store.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define ROW_BYTES 512 /* what a row costs beside its body */
#define BACKOFF_MIN_MS INT64_C(1000)
#define BACKOFF_MAX_MS INT64_C(600000)
#define WAIT_MAX_MS 3600000 /* of Retry-After; no clock makes it longer */
#define ANSWER_MAX 4096
#define STATES_MAX (1 << 20) /* more rows never wait */
#define READS_MAX 5          /* of a body that the store does not give */
#define SAVE_AGAIN_MS 10000  /* after a transaction was given up */

enum delivery_state {
	DELIVERY_WAITING,
	DELIVERY_DEAD,
	DELIVERY_GONE, /* sent or dropped: its row is to be deleted */
};

/*
 * Whether the store knows a delivery as it is now.  PERHAPS: it is written, but
 * it is not known whether the transaction was committed.
 */
enum delivery_saved { SAVED_ALL, SAVED_NOT, SAVED_PERHAPS };

TAILQ_HEAD(deliveries, delivery);

struct delivery {
	TAILQ_ENTRY(delivery) link;      /* in its queue, or among the dead */
	TAILQ_ENTRY(delivery) save_link; /* in unsaved or perhaps_saved */
	struct queue *queue;             /* NULL: of an action that is gone */
	enum delivery_state state;
	bool again; /* open still: not in the store, its body is made when
	               it is sent */
	enum delivery_saved saved;
	int64_t seq;    /* 0: not in the store */
	uint64_t order; /* in which they were added */
	char *id, *action, *incident, *change;
	char *envelope; /* until it is known to be in the store, see below */
	size_t bytes;   /* of the envelope, and of the row */
	int64_t attempts, created_ms;
	int64_t next_ms; /* wall, for the store */
	int64_t due_ms;  /* the same on the clock that does not jump */
	char *error;     /* of the last attempt; NULL: none */
};

struct queue {
	struct outbox *outbox;
	const struct notifier *notifier;
	struct deliveries rows;
	struct map *states;  /* by incident, its last row; NULL: not told so */
	struct fetch *fetch; /* of the first row; NULL: none under way */
	struct request request; /* what was fetched */
};

struct outbox {
	struct fetcher *fetcher;
	struct store *store;
	struct queue *queues;
	size_t count;
	struct deliveries dead;
	struct deliveries unsaved, perhaps_saved; /* by save_link */
	size_t waiting, dead_count, dropped;
	size_t bytes, dead_bytes;
	size_t bytes_max; /* that wait; as many in dead letters */
	int64_t age_max_ms;
	uint64_t next_order, released_order; /* those before it may be sent */
	uint64_t random;
	struct turn *turn;
	struct timer *timer;
	bool changed;          /* since dirty was called */
	int64_t save_again_ms; /* INT64_MAX: nothing was given up */
	outbox_dirty_fn *dirty;
	outbox_ended_fn *ended;   /* NULL: nobody asks */
	outbox_answer_fn *answer; /* likewise */
	void *ctx;
	int64_t again_ms, again_due_ms; /* INT64_MAX: nobody is told again */
	outbox_again_fn *again;
	outbox_state_fn *state_of;
	void *again_ctx;
};

/*
 * The envelope is what the store keeps as body: the body to send, and the
 * plainer one to send should the receiver refuse that, as a JSON object
 * {"body": TEXT, "plain": TEXT}.  Without "plain" there is no other.
 */

static json_t *
envelope_text(const char *text)
{
	json_t *json = json_string(text);
	struct str clean = { 0 };

	if (json != NULL)
		return json;
	utf8_clean(text_of(text), &clean);
	json = json_stringn(clean.data, clean.len);
	str_free(&clean);
	return json;
}

static char *
envelope_write(const char *body, const char *plain)
{
	json_t *json = json_pack("{s:o}", "body", envelope_text(body));
	char *text;

	if (plain != NULL)
		json_object_set_new(json, "plain", envelope_text(plain));
	text = mem_check(json_dumps(json, JSON_COMPACT));
	json_decref(json);
	return text;
}

/* The delivery's envelope, from memory or the store; NULL with the reason. */
static json_t *
envelope_read(
    const struct outbox *ob, const struct delivery *d, struct err *err)
{
	struct str text = { 0 };
	json_t *json = NULL;

	if (d->envelope != NULL)
		str_puts(&text, d->envelope);
	else if (store_delivery_body(ob->store, d->seq, &text, err) != 0)
		goto out;
	json =
	    json_loadb(text.data != NULL ? text.data : "", text.len, 0, NULL);
	if (!json_is_string(json_object_get(json, "body"))) {
		json_decref(json);
		json = NULL;
		err_set(err, "its body in the state file is damaged");
	}
out:
	str_free(&text);
	return json;
}

/* Deliveries. */

static void
delivery_free(struct delivery *d)
{
	free(d->id);
	free(d->action);
	free(d->incident);
	free(d->change);
	free(d->envelope);
	free(d->error);
	free(d);
}

static void
save_unlink(struct outbox *ob, struct delivery *d)
{
	if (d->saved == SAVED_NOT)
		TAILQ_REMOVE(&ob->unsaved, d, save_link);
	else if (d->saved == SAVED_PERHAPS)
		TAILQ_REMOVE(&ob->perhaps_saved, d, save_link);
	d->saved = SAVED_ALL;
}

static void
unsaved_add(struct outbox *ob, struct delivery *d)
{
	save_unlink(ob, d);
	d->saved = SAVED_NOT;
	TAILQ_INSERT_TAIL(&ob->unsaved, d, save_link);
}

static void
delivery_changed(struct outbox *ob, struct delivery *d)
{
	unsaved_add(ob, d);
	ob->changed = true;
}

/* The first that is only told again, and not being sent; NULL: none. */
static struct delivery *
again_first(const struct queue *q)
{
	struct delivery *d = TAILQ_FIRST(&q->rows);

	if (d != NULL && q->fetch != NULL)
		d = TAILQ_NEXT(d, link);
	while (d != NULL && !d->again)
		d = TAILQ_NEXT(d, link);
	return d;
}

/* What is new goes before what was told already. */
static void
delivery_enqueue(struct outbox *ob, struct delivery *d)
{
	struct delivery *before = d->queue->states != NULL && !d->again
	                              ? again_first(d->queue)
	                              : NULL;

	d->order = ob->next_order++;
	if (before != NULL)
		TAILQ_INSERT_BEFORE(before, d, link);
	else
		TAILQ_INSERT_TAIL(&d->queue->rows, d, link);
	if (d->queue->states != NULL)
		map_put(d->queue->states, text_of(d->incident), d);
	ob->waiting += !d->again;
	ob->bytes += d->bytes;
}

static void
delivery_bury(struct outbox *ob, struct delivery *d)
{
	d->state = DELIVERY_DEAD;
	TAILQ_INSERT_TAIL(&ob->dead, d, link);
	ob->dead_count++;
	ob->dead_bytes += d->bytes;
}

/* Whether something later of its incident waits behind it. */
static bool
is_superseded(const struct delivery *d)
{
	const struct delivery *last =
	    d->queue->states != NULL
		? map_get(d->queue->states, text_of(d->incident))
		: NULL;

	return last != NULL && last != d;
}

/* Takes it out of its queue or from among the dead. */
static void
delivery_unlink(struct outbox *ob, struct delivery *d)
{
	if (d->state == DELIVERY_WAITING) {
		if (d->queue->states != NULL && !is_superseded(d))
			map_remove(d->queue->states, text_of(d->incident));
		TAILQ_REMOVE(&d->queue->rows, d, link);
		ob->waiting -= !d->again;
		ob->bytes -= d->bytes;
	} else if (d->state == DELIVERY_DEAD) {
		TAILQ_REMOVE(&ob->dead, d, link);
		ob->dead_count--;
		ob->dead_bytes -= d->bytes;
	}
}

static void
delivery_gone(struct outbox *ob, struct delivery *d)
{
	delivery_unlink(ob, d);
	d->state = DELIVERY_GONE;
	delivery_changed(ob, d);
}

static void
error_set(struct delivery *d, const struct err *err)
{
	free(d->error);
	d->error = mem_text(err->text);
}

/* Bounds. */

static void
dropped_said(struct outbox *ob, const struct delivery *d, const char *what)
{
	ob->dropped++;
	if ((ob->dropped & (ob->dropped - 1)) == 0) /* 1, 2, 4, 8, … */
		log_error("%s action=%s delivery=%s dropped=%zu: more than "
			  "%zu bytes; see why they are not received",
		    what, d->action, d->id, ob->dropped, ob->bytes_max);
}

static void
dead_bound(struct outbox *ob)
{
	while (ob->dead_bytes > ob->bytes_max) {
		struct delivery *d = TAILQ_FIRST(&ob->dead);

		dropped_said(ob, d, "oldest dead letter dropped");
		delivery_gone(ob, d);
	}
}

/* The oldest of all that wait and are not being sent. */
static struct delivery *
oldest(const struct outbox *ob)
{
	struct delivery *found = NULL;

	for (size_t i = 0; i < ob->count; i++) {
		const struct queue *q = &ob->queues[i];
		struct delivery *d = TAILQ_FIRST(&q->rows);

		if (d != NULL && q->fetch != NULL)
			d = TAILQ_NEXT(d, link);
		while (d != NULL && d->again)
			d = TAILQ_NEXT(d, link);
		if (d != NULL && (found == NULL || d->order < found->order))
			found = d;
	}
	return found;
}

static void
waiting_bound(struct outbox *ob)
{
	struct delivery *d;

	while (ob->bytes > ob->bytes_max && (d = oldest(ob)) != NULL) {
		dropped_said(ob, d, "outbox full, oldest notification dropped");
		delivery_gone(ob, d);
	}
}

/* What became of an attempt. */

static uint64_t
random_next(struct outbox *ob) /* xorshift64*, Vigna 2016 */
{
	ob->random ^= ob->random >> 12;
	ob->random ^= ob->random << 25;
	ob->random ^= ob->random >> 27;
	return ob->random * UINT64_C(2685821657736338717);
}

/* From 1 s, doubling to 10 min, 20 % more or less, so that many senders do not
 * come back as one. */
static int64_t
backoff_ms(struct outbox *ob, int64_t attempts)
{
	int64_t ms = BACKOFF_MAX_MS;

	if (attempts < 10)
		ms = BACKOFF_MIN_MS << (attempts - 1);
	return ms * 4 / 5 + (int64_t)(random_next(ob) % (uint64_t)(ms * 2 / 5));
}

/* What is told here may add others, which frees none: a delivery that is gone
 * stays until that is saved. */
static void
attempt_over(
    const struct outbox *ob, const struct delivery *d, const char *error)
{
	if (ob->ended != NULL)
		ob->ended(d->action, d->incident, error, ob->ctx);
}

static void
attempt_died(struct outbox *ob, struct delivery *d, const char *why)
{
	log_error(
	    "notification given up action=%s delivery=%s attempts=%" PRId64
	    ": %s%s; kept as a dead letter",
	    d->action, d->id, d->attempts, d->error, why);
	delivery_unlink(ob, d);
	delivery_bury(ob, d);
	dead_bound(ob);
	attempt_over(ob, d, d->error);
}

static void
attempt_later(struct outbox *ob, struct delivery *d, int64_t at_least_ms)
{
	int64_t ms = backoff_ms(ob, d->attempts);
	int64_t again_ms = d->queue->notifier->receiver->again_ms;
	char text[WHEN_SIZE];

	/* As often as it would be told again, were it there. */
	if (again_ms > 0 && ms > again_ms)
		ms = again_ms;
	if (ms < at_least_ms)
		ms = at_least_ms;
	if (ms > WAIT_MAX_MS)
		ms = WAIT_MAX_MS;
	d->due_ms = clock_now_ms() + ms;
	d->next_ms = clock_wall_ms() + ms;
	log_warning("notification not sent action=%s delivery=%s "
		    "attempts=%" PRId64 ": %s; retry in %s",
	    d->action, d->id, d->attempts, d->error,
	    duration_write((ms + 999) / 1000 * 1000, text));
}

/* Puts the plainer body in place of the one that was refused. */
static void
attempt_plain(struct outbox *ob, struct delivery *d, const json_t *envelope)
{
	const char *plain =
	    json_string_value(json_object_get(envelope, "plain"));

	log_warning("notification refused action=%s delivery=%s "
		    "attempts=%" PRId64 ": %s; again in a plainer form",
	    d->action, d->id, d->attempts, d->error);
	free(d->envelope);
	d->envelope = envelope_write(plain, NULL);
	ob->bytes -= d->bytes;
	d->bytes = strlen(d->envelope) + ROW_BYTES;
	ob->bytes += d->bytes;
	d->due_ms = 0;
}

static void
attempt_refused(struct outbox *ob, struct delivery *d)
{
	struct err err;
	json_t *envelope = envelope_read(ob, d, &err);

	if (json_is_string(json_object_get(envelope, "plain")))
		attempt_plain(ob, d, envelope);
	else
		attempt_died(ob, d, "");
	json_decref(envelope);
}

static void
attempt_sent(struct outbox *ob, struct delivery *d)
{
	log_info("notification sent action=%s delivery=%s attempts=%" PRId64,
	    d->action, d->id, d->attempts);
	delivery_gone(ob, d);
	attempt_over(ob, d, NULL);
}

/* What is not in the store just goes; who is told that may add others. */
static void
again_over(struct outbox *ob, struct delivery *d, const char *error)
{
	delivery_unlink(ob, d);
	if (error != NULL)
		log_error("state refused action=%s delivery=%s: %s; told again "
			  "the next time",
		    d->action, d->id, error);
	attempt_over(ob, d, error);
	delivery_free(d);
}

static void
again_ended(struct outbox *ob, struct delivery *d, enum verdict verdict,
    int64_t retry_after_ms)
{
	if (verdict == VERDICT_SENT)
		again_over(ob, d, NULL);
	else if (verdict == VERDICT_RETRY)
		attempt_later(ob, d, retry_after_ms);
	else
		again_over(ob, d, d->error);
}

static void
attempt_expired(struct outbox *ob, struct delivery *d)
{
	struct str why = { 0 };
	char age[WHEN_SIZE];

	str_puts(&why, "");
	if (ob->age_max_ms != OUTBOX_ONCE)
		str_printf(&why, ", for more than %s",
		    duration_write(ob->age_max_ms, age));
	attempt_died(ob, d, why.data);
	str_free(&why);
}

static void
attempt_ended(struct outbox *ob, struct delivery *d, enum verdict verdict,
    const struct err *err, int64_t retry_after_ms)
{
	d->attempts++;
	error_set(d, err);
	if (d->again) {
		again_ended(ob, d, verdict, retry_after_ms);
		return;
	}
	delivery_changed(ob, d);
	switch (verdict) {
	case VERDICT_SENT:
		attempt_sent(ob, d);
		break;
	case VERDICT_PLAIN:
		attempt_refused(ob, d);
		break;
	case VERDICT_DEAD:
		attempt_died(ob, d, "");
		break;
	case VERDICT_RETRY:
		if (is_superseded(d))
			delivery_gone(ob, d);
		else if (clock_wall_ms() - d->created_ms > ob->age_max_ms)
			attempt_expired(ob, d);
		else
			attempt_later(ob, d, retry_after_ms);
		break;
	}
}

/* Sending. */

/* Calls the owner last, when all is in order again: it may save and send. */
static void
tell_owner(struct outbox *ob)
{
	if (!ob->changed)
		return;
	ob->changed = false;
	ob->dirty(ob->ctx);
}

/* Judges by the answer without what the server repeats of the request, for the
 * reason goes to the log and the state file. */
static enum verdict
queue_judge(const struct queue *q, const struct fetch_end *end, struct err *err)
{
	const struct notifier *n = q->notifier;
	struct fetch_end shown = *end;
	struct str answer = { 0 };
	struct str error = { 0 };
	enum verdict verdict;

	request_hide(&q->request, end->answer, &answer);
	request_hide(&q->request, text_of(end->error), &error);
	shown.answer = str_text(&answer);
	shown.error = end->error != NULL ? error.data : NULL;
	err_set(err, "no reason given");
	if (q->outbox->answer != NULL)
		q->outbox->answer(n->name, &shown, q->outbox->ctx);
	verdict = n->receiver->judge(n->settings, &shown, err);
	str_free(&answer);
	str_free(&error);
	return verdict;
}

static void
fetch_ended(const struct fetch_end *end, void *ctx)
{
	struct queue *q = ctx;
	struct outbox *ob = q->outbox;
	struct err err;
	enum verdict verdict = queue_judge(q, end, &err);
	int64_t retry_after_ms = end->retry_after_ms;
	struct delivery *d;

	fetch_free(q->fetch);
	q->fetch = NULL;
	request_free(&q->request);
	d = TAILQ_FIRST(&q->rows);
	attempt_ended(ob, d, verdict, &err, retry_after_ms);
	turn_ask(ob->turn);
	tell_owner(ob);
}

static int
queue_post(struct queue *q, const struct delivery *d, const json_t *body,
    struct err *err)
{
	const struct notifier *n = q->notifier;
	struct fetch_spec spec = {
		.body = { json_string_value(body), json_string_length(body) },
		.timeout_ms = n->receiver->timeout_ms(n->settings),
		.ca_file = n->receiver->ca_file(n->settings),
		.answer_max = ANSWER_MAX,
	};

	if (n->receiver->request(n->settings, d->id, spec.body, clock_wall_ms(),
		&q->request, err) != 0)
		return -1;
	spec.url = q->request.url;
	spec.headers = (const char *const *)q->request.headers;
	if (q->request.body != NULL)
		spec.body = text_of(q->request.body);
	spec.mail = q->request.mail;
	q->fetch = fetch_begin(q->outbox->fetcher, &spec, fetch_ended, q);
	return 0;
}

static bool
queue_ready(const struct queue *q)
{
	const struct delivery *d = TAILQ_FIRST(&q->rows);

	if (d == NULL || q->fetch != NULL)
		return false;
	/* Whoever is freed was taken out of the list before:
	 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	return d->again || d->order < q->outbox->released_order;
}

/* Told again, an incident is told as it stands now: what there is to send, or
 * NULL with the row gone. */
static json_t *
again_envelope(struct queue *q, struct delivery *d)
{
	struct outbox *ob = q->outbox;
	json_t *record = ob->state_of(d->incident, ob->again_ctx);
	json_t *envelope = NULL;
	char *body = NULL;

	if (record != NULL)
		body =
		    q->notifier->receiver->body(q->notifier->settings, record);
	if (body != NULL)
		envelope = json_pack("{s:o}", "body", envelope_text(body));
	else {
		delivery_unlink(ob, d);
		delivery_free(d);
	}
	free(body);
	json_decref(record);
	return envelope;
}

/* Gone are those, at its start, that are over by now. */
static json_t *
first_envelope(struct queue *q, int64_t now_ms, struct err *err)
{
	json_t *envelope;
	struct delivery *d;

	while (
	    queue_ready(q) && (d = TAILQ_FIRST(&q->rows))->due_ms <= now_ms) {
		if (!d->again)
			return envelope_read(q->outbox, d, err);
		envelope = again_envelope(q, d);
		if (envelope != NULL)
			return envelope;
	}
	return NULL;
}

static void
queue_start(struct queue *q, int64_t now_ms)
{
	struct outbox *ob = q->outbox;
	enum verdict verdict = VERDICT_RETRY;
	json_t *envelope;
	struct delivery *d;
	struct err err;

	envelope = first_envelope(q, now_ms, &err);
	d = TAILQ_FIRST(&q->rows);
	if (!queue_ready(q) || d->due_ms > now_ms)
		return;
	if (envelope == NULL && d->attempts + 1 >= READS_MAX)
		verdict = VERDICT_DEAD;
	if (envelope == NULL ||
	    queue_post(q, d, json_object_get(envelope, "body"), &err) != 0)
		attempt_ended(ob, d, verdict, &err, -1);
	json_decref(envelope);
}

/* Wakes when the first of those that wait is due, if any does. */
static void
timer_set(struct outbox *ob)
{
	int64_t due_ms = ob->save_again_ms;

	if (ob->again != NULL && ob->again_due_ms < due_ms)
		due_ms = ob->again_due_ms;
	for (size_t i = 0; i < ob->count; i++) {
		const struct queue *q = &ob->queues[i];

		if (queue_ready(q) && TAILQ_FIRST(&q->rows)->due_ms < due_ms)
			due_ms = TAILQ_FIRST(&q->rows)->due_ms;
	}
	timer_at(ob->timer, due_ms);
}

static void
start_all(void *ctx)
{
	struct outbox *ob = ctx;
	int64_t now_ms = clock_now_ms();

	if (ob->again_due_ms <= now_ms && ob->again != NULL) {
		ob->again_due_ms = now_ms + ob->again_ms;
		ob->again(ob->again_ctx);
	}
	for (size_t i = 0; i < ob->count; i++)
		queue_start(&ob->queues[i], now_ms);
	if (ob->save_again_ms <= now_ms) {
		ob->save_again_ms = INT64_MAX;
		ob->changed = true;
	}
	timer_set(ob);
	tell_owner(ob);
}

static void
again_read(struct outbox *ob, struct queue *q)
{
	int64_t again_ms = q->notifier->receiver->again_ms;

	if (again_ms == 0)
		return;
	q->states = map_new(STATES_MAX, NULL);
	if (again_ms < ob->again_ms)
		ob->again_ms = again_ms;
	ob->again_due_ms = 0;
}

struct outbox *
outbox_new(struct loop *l, struct fetcher *fetcher, struct store *store,
    const struct notifier *notifiers, size_t count, outbox_dirty_fn *dirty,
    void *ctx)
{
	struct outbox *ob = mem_new(1, sizeof *ob);

	ob->fetcher = fetcher;
	ob->store = store;
	ob->dirty = dirty;
	ob->ctx = ctx;
	ob->again_ms = ob->again_due_ms = INT64_MAX;
	ob->count = count;
	ob->queues = mem_new(count, sizeof *ob->queues);
	for (size_t i = 0; i < count; i++) {
		ob->queues[i].outbox = ob;
		ob->queues[i].notifier = &notifiers[i];
		TAILQ_INIT(&ob->queues[i].rows);
		again_read(ob, &ob->queues[i]);
	}
	TAILQ_INIT(&ob->dead);
	TAILQ_INIT(&ob->unsaved);
	TAILQ_INIT(&ob->perhaps_saved);
	if (getrandom(&ob->random, sizeof ob->random, GRND_NONBLOCK) < 0)
		ob->random = (uint64_t)clock_wall_ms();
	ob->random |= 1; /* 0 would stay 0 */
	ob->save_again_ms = INT64_MAX;
	ob->bytes_max = OUTBOX_BYTES;
	ob->age_max_ms = OUTBOX_AGE_MS;
	ob->turn = turn_new(l, start_all, ob);
	ob->timer = timer_new(l, start_all, ob);
	return ob;
}

static void
list_free(struct deliveries *list)
{
	struct delivery *d;

	while ((d = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, d, link);
		delivery_free(d);
	}
}

/* Those that are gone are in no list but that of what is to be saved. */
static void
gone_free(struct deliveries *list)
{
	struct delivery *d, *next;

	for (d = TAILQ_FIRST(list); d != NULL; d = next) {
		next = TAILQ_NEXT(d, save_link);
		if (d->state == DELIVERY_GONE)
			delivery_free(d);
	}
}

void
outbox_free(struct outbox *ob)
{
	if (ob == NULL)
		return;
	gone_free(&ob->unsaved);
	gone_free(&ob->perhaps_saved);
	for (size_t i = 0; i < ob->count; i++) {
		fetch_free(ob->queues[i].fetch);
		request_free(&ob->queues[i].request);
		list_free(&ob->queues[i].rows);
		map_free(ob->queues[i].states);
	}
	list_free(&ob->dead);
	turn_free(ob->turn);
	timer_free(ob->timer);
	free(ob->queues);
	free(ob);
}

void
outbox_on_answer(struct outbox *ob, outbox_answer_fn *fn)
{
	ob->answer = fn;
}

void
outbox_limit(struct outbox *ob, int64_t bytes, int64_t age_ms)
{
	ob->bytes_max = (size_t)bytes;
	ob->age_max_ms = age_ms;
}

void
outbox_on_ended(struct outbox *ob, outbox_ended_fn *fn)
{
	ob->ended = fn;
}

void
outbox_on_again(struct outbox *ob, outbox_again_fn *again,
    outbox_state_fn *state, void *ctx)
{
	ob->again = again;
	ob->state_of = state;
	ob->again_ctx = ctx;
}

/* Loading. */

struct load {
	struct outbox *ob;
	int64_t now_ms, wall_ms;
	size_t strays;
	char *stray; /* the action of the first */
};

static struct queue *
queue_find(struct outbox *ob, const char *action)
{
	for (size_t i = 0; i < ob->count; i++)
		if (strcmp(ob->queues[i].notifier->name, action) == 0)
			return &ob->queues[i];
	return NULL;
}

/* A wall clock that was set meanwhile must not make the wait a long one. */
static int64_t
wait_ms(const struct load *load, const struct delivery_row *row)
{
	int64_t ms = row->next_ms - load->wall_ms;

	if (ms < 0)
		return 0;
	return ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
}

static struct delivery *
delivery_of_row(const struct load *load, const struct delivery_row *row)
{
	struct delivery *d = mem_new(1, sizeof *d);

	d->seq = row->seq;
	d->id = mem_text(row->id);
	d->action = mem_text(row->action);
	d->incident = mem_text(row->incident);
	d->change = mem_text(row->change);
	d->bytes = (size_t)row->body_bytes + ROW_BYTES;
	d->attempts = row->attempts;
	d->created_ms = row->created_ms;
	d->next_ms = row->next_ms;
	d->due_ms = load->now_ms + wait_ms(load, row);
	d->error = mem_text(row->error);
	return d;
}

static void
row_load(const struct delivery_row *row, void *ctx)
{
	struct load *load = ctx;
	struct queue *q = queue_find(load->ob, row->action);
	struct delivery *d;

	if (q == NULL && !row->dead) {
		if (load->strays++ == 0)
			load->stray = mem_text(row->action);
		return;
	}
	d = delivery_of_row(load, row);
	d->queue = q;
	if (row->dead)
		delivery_bury(load->ob, d);
	else
		delivery_enqueue(load->ob, d);
}

int
outbox_load(struct outbox *ob, struct err *err)
{
	struct load load = {
		.ob = ob, .now_ms = clock_now_ms(), .wall_ms = clock_wall_ms()
	};

	if (store_deliveries(ob->store, row_load, &load, err) != 0) {
		free(load.stray);
		return -1;
	}
	if (load.strays > 0)
		log_warning("notifications wait for actions that the rules do "
			    "not have action=%s count=%zu: they are kept in "
			    "the state file and sent when the action is back",
		    load.stray, load.strays);
	free(load.stray);
	waiting_bound(ob);
	dead_bound(ob);
	ob->released_order = ob->next_order;
	turn_ask(ob->turn);
	return 0;
}

static char *
member_copy(const json_t *record, const char *name)
{
	const char *text = json_string_value(json_object_get(record, name));

	return mem_text(text != NULL ? text : "");
}

/* NULL: the receiver is told nothing of it. */
static char *
envelope_of(const struct notifier *n, const json_t *record)
{
	char *body = n->receiver->body(n->settings, record);
	char *plain, *envelope;

	if (body == NULL)
		return NULL;
	plain = n->receiver->plain_body(n->settings, record);
	envelope = envelope_write(body, plain);
	free(body);
	free(plain);
	return envelope;
}

/* The row of an incident that waits and is not being sent; NULL: none. */
static struct delivery *
state_waiting(const struct queue *q, const char *incident)
{
	struct delivery *d =
	    q->states != NULL ? map_get(q->states, text_of(incident)) : NULL;

	return q->fetch != NULL && d == TAILQ_FIRST(&q->rows) ? NULL : d;
}

static void
state_drop(struct outbox *ob, struct delivery *d)
{
	if (!d->again) {
		delivery_gone(ob, d);
	} else {
		delivery_unlink(ob, d);
		delivery_free(d);
	}
}

void
outbox_again(struct outbox *ob, size_t i, const char *incident)
{
	struct queue *q = &ob->queues[i];
	struct str id = { 0 };
	struct delivery *d;

	assert(i < ob->count && q->states != NULL);
	if (map_get(q->states, text_of(incident)) != NULL)
		return;
	d = mem_new(1, sizeof *d);
	str_printf(&id, "%s-again", incident);
	d->queue = q;
	d->again = true;
	d->id = str_take(&id);
	d->action = mem_text(q->notifier->name);
	d->incident = mem_text(incident);
	d->created_ms = clock_wall_ms();
	delivery_enqueue(ob, d);
	turn_ask(ob->turn);
}

void
outbox_add(struct outbox *ob, size_t i, const char *delivery_id,
    const json_t *record, int64_t wall_ms)
{
	struct delivery *d, *earlier;
	char *envelope;

	assert(i < ob->count);
	envelope = envelope_of(ob->queues[i].notifier, record);
	if (envelope == NULL)
		return;
	d = mem_new(1, sizeof *d);
	d->queue = &ob->queues[i];
	d->id = mem_text(delivery_id);
	d->action = mem_text(d->queue->notifier->name);
	d->incident = member_copy(record, "id");
	d->change = member_copy(record, "change");
	d->envelope = envelope;
	d->bytes = strlen(d->envelope) + ROW_BYTES;
	d->created_ms = wall_ms;
	earlier = state_waiting(d->queue, d->incident);
	if (earlier != NULL)
		state_drop(ob, earlier);
	delivery_enqueue(ob, d);
	delivery_changed(ob, d);
	waiting_bound(ob);
}

/* Saving. */

static int
delivery_put(struct outbox *ob, struct delivery *d, struct err *err)
{
	struct delivery_row row = {
		.seq = d->seq,
		.id = d->id,
		.action = d->action,
		.incident = d->incident,
		.change = d->change,
		.body = text_of(d->envelope),
		.dead = d->state == DELIVERY_DEAD,
		.attempts = d->attempts,
		.created_ms = d->created_ms,
		.next_ms = d->next_ms,
		.error = d->error != NULL ? d->error : "",
	};

	if (store_delivery_put(ob->store, &row, err) != 0)
		return err_wrap(err, "notification %s", d->id);
	d->seq = row.seq;
	return 0;
}

int
outbox_save(struct outbox *ob, struct err *err)
{
	struct delivery *d;

	ob->changed = false;
	while ((d = TAILQ_FIRST(&ob->unsaved)) != NULL) {
		int ret = 0;

		if (d->state != DELIVERY_GONE)
			ret = delivery_put(ob, d, err);
		else if (d->seq != 0)
			ret = store_delivery_delete(ob->store, d->seq, err);
		if (ret != 0)
			return -1;
		save_unlink(ob, d);
		d->saved = SAVED_PERHAPS;
		TAILQ_INSERT_TAIL(&ob->perhaps_saved, d, save_link);
	}
	return 0;
}

/* Whether the store has this delivery with the body that is in memory. */
static bool
is_stored(const struct outbox *ob, const struct delivery *d)
{
	struct str body = { 0 };
	bool stored =
	    d->seq != 0 &&
	    store_delivery_body(ob->store, d->seq, &body, NULL) == 0 &&
	    (d->envelope == NULL || text_is(str_text(&body), d->envelope));

	str_free(&body);
	return stored;
}

/*
 * The transaction is over, whichever way: the store itself knows.  A body
 * leaves the memory when it is there, a row that is gone is forgotten when it
 * is not; what was given up is saved the next time.
 */
static void
delivery_settle(struct outbox *ob, struct delivery *d)
{
	bool stored = is_stored(ob, d);

	save_unlink(ob, d);
	if (d->state == DELIVERY_GONE && !stored) {
		delivery_free(d);
	} else if (d->state != DELIVERY_GONE && stored) {
		free(d->envelope);
		d->envelope = NULL;
	} else {
		unsaved_add(ob, d);
	}
}

void
outbox_send(struct outbox *ob)
{
	struct delivery *d, *next;

	for (d = TAILQ_FIRST(&ob->perhaps_saved); d != NULL; d = next) {
		next = TAILQ_NEXT(d, save_link);
		delivery_settle(ob, d);
	}
	ob->save_again_ms = TAILQ_EMPTY(&ob->unsaved)
	                        ? INT64_MAX
	                        : clock_now_ms() + SAVE_AGAIN_MS;
	ob->released_order = ob->next_order;
	turn_ask(ob->turn);
}

bool
outbox_busy(const struct outbox *ob)
{
	int64_t now_ms = clock_now_ms();

	for (size_t i = 0; i < ob->count; i++) {
		const struct delivery *d = TAILQ_FIRST(&ob->queues[i].rows);

		if (d != NULL && (ob->queues[i].fetch != NULL ||
				     d->attempts == 0 || d->due_ms <= now_ms))
			return true;
	}
	return false;
}

size_t
outbox_waiting(const struct outbox *ob)
{
	return ob->waiting;
}

size_t
outbox_dead(const struct outbox *ob)
{
	return ob->dead_count;
}

size_t
outbox_dropped(const struct outbox *ob)
{
	return ob->dropped;
}

static void
tell_row(const struct delivery *d, outbox_row_fn *fn, void *ctx)
{
	const bool dead = d->state == DELIVERY_DEAD;

	fn(
	    &(struct outbox_row){
		.id = d->id,
		.action = d->action,
		.incident = d->incident,
		.change = d->change,
		.error =
		    d->error != NULL && d->error[0] != '\0' ? d->error : NULL,
		.dead = dead,
		.attempts = d->attempts,
		.next_ms = dead ? 0 : d->next_ms,
	    },
	    ctx);
}

void
outbox_each(const struct outbox *ob, outbox_row_fn *fn, void *ctx)
{
	const struct delivery *d;

	for (size_t i = 0; i < ob->count; i++)
		TAILQ_FOREACH(d, &ob->queues[i].rows, link)
	tell_row(d, fn, ctx);
	TAILQ_FOREACH(d, &ob->dead, link)
	tell_row(d, fn, ctx);
}

static void
revive(struct outbox *ob, struct delivery *d)
{
	delivery_unlink(ob, d);
	d->state = DELIVERY_WAITING;
	d->attempts = 0;
	d->created_ms = d->next_ms = clock_wall_ms();
	d->due_ms = 0;
	delivery_enqueue(ob, d);
	delivery_changed(ob, d);
}

size_t
outbox_retry(struct outbox *ob, const char *delivery_id, const char *incident)
{
	struct delivery *d, *next;
	size_t count = 0;

	for (d = TAILQ_FIRST(&ob->dead); d != NULL; d = next) {
		next = TAILQ_NEXT(d, link);
		if (d->queue == NULL ||
		    (delivery_id != NULL && strcmp(d->id, delivery_id) != 0) ||
		    (incident != NULL && strcmp(d->incident, incident) != 0))
			continue;
		revive(ob, d);
		count++;
	}
	return count;
}
