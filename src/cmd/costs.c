/* SPDX-License-Identifier: MIT */
/*
 * Whether a pattern is looked for with all others decides most: if so, it is
 * held to the few lines that it could match.  How long PCRE2 takes for a line
 * is measured on lines of the kind that logs are full of.
 */
#include "cmd/costs.h"

#include "base/mem.h"
#include "match/literal.h"
#include "match/prefilter.h"
#include "ruleset.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS_MAX 1000
#define MEASURE_NS 2000000 /* a pattern at least */

static const char *const lines[] = {
	"[Nest] 4711  - 11/23/2026, 7:58:48 PM     LOG [MessageQueue] Job 7 "
	"with name WorkflowCronTriggerCronJob processed on queue cron-queue",
	"{\"level\":\"info\",\"time\":1763927928000,\"pid\":4711,\"msg\":"
	"\"request completed\",\"status\":200,\"ms\":12}",
	"query: SELECT \"id\", \"name\" FROM \"workspace_1\".\"note\" WHERE "
	"\"id\" = $1 LIMIT 60 -- PARAMETERS: [\"3c5cb8a4a83a16db\"]",
	"    at processTicksAndRejections "
	"(node:internal/process/task_queues:95)",
	"2026-11-23T19:58:48.123Z warn: retrying in 5s, attempt=3 of 10",
	"10.0.0.9 - - [23/Nov/2026:19:58:48 +0000] \"GET /rest HTTP/1.1\" 200 "
	"157 \"-\" \"curl/7.88.1\"",
	"Nov 23 19:58:48 crm-1 sshd[99]: Accepted publickey for deploy from "
	"192.0.2.9 port 5522 ssh2",
	"",
};

struct cost {
	const char *rule, *part;
	struct pattern *pattern;
};

struct costs {
	struct cost *v;
	size_t count;
	struct prefilter *prefilter; /* NULL: there is none */
	struct err why;              /* then */
};

static void
add_all(struct costs *cs, const char *rule, const char *part,
    const struct patterns *ps)
{
	for (size_t i = 0; i < ps->count; i++) {
		cs->v = mem_resize(cs->v, cs->count + 1, sizeof *cs->v);
		cs->v[cs->count++] = (struct cost){ rule, part, ps->v[i] };
	}
}

static void
collect(struct costs *cs, const struct ruleset *rs)
{
	struct prefilter_want *wants;
	struct literal_choices *choices;

	for (size_t i = 0; i < rs->rule_count; i++) {
		const struct rule *r = &rs->rules[i];

		add_all(cs, r->id, "match", &r->parts[PART_MATCH]);
		add_all(cs, r->id, "followed_by", &r->parts[PART_SECOND]);
		add_all(cs, r->id, "resolve", &r->parts[PART_RESOLVE]);
	}
	wants = mem_new(cs->count, sizeof *wants);
	choices = mem_new(cs->count, sizeof *choices);
	for (size_t i = 0; i < cs->count; i++) {
		wants[i].pattern = pattern_text(cs->v[i].pattern);
		literals_find(wants[i].pattern, &choices[i]);
		wants[i].instead = literals_choose(&choices[i], TEXT(""));
	}
	cs->prefilter = prefilter_new(wants, cs->count, &cs->why);
	free(choices);
	free(wants);
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
line_ns(struct pattern *p)
{
	int64_t start = cpu_ns(), now = start;
	int64_t asked = 0;

	for (int round = 0; round < ROUNDS_MAX && now - start < MEASURE_NS;
	     round++) {
		for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
			pattern_match(p, text_of(lines[i]), NULL, NULL);
		asked += sizeof lines / sizeof *lines;
		now = cpu_ns();
	}
	return (now - start) / asked;
}

static void
print_one(const struct costs *cs, size_t i, bool json)
{
	static const char *const words[] = {
		[PREFILTER_EXACT] = "is looked for with all others",
		[PREFILTER_LOOSE] = "is looked for with all others, but wider",
		[PREFILTER_TEXT] =
		    "is looked for by a text that each match of it holds",
		[PREFILTER_NONE] = "is held to every event",
	};
	static const char *const covers[] = { "exact", "wider", "text",
		"none" };
	const struct cost *c = &cs->v[i];
	enum prefilter_cover cover = cs->prefilter == NULL
	                                 ? PREFILTER_NONE
	                                 : prefilter_covers(cs->prefilter, i);
	const char *why = cs->prefilter == NULL
	                      ? "there is no prefilter"
	                      : prefilter_why(cs->prefilter, i);
	int64_t ns = line_ns(c->pattern);
	bool jit = pattern_is_jit(c->pattern);
	struct text text = pattern_text(c->pattern);
	json_t *object;

	if (!json) {
		printf("rule '%s': %s '%.*s' %s%s%s; %" PRId64
		       " ns an event of it%s\n",
		    c->rule, c->part, (int)text.len, text.data, words[cover],
		    why != NULL ? ", for " : "", why != NULL ? why : "", ns,
		    jit ? "" : ", for it is interpreted");
		return;
	}
	object = json_pack("{s:s, s:s, s:s%, s:s, s:s?, s:b, s:I}", "rule",
	    c->rule, "part", c->part, "pattern", text.data, text.len, "cover",
	    covers[cover], "why", why, "jit", (int)jit, "ns", (json_int_t)ns);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

void
costs_print(const struct ruleset *rs, bool json)
{
	struct costs cs = { 0 };

	collect(&cs, rs);
	if (cs.prefilter == NULL && !json)
		printf("every pattern is held to every event, which is slow: "
		       "%s\n",
		    cs.why.text);
	for (size_t i = 0; i < cs.count; i++)
		print_one(&cs, i, json);
	prefilter_free(cs.prefilter);
	free(cs.v);
}
