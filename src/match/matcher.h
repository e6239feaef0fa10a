/* SPDX-License-Identifier: MIT */
/**
 * The second step: blocks -> events -> hits.  Opens nothing, asks nobody the
 * time; what it cannot decide (a match limit) it counts and tells.
 */
#ifndef LOGWATCH_MATCH_MATCHER_H
#define LOGWATCH_MATCH_MATCHER_H

#include "event/context.h"
#include "match/rule.h"

struct block;
struct matcher;

/** How a source's lines become events; lent, and must outlive the matcher. */
struct event_source {
	struct patterns start; /* multiline: {start}; none: not used */
	struct patterns cont;  /* multiline: {continue} */
	size_t max_lines;
	size_t max_bytes;
	int64_t timeout_ms;
	bool strip;
	char *message; /* lines are JSON objects, and patterns see this field;
	                  NULL: they are text */
};

/** An action's `verify`, by index of the action; lent likewise. */
struct proof {
	bool *sources; /* NULL: it has none */
	struct patterns patterns;
};

struct matcher_spec {
	const struct rule *rules;
	size_t rule_count;
	const struct event_source *sources;
	size_t source_count;
	const struct proof *proofs;
	size_t proof_count;
	size_t context_lines; /* remembered before an event */
	uint64_t sieve_after; /* MATCHER_SIEVE_AFTER, or another number of bytes
	                         of a source after which its lines are sieved:
	                         before, each is held to each pattern */
};

/* For less, making a sieve takes longer than doing without. */
#define MATCHER_SIEVE_AFTER (256 * 1024)

/** What keeps events from being held to patterns, and lines from being
 * sieved. */
struct matcher_reports {
	/** A pattern gave up on an event: neither hit nor miss.  For
	 * PART_JOIN on a line, which is an event of its own then. */
	void (*failed)(
	    size_t index, enum part part, const struct event *event, void *ctx);
	/** A pattern keeps giving up: it is not asked about the next `events`
	 * events, which are neither hits nor misses; for an exception, hits
	 * all.  NULL: nobody wants to know. */
	void (*suspended)(size_t index, enum part part,
	    const struct event *event, uint64_t events, void *ctx);
	/** The lines of a source cannot be sieved: each is held to each
	 * pattern, which is slower.  Not told of a program that was built
	 * so.  NULL: nobody wants to know. */
	void (*unsieved)(size_t source, const char *why, void *ctx);
	void *ctx;
};

struct matcher_callbacks {
	/** In the order of events in their file; for one event in the order of
	 * the parts, then of the rules. */
	hit_fn *hit;
	void *ctx;
	struct matcher_reports reports;
};

struct matcher *matcher_new(
    const struct matcher_spec *spec, const struct matcher_callbacks *callbacks);
void matcher_free(struct matcher *m); /* NULL does nothing */

/**
 * Says whether a part is asked for at all: PART_MATCH always is, the others
 * only once switched on (while there is something to prove, to resolve or to
 * complete), so that what nobody waits for costs nothing.
 */
void matcher_want(struct matcher *m, enum part part, size_t index, bool wanted);

/** Takes in a block; hits are told before it returns, but for events that may
 * go on in the next block. */
void matcher_feed(struct matcher *m, const struct block *block, int64_t now_ms,
    int64_t wall_ms);
/** What was found out of one block beforehand. */
struct matcher_look;
/** For blocks of one source; NULL where their lines are not sieved, or not yet:
 * matcher_feed() decides that with `block`, the first of which there is.  Free
 * with matcher_look_free(), before the matcher. */
struct matcher_look *matcher_look_new(
    struct matcher *m, const struct block *block);
void matcher_look_free(struct matcher_look *look); /* NULL does nothing */
/** Looks through a block, on any thread: it changes nothing but `look`. */
void matcher_look(struct matcher_look *look, const struct block *block);
/** matcher_feed() with a block that was looked through. */
void matcher_feed_looked(
    struct matcher *m, const struct block *block, struct matcher_look *look);

/** A file ended: what waits of it is an event; forgets the file. */
void matcher_end(struct matcher *m, uint64_t file);
/** All files: what waits is an event. */
void matcher_flush(struct matcher *m);

int64_t matcher_due(const struct matcher *m); /* INT64_MAX: not at all */
void matcher_tick(struct matcher *m, int64_t now_ms);

/** Where the event that waits in a file starts; false: none waits. */
bool matcher_pending(
    const struct matcher *m, uint64_t file, int64_t *offset, int64_t *line);

/** The lines before an event. */
void matcher_before(const struct matcher *m, const struct event *event,
    context_line_fn *fn, void *ctx);

#endif
