/* SPDX-License-Identifier: MIT */
/**
 * A program whose standard output is a log: kept running, started anew with
 * back-off whenever it ends.
 */
#ifndef LOGWATCH_TAIL_COMMAND_H
#define LOGWATCH_TAIL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct loop;
struct tail_callbacks;

struct command_spec {
	const char *name;        /* its source's; lent */
	size_t source;           /* index of its source */
	const char *const *argv; /* ends with NULL, not empty; lent */
	size_t max_line;         /* bytes */
	bool once;               /* it is not started again */
	uint64_t *last_file;     /* lent: the number of the last file, of which
	                            each run takes the next */
};

/** Makes one; nothing is started yet.  callbacks are told as a tail tells them,
 * and turn also when it is over. */
struct command *command_new(struct loop *l, const struct command_spec *spec,
    const struct tail_callbacks *callbacks);
/** What still runs is ended, at once where the loop does not go on.  NULL does
 * nothing. */
void command_free(struct command *c);

void command_start(struct command *c);
/** Ends it for good: SIGTERM to its session, two seconds later SIGKILL. */
void command_stop(struct command *c);
/** Whether it is neither running nor to be started again. */
bool command_is_over(const struct command *c);

/** Where what its run has not written yet will stand; false: it has none. */
bool command_waits(const struct command *c);
bool command_size(const struct command *c, uint64_t *file, int64_t *size);

/** A command as it may be shown: on one line, quoted where that is needed.
 * Returns text for the caller to free. */
char *command_show(const char *const *argv);

#endif
