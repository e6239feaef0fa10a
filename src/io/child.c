/* SPDX-License-Identifier: MIT */
/*
 * posix_spawn, two pipes, a pidfd and a time-out.  The zombie is kept until
 * nobody of its session is to be signalled any more: it keeps the pid ours.
 */
#include "io/child.h"

#include "base/mem.h"
#include "io/family.h"
#include "io/feed.h"
#include "io/loop.h"
#include "io/output.h"
#include "io/program.h"
#include "io/timer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
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
	int64_t grace_ms, started_ms;
	int64_t kill_ms; /* when its grace is over, once condemned */
	bool whole;      /* its session ends with it */
	bool telling;    /* the end: keeps child_free() from freeing */
	bool free;       /* its owner let go */
	child_end_fn *end;
	child_line_fn *line;
	void *ctx;
};

/* Our ends and the child's, of both pipes. */
struct pipes {
	int input[2], output[2];
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
pipes_close(struct pipes *p)
{
	close_fd(&p->input[0]);
	close_fd(&p->input[1]);
	close_fd(&p->output[0]);
	close_fd(&p->output[1]);
}

static int
pipes_open(struct pipes *p, struct err *err)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 } };
	if (pipe2(p->input, O_CLOEXEC) < 0 || pipe2(p->output, O_CLOEXEC) < 0) {
		err_set(err, "pipe: %m");
		pipes_close(p);
		return -1;
	}
	return 0;
}

/* Where 0, 1 or 2 were closed here, the read end of the input pipe may be one
 * of them, and the write end of the output pipe none: so in this order. */
static void
set_files(posix_spawn_file_actions_t *files, const struct child_spec *spec,
    const struct pipes *p)
{
	int out = spec->stdout_fd != NULL ? *spec->stdout_fd : p->output[1];
	int no_memory =
	    posix_spawn_file_actions_init(files) ||
	    posix_spawn_file_actions_adddup2(files, p->input[0], 0) ||
	    posix_spawn_file_actions_adddup2(files, out, 1) ||
	    posix_spawn_file_actions_adddup2(files, p->output[1], 2) ||
	    posix_spawn_file_actions_addclosefrom_np(files, 3) ||
	    (spec->cwd != NULL &&
		posix_spawn_file_actions_addchdir_np(files, spec->cwd));

	if (no_memory)
		mem_check(NULL);
}

static bool
set_policy(int policy)
{
	return sched_setscheduler(0, policy, &(struct sched_param){ 0 }) == 0;
}

/*
 * The child starts on our processor, and its exec, which wakes us, is half of
 * its way: there we would push it aside, and it came later by all that we do.
 * Who is of SCHED_BATCH waits for its turn: see sched(7).  Whatever else
 * logwatch was started with stays.
 */
static bool
step_back(void)
{
	return sched_getscheduler(0) == SCHED_OTHER && set_policy(SCHED_BATCH);
}

/* stepped: the child is not to inherit that */
static void
set_attributes(posix_spawnattr_t *attributes, bool stepped)
{
	sigset_t all, none;

	memset(&all, 0xff, sizeof all); /* sigfillset() leaves out two of
	                                   glibc's own, which posix_spawn()
	                                   would then set to be ignored */
	sigemptyset(&none);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setschedpolicy(attributes, SCHED_OTHER);
	posix_spawnattr_setflags(
	    attributes, (short)(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
				POSIX_SPAWN_SETSIGMASK |
				(stepped ? POSIX_SPAWN_SETSCHEDULER : 0)));
}

/* Returns the pid, or -1 with the reason. */
static pid_t
spawn(const struct child_spec *spec, const struct pipes *p, struct err *err)
{
	char *program = program_find(spec->argv[0], spec->envp, spec->cwd, err);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	bool stepped;
	pid_t pid;
	int number;

	if (program == NULL)
		return -1;
	set_files(&files, spec, p);
	stepped = step_back();
	set_attributes(&attributes, stepped);
	/* it does not write to them: POSIX says why they are not const */
	number = posix_spawn(&pid, program, &files, &attributes,
	    (char *const *)spec->argv, (char *const *)spec->envp);
	if (stepped)
		set_policy(SCHED_OTHER);
	if (number != 0)
		program_fault(program, spec->cwd, number, err);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	free(program);
	return number == 0 ? pid : -1;
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
child_new(struct loop *l, const struct child_spec *spec, pid_t pid, int pidfd,
    struct pipes *p)
{
	struct child *c = mem_new(1, sizeof *c);

	c->loop = l;
	c->pid = pid;
	c->pidfd = pidfd;
	c->input_fd = p->input[1];
	c->output_fd = p->output[0];
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
	struct pipes p;
	struct child *c;
	pid_t pid;
	int pidfd;

	assert(spec->argv[0] != NULL);
	if (pipes_open(&p, err) < 0)
		return NULL;
	pid = spawn(spec, &p, err);
	if (pid < 0)
		goto failed;
	/* these two make room for the pidfd where descriptors are short */
	close_fd(&p.input[0]);
	close_fd(&p.output[1]);
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		err_set(err, "run %s: pidfd: %m", spec->argv[0]);
		kill(-pid, SIGKILL);
		waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED);
		goto failed;
	}
	c = child_new(l, spec, pid, pidfd, &p);
	c->end = end;
	c->line = line;
	c->ctx = ctx;
	return c;
failed:
	pipes_close(&p);
	return NULL;
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
