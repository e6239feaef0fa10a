/* SPDX-License-Identifier: MIT */
/*
 * All processes are listed every two seconds, and when one that counts has
 * ended: its pidfd tells.  logwatch itself, what started it and what it started
 * never count, nor do the tools with which a person looks at a log or for a
 * process: their arguments name it.
 */
#include "detect/processes.h"

#include "base/log.h"
#include "base/mem.h"
#include "conf/node.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/timer.h"
#include "match/rule.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 2000
#define COUNT_MAX 10000
#define SHOWN_MAX 50 /* numbers that are told */
#define WATCHED_MAX                                                            \
	256 /* processes; an exit of more is seen within LOOK_MS               \
	     */

const char *const process_captures[] = { "found", "pids", NULL };

static const struct key count_keys[] = {
	{ "above", false, .type = KEY_INT, .need = KEY_REQUIRED,
	    .what = "More than these are too many." },
	{ 0 },
};

const struct key process_keys[] = {
	{ "cmdline", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF,
	    .what = "Matches their arguments with a blank between two." },
	{ "name", false, .type = KEY_TEXT, .need = KEY_ONE_OF,
	    .what = "Their name, as ps has it, or that of their program's "
		    "file." },
	{ "pidfile", false, .type = KEY_TEXT, .need = KEY_ONE_OF,
	    .what = "A file with the number of one." },
	{ "count", false, .type = KEY_INT, .keys = count_keys, .fallback = "1",
	    .what = "How many have to be there." },
	{ 0 },
};

static const struct synonym process_words[] = {
	{ "command", "cmdline" },
	{ "match", "cmdline" },
	{ "pattern", "cmdline" },
	{ "regex", "cmdline" },
	{ "comm", "name" },
	{ "exe", "name" },
	{ "pid_file", "pidfile" },
	{ NULL, NULL },
};

/* Tools whose arguments are what they look at. */
static const char *const tools[] = { "ag", "awk", "bat", "cat", "egrep",
	"emacs", "fgrep", "gawk", "grep", "head", "joe", "less", "mawk",
	"mcedit", "micro", "more", "most", "nano", "nvim", "pgrep", "pkill",
	"rg", "sed", "ssh", "strace", "tail", "tee", "vi", "view", "vim",
	"vim.basic", "vim.tiny", "watch" };

static void
count_read(struct process_spec *s, const struct node *n, const char *owner)
{
	if (n == NULL)
		return;
	if (node_kind(n) != NODE_MAP) {
		node_int(n, 1, COUNT_MAX, &s->count);
		return;
	}
	if (!node_keys(n, count_keys, NULL, owner))
		return;
	s->above = true;
	node_int(node_get(n, "above"), 0, COUNT_MAX, &s->count);
	if (node_lacks(n, "above", count_keys))
		node_error(n, "%s: count: needs 'above'", owner);
}

void
process_spec_read(
    struct process_spec *s, const struct node *n, const char *owner)
{
	const char *text;
	int ways = 0;

	s->count = 1;
	if (!node_keys(n, process_keys, process_words, owner))
		return;
	for (const struct key *k = process_keys; k->name != NULL; k++)
		ways += strcmp(k->name, "count") != 0 &&
		        node_get(n, k->name) != NULL;
	patterns_read(&s->cmdline, node_get(n, "cmdline"), owner);
	if (node_text(node_get(n, "name"), &text))
		s->name = mem_text(text);
	if (node_text(node_get(n, "pidfile"), &text))
		s->pidfile = mem_text(text);
	if ((s->name != NULL && s->name[0] == '\0') ||
	    (s->pidfile != NULL && s->pidfile[0] == '\0'))
		node_error(n, "%s: an empty text names none", owner);
	count_read(s, node_get(n, "count"), owner);
	if (ways > 1)
		node_error(n,
		    "%s: one of 'cmdline', 'name' and 'pidfile' says which, "
		    "not several",
		    owner);
	if (ways == 0 && node_lacks(n, "cmdline", process_keys))
		node_error(
		    n, "%s: needs 'cmdline', 'name' or 'pidfile'", owner);
}

void
process_spec_free(struct process_spec *s)
{
	patterns_free(&s->cmdline);
	free(s->name);
	free(s->pidfile);
}

/* One that counts: its end is waited for. */
struct watched {
	struct process process;
	int fd;
	struct on_readable *ended;
	bool seen; /* in this look */
};

struct processes {
	struct loop *loop;
	const struct process_spec *const *specs;
	size_t count;
	process_seen_fn *fn;
	void *ctx;
	bool any;
	struct timer *timer;
	struct turn *turn;
	struct watched *watched;
	size_t watched_count;
	bool blind; /* no process can be seen; said */
};

