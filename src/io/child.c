/* SPDX-License-Identifier: MIT */
/*
 * An exec, two pipes, a pidfd and a time-out.  The zombie is kept until
 * nobody of its session is to be signalled any more: it keeps the pid ours.
 */
#include "io/child.h"

#include "base/mem.h"
#include "io/family.h"
#include "io/feed.h"
#include "io/loop.h"
#include "io/output.h"
#include "io/program.h"
#include "io/ready.h"
#include "io/timer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READ_BYTES = 65536, /* at once; more waits for the next turn */
	LOOK_MS = 100,      /* between looks whether a family still lives */
};

enum child_state {
	CHILD_RUNNING,
	CHILD_CONDEMNED, /* its time is up: SIGTERM went out */
	CHILD_KILLED,    /* its grace too: SIGKILL went out */
	CHILD_OUTLIVED,  /* ended in its grace; some of its family have not */
	CHILD_GONE,      /* waited for */
};

struct child {
	struct loop *loop;
	enum child_state state;
	pid_t pid;
	int pidfd;
	int input_fd;  /* -1: fed */
	int output_fd; /* -1: closed */
	struct on_readable *pid_watch, *output_watch;
	struct feed *feed;
	struct output *output;
	struct timer *timer;
	struct family *family;
	struct at_end *at_end; /* once its owner let go */
	int64_t grace_ms, made_ms, started_ms;
	int64_t kill_ms; /* when its grace is over, once condemned */
	bool whole;      /* its session ends with it */
	bool telling;    /* the end: keeps child_free() from freeing */
	bool free;       /* its owner let go */
	child_end_fn *end;
	child_line_fn *line;
	void *ctx;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
execute(const struct child_spec *spec, struct ready *r, const char *path,
    struct err *err)
{
	const struct ready_program program = { path, spec->argv, spec->envp,
		spec->cwd, spec->user };
	int number = ready_start(r, &program, err);

	return number <= 0 ? number
	                   : program_fault(path, spec->cwd, number, err);
}

/* Returns what it was started by, or NULL with the reason. */
static struct ready *
start(const struct child_spec *spec, struct err *err)
{
	struct ready *r =
	    spec->ready != NULL ? spec->ready : ready_new(spec->stdout_fd, err);
	char *path;

	if (r == NULL)
		return NULL;
	path = program_find(spec->argv[0], spec->envp, spec->cwd, err);
	if (path == NULL || execute(spec, r, path, err) < 0) {
		ready_free(r);
		r = NULL;
	}
	free(path);
	return r;
}

/* Frees what the loop knows of it, and what it holds open. */
static void
child_close(struct child *c)
{
	on_readable_free(c->pid_watch);
	c->pid_watch = NULL;
	on_readable_free(c->output_watch);
	c->output_watch = NULL;
	feed_free(c->feed);
	c->feed = NULL;
	close_fd(&c->pidfd);
	close_fd(&c->input_fd);
	close_fd(&c->output_fd);
}

static void
child_destroy(struct child *c)
{
	child_close(c);
	timer_free(c->timer);
	at_end_free(c->at_end);
	output_free(c->output);
	family_free(c->family);
	free(c);
}

/* Frees it when nobody needs it any more. */
static void
child_settle(struct child *c)
{
	if (c->free && !c->telling && c->state == CHILD_GONE)
		child_destroy(c);
}

/* Waits for good: the zombie goes, and its pid with it. */
static void
child_reap(struct child *c)
{
	siginfo_t info;

	waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG);
	timer_stop(c->timer);
	c->state = CHILD_GONE;
}

static void
line_came(struct text line, void *ctx)
{
	struct child *c = ctx;

	if (c->line != NULL)
		c->line(line, c->ctx);
}

/* Reads at most max bytes.  Returns how many came; -1 where no more will. */
static ssize_t
read_some(struct child *c, size_t max)
{
	char buf[READ_BYTES];
	ssize_t n =
	    read(c->output_fd, buf, max < sizeof buf ? max : sizeof buf);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	output_feed(c->output, (struct text){ buf, (size_t)n });
	return n;
}

static void
output_came(int fd, void *ctx)
{
	struct child *c = ctx;

	(void)fd;
	if (read_some(c, READ_BYTES) >= 0)
		return;
	on_readable_free(c->output_watch);
	c->output_watch = NULL;
	close_fd(&c->output_fd);
}

/* Reads what is in the pipe now, and not what others go on to write. */
static void
drain(struct child *c)
{
	int left = 0;

	if (c->output_fd < 0 || ioctl(c->output_fd, FIONREAD, &left) < 0)
		left = 0;
	while (left > 0) {
		ssize_t n = read_some(c, (size_t)left);

		if (n <= 0)
			break;
		left -= (int)n;
	}
	output_end(c->output);
}

static void
look_later(struct child *c)
{
	int64_t at_ms = clock_now_ms() + LOOK_MS;

	timer_at(c->timer, at_ms < c->kill_ms ? at_ms : c->kill_ms);
}

static void
condemn(struct child *c)
{
	c->state = CHILD_CONDEMNED;
	c->family = family_new(c->pid);
	family_signal(c->family, SIGTERM);
	c->kill_ms = clock_now_ms() + c->grace_ms;
	timer_at(c->timer, c->kill_ms);
}

