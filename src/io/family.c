/* SPDX-License-Identifier: MIT */
/*
 * The session and the tree below a child, from /proc.
 */
#include "io/family.h"

#include "base/mem.h"
#include "io/process.h"

#include <signal.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* How often it is looked for who was born meanwhile. */
enum { ROUNDS_MAX = 16 };

struct family {
	pid_t leader;
	struct kin *kin; /* those that run, by rising pid */
	size_t count;
};

struct kin {
	pid_t pid, group;
	int64_t start_time;
	bool stopped; /* it was sent SIGSTOP */
};

struct family *
family_new(pid_t leader)
{
	struct family *f = mem_new(1, sizeof *f);

	f->leader = leader;
	return f;
}

void
family_free(struct family *f)
{
	if (f == NULL)
		return;
	free(f->kin);
	free(f);
}

static int
kin_by_pid(const void *a, const void *b)
{
	const struct kin *k = a, *l = b;

	return (k->pid > l->pid) - (k->pid < l->pid);
}

static int
process_by_pid(const void *a, const void *b)
{
	const struct process *p = a, *q = b;

	return (p->pid > q->pid) - (p->pid < q->pid);
}

static const struct kin *
known(const struct family *f, const struct process *p)
{
	struct kin key = { .pid = p->pid };
	const struct kin *k;

	if (f->count == 0)
		return NULL;
	k = bsearch(&key, f->kin, f->count, sizeof key, kin_by_pid);
	return k != NULL && k->start_time == p->start_time ? k : NULL;
}

static bool
parent_marked(const struct process *list, size_t count, const bool *marked,
    const struct process *p)
{
	struct process key = { .pid = p->parent };
	const struct process *parent =
	    bsearch(&key, list, count, sizeof key, process_by_pid);

	return parent != NULL && marked[parent - list];
}

/* Marks who belongs to the family: its session, who is known, and all below
 * them.  A generation a round. */
static void
mark(const struct family *f, const struct process *list, size_t count,
    bool *marked)
{
	bool found = true;

	for (size_t i = 0; i < count; i++)
		marked[i] = list[i].pid == f->leader ||
		            list[i].session == f->leader ||
		            known(f, &list[i]) != NULL;
	while (found) {
		found = false;
		for (size_t i = 0; i < count; i++) {
			if (marked[i] || list[i].pid == getpid() ||
			    !parent_marked(list, count, marked, &list[i]))
				continue;
			marked[i] = found = true;
		}
	}
}

/* Looks who is there now. */
static void
look(struct family *f)
{
	size_t count, n = 0;
	struct process *list = process_list(&count);
	bool *marked = mem_new(count, sizeof *marked);
	struct kin *kin = mem_new(count, sizeof *kin);

	mark(f, list, count, marked);
	for (size_t i = 0; i < count; i++) {
		const struct kin *k = known(f, &list[i]);

		if (!marked[i] || list[i].ended)
			continue;
		kin[n++] = (struct kin){ list[i].pid, list[i].group,
			list[i].start_time, k != NULL && k->stopped };
	}
	free(f->kin);
	f->kin = kin;
	f->count = n;
	free(marked);
	free(list);
}

static void
kin_signal(const struct kin *k, int signum)
{
	int fd = process_open(k->pid, k->start_time);

	if (fd < 0)
		return;
	pidfd_send_signal(fd, signum, NULL, 0);
	close(fd);
}

/* The leader's own group the kernel signals at one blow, children just being
 * born included. */
static void
signal_all(struct family *f, int signum)
{
	kill(-f->leader, signum);
	for (size_t i = 0; i < f->count; i++)
		if (f->kin[i].group != f->leader)
			kin_signal(&f->kin[i], signum);
}

static bool
stop_the_new(struct family *f)
{
	bool found = false;

	look(f);
	for (size_t i = 0; i < f->count; i++) {
		struct kin *k = &f->kin[i];

		if (k->stopped || k->group == f->leader)
			continue;
		kin_signal(k, SIGSTOP);
		k->stopped = found = true;
	}
	return found;
}

/* Stops them all, until there is nobody new: who is stopped bears no
 * child, which would be nobody's once its parent is killed. */
static void
freeze(struct family *f)
{
	int rounds = ROUNDS_MAX;

	kill(-f->leader, SIGSTOP);
	while (stop_the_new(f) && --rounds > 0)
		;
}

void
family_signal(struct family *f, int signum)
{
	if (signum == SIGKILL) {
		freeze(f);
		signal_all(f, SIGKILL);
	} else {
		look(f);
		signal_all(f, signum);
		signal_all(f, SIGCONT);
	}
}

bool
family_lives(struct family *f)
{
	look(f);
	for (size_t i = 0; i < f->count; i++)
		if (f->kin[i].pid != f->leader)
			return true;
	return false;
}