/* What is there in one look. */
struct look {
	const struct process *all;
	size_t count;
	bool *counts; /* none of ours, and no zombie */
};

static void on_time(void *ctx);
static void on_turn(void *ctx);

struct processes *
processes_new(struct loop *loop, const struct process_spec *const *specs,
    size_t count, process_seen_fn *fn, void *ctx)
{
	struct processes *ps = mem_new(1, sizeof *ps);

	ps->loop = loop;
	ps->specs = specs;
	ps->count = count;
	ps->fn = fn;
	ps->ctx = ctx;
	for (size_t i = 0; i < count; i++)
		ps->any |= specs[i] != NULL;
	ps->timer = timer_new(loop, on_time, ps);
	ps->turn = turn_new(loop, on_turn, ps);
	ps->watched = mem_new(WATCHED_MAX, sizeof *ps->watched);
	return ps;
}

static void
unwatch(struct watched *w)
{
	on_readable_free(w->ended);
	close(w->fd);
}

void
processes_free(struct processes *ps)
{
	if (ps == NULL)
		return;
	for (size_t i = 0; i < ps->watched_count; i++)
		unwatch(&ps->watched[i]);
	free(ps->watched);
	timer_free(ps->timer);
	turn_free(ps->turn);
	free(ps);
}

/* A pidfd is readable from the end of its process on. */
static void
on_end(int fd, void *ctx)
{
	struct processes *ps = ctx;

	for (size_t i = 0; i < ps->watched_count; i++)
		if (ps->watched[i].fd == fd) {
			on_readable_free(ps->watched[i].ended);
			ps->watched[i].ended = NULL;
		}
	turn_ask(ps->turn);
}

/* Waits for the end of one that counts. */
static void
watch(struct processes *ps, const struct process *p)
{
	struct watched *w;
	int fd;

	for (size_t i = 0; i < ps->watched_count; i++)
		if (ps->watched[i].process.pid == p->pid &&
		    ps->watched[i].process.start_time == p->start_time) {
			ps->watched[i].seen = true;
			return;
		}
	if (ps->watched_count == WATCHED_MAX)
		return;
	fd = process_open(p->pid, p->start_time);
	if (fd < 0) /* gone already, or there are none to be had */
		return;
	w = &ps->watched[ps->watched_count++];
	*w = (struct watched){ *p, fd, NULL, true };
	w->ended = on_readable_new(ps->loop, fd, on_end, ps);
}

static void
unwatch_others(struct processes *ps)
{
	size_t kept = 0;

	for (size_t i = 0; i < ps->watched_count; i++) {
		if (!ps->watched[i].seen) {
			unwatch(&ps->watched[i]);
			continue;
		}
		ps->watched[kept] = ps->watched[i];
		ps->watched[kept++].seen = false;
	}
	ps->watched_count = kept;
}

static size_t
find(const struct look *l, pid_t pid)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->all[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->count && l->all[low].pid == pid ? low : l->count;
}

/* Whether one was started by logwatch.  As the first process of a container it
 * is the parent of all whose parent is gone: those are not. */
static bool
is_started(const struct look *l, size_t i)
{
	pid_t self = getpid();

	for (size_t steps = 0; self != 1 && i < l->count && steps < l->count;
	     steps++) {
		if (l->all[i].parent == self)
			return true;
		i = find(l, l->all[i].parent);
	}
	return false;
}

static void
leave_out(struct look *l)
{
	size_t i = find(l, getpid());

	for (size_t k = 0; k < l->count; k++)
		l->counts[k] = !l->all[k].ended && !is_started(l, k);
	for (size_t steps = 0; i < l->count && steps < l->count; steps++) {
		l->counts[i] = false;
		i = find(l, l->all[i].parent);
	}
}

static bool
is_tool(const char *name)
{
	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
		if (strcmp(name, tools[i]) == 0)
			return true;
	return false;
}

/* The file name of the first argument. */
static struct text
program_of(struct text command)
{
	const char *blank =
	    command.len > 0 ? memchr(command.data, ' ', command.len) : NULL;
	const char *slash;

	if (blank != NULL)
		command.len = (size_t)(blank - command.data);
	slash =
	    command.len > 0 ? memrchr(command.data, '/', command.len) : NULL;
	if (slash == NULL)
		return command;
	return (struct text){ slash + 1,
		(size_t)(command.data + command.len - slash - 1) };
}

