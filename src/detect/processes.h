/* SPDX-License-Identifier: MIT */
/**
 * Looks whether the processes that rules name are there: `process`.  An exit is
 * seen at once, through a pidfd; what is new, within two seconds.
 */
#ifndef LOGWATCH_DETECT_PROCESSES_H
#define LOGWATCH_DETECT_PROCESSES_H

#include "conf/key.h"
#include "detect/condition.h"
#include "match/pattern.h"

struct loop;
struct node;
struct processes;

/** Which processes, and how many; one of the three says which. */
struct process_spec {
	struct patterns cmdline; /* of its arguments, a blank between two */
	char *name;              /* its name, or that of its program's file */
	char *pidfile;           /* a file with its number */
	int64_t count;           /* fewer are bad, */
	bool above;              /* or more are */
};

extern const struct key process_keys[];

/** Reads `process` of a rule; owner is for the texts of faults. */
void process_spec_read(
    struct process_spec *s, const struct node *n, const char *owner);
void process_spec_free(struct process_spec *s); /* what is in it */

/** Names of what is captured, NULL-ended: how many were found, and their
 * numbers. */
extern const char *const process_captures[];

/**
 * Told after each look.
 *
 * says  what was found, in words
 */
typedef void process_seen_fn(size_t rule, enum sight sight,
    const struct captures *captures, struct text says, void *ctx);

/**
 * specs  of each rule; NULL: it is of another kind; lent
 *
 * Returns one to free with processes_free(); never NULL.
 */
struct processes *processes_new(struct loop *loop,
    const struct process_spec *const *specs, size_t count, process_seen_fn *fn,
    void *ctx);
void processes_free(struct processes *ps); /* NULL does nothing */
/** Looks now, and from now on where there is a rule. */
void processes_start(struct processes *ps);

#endif
