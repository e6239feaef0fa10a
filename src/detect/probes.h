/* SPDX-License-Identifier: MIT */
/**
 * Runs the programs that rules name from time to time, and judges what they
 * say: `probe`.  One that cannot say is neither good nor bad.
 */
#ifndef LOGWATCH_DETECT_PROBES_H
#define LOGWATCH_DETECT_PROBES_H

#include "base/err.h"
#include "detect/condition.h"
#include "match/pattern.h"

struct loop;
struct node;
struct probes;

/** What is run, and what of its answer is bad: nothing of it said, an exit
 * status other than 0. */
struct probe_spec {
	char **argv; /* NULL-ended */
	size_t argc;
	int64_t every_ms, timeout_ms;
	bool has_above, has_below;
	double above, below;    /* the number that it prints */
	struct patterns output; /* what it prints matches */
	int64_t not_falling_ms; /* the number is above 0 and was not less than
	                           before for so long; INT64_MAX: not asked */
};

/** Reads `probe` and the keys that go with it of a rule's map; owner is for the
 * texts of faults. */
void probe_spec_read(
    struct probe_spec *s, const struct node *map, const char *owner);
void probe_spec_free(struct probe_spec *s); /* what is in it */

/** Names of what is captured, NULL-ended: its number or last line, its exit
 * status, its output. */
extern const char *const probe_captures[];

/** What came of running it. */
struct probe_answer {
	const char *failure; /* why there is none: it could not be run, or did
	                        not end in time; NULL: there is one */
	int status;          /* its exit status */
	struct text output;  /* well-formed UTF-8 */
	bool cut;            /* it is only the end of what was printed */
};

/** What is remembered of the numbers that came before.  All zero: of none. */
struct probe_memory {
	bool has_last;
	bool sure; /* whether it falls: it did, or not for long enough */
	double last;
	int64_t fell_ms; /* when it was less than before, or first seen, or 0 */
	int64_t seen_ms; /* the last */
};

/** It as text for probe_memory_read(); "" where there is nothing. */
void probe_memory_write(const struct probe_memory *m, struct str *out);
/** The time in which nobody looked does not count.  What is no such text is of
 * none. */
void probe_memory_read(
    struct probe_memory *m, struct text state, int64_t now_ms);

/**
 * Judges an answer.  Pure.
 *
 * why  what is bad, or why it is not known, in words; empty where that will be
 *      known in time
 */
enum sight probe_judge(const struct probe_spec *s, struct probe_memory *m,
    const struct probe_answer *a, int64_t now_ms, struct err *why);

struct probes_callbacks {
	/** After each run. */
	void (*seen)(size_t rule, enum sight sight,
	    const struct captures *captures, struct text says, void *ctx);
	/** It could not tell for PROBE_FAILURES runs in a row, and why; NULL:
	 * it can again. */
	void (*failed)(size_t rule, const char *why, void *ctx);
	/** The time, which goes on after a restart. */
	int64_t (*now_ms)(void *ctx);
	void *ctx;
};

#define PROBE_FAILURES 3

/**
 * specs  of each rule; NULL: it is of another kind; lent
 *
 * Returns one to free with probes_free(); never NULL.
 */
struct probes *probes_new(struct loop *loop,
    const struct probe_spec *const *specs, size_t count,
    const struct probes_callbacks *callbacks);
void probes_free(struct probes *ps); /* NULL does nothing; what runs is ended */
/** Runs each now, and from now on. */
void probes_start(struct probes *ps);

/** Tells the memory that changed since probes_saved(). */
typedef void probe_state_fn(size_t rule, struct text state, void *ctx);
void probes_changed(struct probes *ps, probe_state_fn *fn, void *ctx);
/** What was told is saved. */
void probes_saved(struct probes *ps);
/** Reads back what probes_changed() told of a rule, before the start. */
void probes_restore(struct probes *ps, size_t rule, struct text state);

#endif
