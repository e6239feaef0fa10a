/* SPDX-License-Identifier: MIT */
#include "action/prover.h"

#include "action/exec.h"
#include "base/mem.h"
#include "io/child.h"
#include "io/identity.h"
#include "io/program.h"
#include "io/timer.h"

#include <string.h>

#define EVERY_MS 1000
#define TIMEOUT_MS 10000
#define GRACE_MS 1000

struct prover {
	struct loop *loop;
	const struct action *action;
	char **argv, **envp;
	struct child *child;
	struct timer *next;
	struct err last;
	prover_fn *fn;
	void *ctx;
};

static void
note(struct prover *p, const struct child_end *end)
{
	if (end->timed_out)
		err_set(&p->last, "no end within %d s", TIMEOUT_MS / 1000);
	else if (end->signaled)
		err_set(&p->last, "killed by signal %d (%s)", end->code,
		    strsignal(end->code));
	else
		err_set(&p->last, "exit status %d", end->code);
}

static void
on_end(const struct child_end *end, void *ctx)
{
	struct prover *p = ctx;

	child_free(p->child);
	p->child = NULL;
	if (!end->timed_out && !end->signaled && end->code == 0) {
		p->fn(p->ctx); /* and may free it */
		return;
	}
	note(p, end);
	timer_in(p->next, EVERY_MS);
}

static struct child *
start(struct prover *p)
{
	struct identity user = { 0 };
	struct child *child = NULL;

	if (p->action->user == NULL ||
	    identity_find(p->action->user, &user, &p->last) == 0)
		child = child_start(p->loop,
		    &(struct child_spec){
			.argv = (const char *const *)p->argv,
			.envp = (const char *const *)p->envp,
			.cwd = p->action->cwd,
			.user = p->action->user != NULL ? &user : NULL,
			.timeout_ms = TIMEOUT_MS,
			.grace_ms = GRACE_MS,
			.whole = true,
		    },
		    on_end, NULL, p, &p->last);
	identity_free(&user);
	return child;
}

static void
on_next(void *ctx)
{
	struct prover *p = ctx;

	p->child = start(p);
	if (p->child != NULL)
		child_feed(p->child, TEXT(""));
	else
		timer_in(p->next, EVERY_MS);
}

struct prover *
prover_new(struct loop *l, const struct action *action,
    const struct incident *incident, int64_t wall_ms, prover_fn *fn, void *ctx)
{
	struct prover *p = mem_new(1, sizeof *p);

	p->loop = l;
	p->action = action;
	p->fn = fn;
	p->ctx = ctx;
	p->argv = exec_arguments(&action->prover, incident, wall_ms);
	p->envp = program_environment();
	p->next = timer_new(l, on_next, p);
	timer_in(p->next, 0);
	return p;
}

void
prover_free(struct prover *p)
{
	if (p == NULL)
		return;
	if (p->child != NULL)
		child_stop(p->child);
	child_free(p->child);
	timer_free(p->next);
	exec_texts_free(p->argv);
	exec_texts_free(p->envp);
	free(p);
}

const char *
prover_last(const struct prover *p)
{
	return p->last.text;
}