/* What is left to do for its family decides how long its zombie stays. */
static void
leave_family(struct child *c)
{
	if (c->state == CHILD_CONDEMNED && family_lives(c->family)) {
		c->state = CHILD_OUTLIVED;
		look_later(c);
		return;
	}
	if (c->state == CHILD_KILLED)
		family_signal(c->family, SIGKILL);
	child_reap(c);
}

static void
child_tell(struct child *c, bool known, const siginfo_t *info)
{
	struct child_end end = {
		.signaled = known && info->si_code != CLD_EXITED,
		.code = known ? info->si_status : -1,
		.timed_out = c->state != CHILD_RUNNING,
		.duration_ms = clock_now_ms() - c->started_ms,
	};

	c->telling = true;
	drain(c);
	child_close(c);
	if (c->whole && c->state == CHILD_RUNNING)
		condemn(c);
	leave_family(c);
	end.output = output_text(c->output);
	end.output_bytes = output_bytes(c->output);
	if (c->end != NULL)
		c->end(&end, c->ctx);
	c->telling = false;
	child_settle(c);
}

/* Tells the end where it has come.  Returns whether it has; c may be freed. */
static bool
child_look(struct child *c)
{
	siginfo_t info = { 0 };
	bool known = waitid(P_PID, (id_t)c->pid, &info,
			 WEXITED | WNOHANG | WNOWAIT) == 0;

	if (known && info.si_pid == 0)
		return false;
	child_tell(c, known, &info);
	return true;
}

static void
pidfd_came(int fd, void *ctx)
{
	(void)fd;
	child_look(ctx);
}

/* Its grace holds for who outlives it. */
static void
outlived_look(struct child *c)
{
	if (clock_now_ms() >= c->kill_ms) {
		family_signal(c->family, SIGKILL);
	} else if (family_lives(c->family)) {
		look_later(c);
		return;
	}
	child_reap(c);
	child_settle(c);
}

static void
time_is_up(void *ctx)
{
	struct child *c = ctx;

	switch (c->state) {
	case CHILD_RUNNING:
		if (child_look(c)) /* in time after all */
			break;
		condemn(c);
		break;
	case CHILD_CONDEMNED:
		c->state = CHILD_KILLED;
		family_signal(c->family, SIGKILL);
		break;
	case CHILD_OUTLIVED:
		outlived_look(c);
		break;
	case CHILD_KILLED:
	case CHILD_GONE:
		break;
	}
}

static struct child *
child_new(
    struct loop *l, const struct child_spec *spec, struct ready *r, int pidfd)
{
	struct child *c = mem_new(1, sizeof *c);

	c->loop = l;
	c->pid = ready_pid(r);
	c->pidfd = pidfd;
	c->made_ms = ready_made_ms(r);
	ready_let_go(r, &c->input_fd, &c->output_fd);
	c->grace_ms = spec->grace_ms;
	c->whole = spec->whole;
	c->started_ms = clock_now_ms();
	c->output = output_new(spec->output_max, line_came, c);
	c->timer = timer_new(l, time_is_up, c);
	timer_in(c->timer, spec->timeout_ms);
	return c;
}

struct child *
child_start(struct loop *l, const struct child_spec *spec, child_end_fn *end,
    child_line_fn *line, void *ctx, struct err *err)
{
	struct child *c;
	struct ready *r;
	int pidfd;

	assert(spec->argv[0] != NULL);
	r = start(spec, err);
	if (r == NULL)
		return NULL;
	pidfd = pidfd_open(ready_pid(r), 0);
	if (pidfd < 0) {
		err_set(err, "run %s: pidfd: %m", spec->argv[0]);
		kill(-ready_pid(r), SIGKILL);
		ready_free(r);
		return NULL;
	}
	c = child_new(l, spec, r, pidfd);
	c->end = end;
	c->line = line;
	c->ctx = ctx;
	return c;
}

void
child_feed(struct child *c, struct text input)
{
	int fd = c->input_fd;

	c->input_fd = -1; /* the feed closes it */
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		c->feed = feed_new(c->loop, fd, input);
	c->output_watch =
	    on_readable_new(c->loop, c->output_fd, output_came, c);
	c->pid_watch = on_readable_new(c->loop, c->pidfd, pidfd_came, c);
}

pid_t
child_pid(const struct child *c)
{
	return c->pid;
}

int64_t
child_made_ms(const struct child *c)
{
	return c->made_ms;
}

void
child_stop(struct child *c)
{
	if (c->state == CHILD_RUNNING && c->pidfd >= 0)
		condemn(c);
}

/* The loop ends: who is condemned has had its time, who runs goes on. */
static void
loop_ends(void *ctx)
{
	struct child *c = ctx;

	if (c->family != NULL)
		family_signal(c->family, SIGKILL);
	child_reap(c); /* where it has ended */
	child_destroy(c);
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	c->free = true;
	close_fd(&c->input_fd);
	c->end = NULL;
	c->line = NULL;
	if (c->state == CHILD_RUNNING)
		timer_stop(c->timer);
	if (c->state != CHILD_GONE)
		c->at_end = at_end_new(c->loop, loop_ends, c);
	child_settle(c);
}