/* Whether a process is meant. */
static enum match_result
is_meant(const struct process_spec *s, const struct process *p)
{
	char name[PROCESS_NAME_SIZE];
	struct str command = { 0 };
	enum match_result result = MATCH_NO;

	if (!process_name(p->pid, name) || !process_command(p->pid, &command)) {
		str_free(&command);
		return MATCH_NO;
	}
	if (s->name != NULL) {
		if (strcmp(name, s->name) == 0 ||
		    text_is(program_of(str_text(&command)), s->name))
			result = MATCH_YES;
	} else if (!is_tool(name)) {
		result =
		    patterns_match(&s->cmdline, str_text(&command), NULL, NULL);
	}
	str_free(&command);
	return result;
}

/* The number in a pidfile; 0: there is none. */
static pid_t
pid_in(const char *path)
{
	char buf[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	long pid;

	if (fd < 0)
		return 0;
	if (read(fd, buf, sizeof buf - 1) < 0)
		buf[0] = '\0';
	close(fd);
	pid = strtol(buf, NULL, 10);
	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* What a look finds for one rule. */
struct findings {
	size_t found;
	struct str pids;
	bool unknown; /* a pattern gave up */
};

static void
count_one(struct processes *ps, struct findings *f, const struct process *p)
{
	if (f->found++ < SHOWN_MAX)
		str_printf(
		    &f->pids, "%s%d", f->pids.len > 0 ? " " : "", (int)p->pid);
	watch(ps, p);
}

static void
count_all(struct processes *ps, const struct process_spec *s,
    const struct look *l, struct findings *f)
{
	size_t i;

	if (s->pidfile != NULL) {
		i = find(l, pid_in(s->pidfile));
		if (i < l->count && l->counts[i])
			count_one(ps, f, &l->all[i]);
		return;
	}
	for (i = 0; i < l->count; i++) {
		if (!l->counts[i])
			continue;
		switch (is_meant(s, &l->all[i])) {
		case MATCH_YES:
			count_one(ps, f, &l->all[i]);
			break;
		case MATCH_FAILED:
			f->unknown = true;
			break;
		case MATCH_NO:
			break;
		}
	}
}

static void
tell(struct processes *ps, size_t rule, const struct look *l)
{
	const struct process_spec *s = ps->specs[rule];
	struct findings f = { 0 };
	char found[32];
	struct str says = { 0 };
	struct captures captures;
	bool bad;

	count_all(ps, s, l, &f);
	bad =
	    s->above ? f.found > (size_t)s->count : f.found < (size_t)s->count;
	snprintf(found, sizeof found, "%zu", f.found);
	str_printf(&says, "%zu process%s found, %s %" PRId64 "%s%.*s", f.found,
	    f.found == 1 ? "" : "es", s->above ? "at most" : "at least",
	    s->count, f.found > 0 ? ": pid " : "", (int)f.pids.len,
	    f.pids.len > 0 ? f.pids.data : "");
	captures.count = 0;
	captures_add(&captures, "found", text_of(found));
	captures_add(&captures, "pids", str_text(&f.pids));
	ps->fn(rule,
	    f.unknown ? SIGHT_UNKNOWN
	    : bad     ? SIGHT_BAD
		      : SIGHT_GOOD,
	    &captures, str_text(&says), ps->ctx);
	str_free(&says);
	str_free(&f.pids);
}

static void
tell_blind(struct processes *ps)
{
	const struct captures none = { .count = 0 };

	if (!ps->blind)
		log_error("no process can be seen, whether those that rules "
			  "name are there is not known; mount proc on /proc");
	ps->blind = true;
	for (size_t i = 0; i < ps->count; i++)
		if (ps->specs[i] != NULL)
			ps->fn(i, SIGHT_UNKNOWN, &none, TEXT(""), ps->ctx);
}

static void
look(struct processes *ps)
{
	struct look l;
	struct process *all = process_list(&l.count);

	l.all = all;
	l.counts = mem_new(l.count, sizeof *l.counts);
	leave_out(&l);
	if (l.count == 0)
		tell_blind(ps);
	else
		ps->blind = false;
	for (size_t i = 0; i < ps->count && l.count > 0; i++)
		if (ps->specs[i] != NULL)
			tell(ps, i, &l);
	unwatch_others(ps);
	free(l.counts);
	free(all);
}

static void
on_turn(void *ctx)
{
	look(ctx);
}

static void
on_time(void *ctx)
{
	struct processes *ps = ctx;

	timer_in(ps->timer, LOOK_MS);
	look(ps);
}

void
processes_start(struct processes *ps)
{
	if (ps->any)
		on_time(ps);
}
