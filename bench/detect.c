/* SPDX-License-Identifier: MIT */
/*
 * What detecting costs: hits of 500 rules with windows over 100,000 keys go
 * through detect and incident, as the matcher would hand them over, and what
 * changed is told as for saving.  One thread.
 *
 *   detect    prints JSON
 *
 * Each key is hit every 20 seconds of the simulated clock, so that its window
 * of a minute holds three hits.  Of a tenth of the rules that is enough, and
 * their incidents are open; the others want five.
 */
#include "base/mem.h"
#include "detect/key.h"
#include "incident/judge.h"
#include "ruleset.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RULES 500
#define KEYS 200       /* of each */
#define ROUNDS 30      /* hits of each key */
#define ROUND_MS 20000 /* from one to the next */
#define HITS_SAVED 500 /* about as many as a block holds */
#define START_MS INT64_C(1760688000000)

struct bench {
	struct ruleset *rs;
	struct judge *judge;
	int64_t now_ms;
	uint64_t opened, refused, saved, bytes;
};

static struct ruleset *
make_rules(int enough)
{
	struct str text = { 0 }, path = { 0 };
	int fd = memfd_create("rules", MFD_CLOEXEC);
	struct diag *diag = diag_new();
	struct ruleset *rs;
	struct err err;
	const char *paths[1];

	str_puts(&text, "version: 1\nsources: {a: {path: a.log}}\nrules:\n");
	for (int i = 0; i < RULES; i++)
		str_printf(&text,
		    "- {id: rule-%d, match: 'rule %d fails for (?<user>\\S+)',"
		    " key: [user], threshold: {count: %d, within: 1m},"
		    " summary: '{{user}} fails', resolve: manual}\n",
		    i, i, i % 10 == 0 ? enough : 5);
	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
		abort();
	str_printf(&path, "/proc/self/fd/%d", fd);
	paths[0] = path.data;
	rs = ruleset_read(paths, 1, diag, &err);
	diag_print(diag, stderr, false);
	if (rs == NULL || diag_errors(diag) > 0)
		exit(3);
	diag_free(diag);
	str_free(&text);
	str_free(&path);
	close(fd);
	return rs;
}

static int64_t
on_now(void *ctx)
{
	return ((struct bench *)ctx)->now_ms;
}

static void
on_change(const struct change *change, void *ctx)
{
	((struct bench *)ctx)->opened += change->kind == CHANGE_OPENED;
}

static void
on_refused(const struct finding *finding, void *ctx)
{
	(void)finding;
	((struct bench *)ctx)->refused++;
}

static void
on_state(const char *rule, struct text key, struct text state, void *ctx)
{
	struct bench *b = ctx;

	(void)rule;
	b->saved++;
	b->bytes += key.len + state.len;
}

static void
on_dirty(struct incident *i, void *ctx)
{
	(void)i;
	((struct bench *)ctx)->saved++;
}

static void
start(struct bench *b, int enough)
{
	const struct judge_callbacks callbacks = {
		.now_ms = on_now,
		.wall_ms = on_now,
		.refused = on_refused,
		.change = on_change,
		.ctx = b,
	};
	struct judge_spec spec;

	*b = (struct bench){ .rs = make_rules(enough), .now_ms = START_MS };
	spec = ruleset_judge(b->rs);
	b->judge = judge_new(&spec, &callbacks);
	judge_begin(b->judge);
}

static void
stop(struct bench *b)
{
	judge_free(b->judge);
	ruleset_free(b->rs);
}

static void
save(struct bench *b)
{
	detectors_changed(judge_detectors(b->judge), on_state, b);
	detectors_saved(judge_detectors(b->judge));
	incidents_dirty(judge_incidents(b->judge), on_dirty, b);
	incidents_saved(judge_incidents(b->judge));
}

static void
hit(struct bench *b, size_t rule, unsigned key)
{
	char line[80];
	int len = snprintf(
	    line, sizeof line, "rule %zu fails for user-%06u", rule, key);
	const char *user = strrchr(line, ' ') + 1;
	struct captures captures = { .count = 0 };
	struct event event = {
		.file = 1,
		.path = "a.log",
		.text = { line, (size_t)len },
		.wall_ms = b->now_ms,
	};
	const struct hit h = {
		.index = rule,
		.part = PART_MATCH,
		.event = &event,
		.captures = &captures,
		.span = event.text,
	};

	captures_add(&captures, "user", text_of(user));
	detectors_hit(judge_detectors(b->judge), &h, b->now_ms);
}

/* Each key of each rule once, neighbours far apart. */
static void
run_round(struct bench *b)
{
	const int64_t from_ms = b->now_ms;

	for (unsigned i = 0; i < RULES * KEYS; i++) {
		unsigned n = (unsigned)((uint64_t)i * 7919 % (RULES * KEYS));

		b->now_ms = from_ms + (int64_t)i * ROUND_MS / (RULES * KEYS);
		hit(b, n % RULES, n / RULES);
		if (i % HITS_SAVED == HITS_SAVED - 1)
			save(b);
	}
	b->now_ms = from_ms + ROUND_MS;
}

static size_t
heap(void)
{
	return mallinfo2().uordblks;
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int
main(void)
{
	struct bench b;
	size_t before, after;
	double from, took;

	start(&b, 5);
	before = heap();
	for (int i = 0; i < 4; i++)
		run_round(&b);
	after = heap();
	printf("{\"keys\": %d, \"bytes_a_key\": %.1f, ", RULES * KEYS,
	    (double)(after - before) / (RULES * KEYS));
	if (b.opened != 0)
		abort();
	stop(&b);
	start(&b, 3);
	for (int i = 0; i < 4; i++)
		run_round(&b);
	b.saved = b.bytes = 0;
	from = seconds();
	for (int i = 0; i < ROUNDS; i++)
		run_round(&b);
	took = seconds() - from;
	printf("\"hits\": %d, \"seconds\": %.3f, \"hits_a_second\": %.0f, "
	       "\"open\": %" PRIu64 ", \"saved\": %" PRIu64
	       ", \"saved_bytes\": %" PRIu64 "}\n",
	    ROUNDS * RULES * KEYS, took, ROUNDS * RULES * KEYS / took, b.opened,
	    b.saved, b.bytes);
	if (b.opened != RULES / 10 * KEYS || b.refused != 0)
		abort();
	stop(&b);
	return 0;
}
