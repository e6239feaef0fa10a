/* SPDX-License-Identifier: MIT */
/**
 * The commands, one file each, and what they share.
 */
#ifndef LOGWATCH_CMD_CMD_H
#define LOGWATCH_CMD_CMD_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct ruleset;

/** Exit statuses, as the manual has them. */
enum status {
	STATUS_OK = 0,
	STATUS_NO = 1,     /* the answer is no */
	STATUS_USAGE = 2,  /* wrong usage */
	STATUS_FAILED = 3, /* it could not do its work */
};

/* argv[0] is the name of the command; they return an exit status. */
int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_scan(int argc, char **argv);
int cmd_incidents(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_ack(int argc, char **argv);
int cmd_resolve(int argc, char **argv);
int cmd_retry(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_silence(int argc, char **argv);
int cmd_unsilence(int argc, char **argv);
int cmd_deliveries(int argc, char **argv);

/** The files of --rules, in order. */
struct paths {
	const char **v;
	size_t count;
};
void paths_add(struct paths *ps, const char *path);
void paths_free(struct paths *ps);

/** Says on standard error that the usage is wrong and where help is. */
int usage_wrong(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The rules of --rules.  Returns a rule set to free with ruleset_free(), or
 * NULL where a file cannot be read or has faults, which were said on standard
 * error: STATUS_FAILED. */
struct ruleset *rules_load(const struct paths *paths);
/** As which source a log is to be read: that of --source, which may be NULL
 * where there is but one.  Returns a status. */
int choose_source(const char *command, const struct ruleset *rs,
    const char *name, size_t *source);
/** Which rules are meant: those of --rule, or all.  Sets *wanted to flags by
 * rule, which the caller frees.  Returns a status. */
int choose_rules(const char *command, const struct ruleset *rs,
    const struct paths *ids, bool **wanted);
/** Says on standard error why it could not do its work. */
int failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Whether colours are wanted on a descriptor. */
bool wants_colour(int fd);
/** Text of a log as a terminal may show it. */
void display(struct text text, FILE *out);
/** Whether nobody takes what is printed any more. */
bool output_is_closed(void);
/** Flushes standard output; STATUS_FAILED, said, where it cannot take what was
 * printed, else status. */
int finish_output(int status);

/**
 * Where the state is: --state, else the rule file's `settings.state`, else
 * named after the first rule file in $STATE_DIRECTORY, $XDG_STATE_HOME/logwatch
 * or ~/.local/state/logwatch.
 *
 * Returns a path for the caller to free, or NULL with the reason.
 */
char *state_path(const char *option, const struct ruleset *rs,
    const char *first_rules, struct err *err);

#endif
