/* SPDX-License-Identifier: MIT */
/*
 * It shares our memory until its exec, as after vfork(2), but nobody waits for
 * it meanwhile.  So it may not fail at anything while we run: errno is shared.
 */
#include "io/ready.h"

#include "base/mem.h"
#include "io/identity.h"
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES 32768
#define TAKE_S 1 /* who does not begin within that is stopped, or so */

enum stage { STAGE_WAITING, STAGE_TAKEN, STAGE_FAILED };

struct ready {
	pid_t pid; /* 0: it is none of ours any more */
	int64_t made_ms;
	int input_fd, output_fd; /* our ends of its pipes */
	int stdout_fd;           /* -1: as its standard error */
	int files[3];            /* what becomes its 0, 1 and 2 */

	/* what it is to do, and how far it is */
	const struct ready_program *program;
	_Atomic enum stage stage;
	int number;      /* of the error; 0: none */
	_Atomic int tid; /* the kernel makes it 0, and wakes who waits for
	                    that, when it shares our memory no more */
	char stack[STACK_BYTES] __attribute__((aligned(16)));
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Those that were caught would run in our memory, those that are ignored stay
 * so after the exec.  By the system call: sigaction(2) refuses the two that
 * glibc keeps for itself, which may be ignored all the same by whoever started
 * us.  SIGKILL and SIGSTOP cannot be set. */
static void
signals_reset(void)
{
	static const struct {
		uint64_t handler, flags, restorer, mask; /* as the kernel's */
	} by_default;
	sigset_t none;

	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			syscall(SYS_rt_sigaction, i, &by_default, NULL,
			    sizeof by_default.mask);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
file_set(int from, int to)
{
	if (from == to)
		fcntl(to, F_SETFD, 0);
	else
		dup2(from, to);
}

/* Where 0, 1 or 2 were closed here, the read end of the input pipe may be one
 * of them, and the write end of the output pipe none: so in this order. */
static void
files_set(const struct ready *r)
{
	for (int i = 0; i < 3; i++)
		file_set(r->files[i], i);
	closefrom(3);
}

/* The process.  Its word to go on is the first byte in its own input; who is
 * gone without a word is logwatch.  read(3) would be a cancellation point of
 * our thread. */
static int
wait_and_execute(void *arg)
{
	struct ready *r = arg;
	const struct ready_program *p;
	char word;

	prctl(PR_SET_NAME, "logwatch-ready");
	setsid();
	files_set(r);
	signals_reset();
	if (syscall(SYS_read, 0, &word, 1) != 1)
		_exit(0);
	r->stage = STAGE_TAKEN;
	p = r->program;
	/* execve() does not write to them: POSIX says why they are not const */
	if ((p->user == NULL || identity_take(p->user) == 0) &&
	    (p->cwd == NULL || chdir(p->cwd) == 0))
		execve(p->path, (char *const *)p->argv, (char *const *)p->envp);
	r->number = errno;
	r->stage = STAGE_FAILED;
	_exit(127);
}

static int
pipe_open(int *read_fd, int *write_fd, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, "pipe: %m");
	*read_fd = fds[0];
	*write_fd = fds[1];
	return 0;
}

static bool
fork_it(struct ready *r)
{
	sigset_t all, before;
	int pid;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pid = clone(wait_and_execute, r->stack + sizeof r->stack,
	    CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, r,
	    &r->tid, NULL, &r->tid);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid > 0)
		r->pid = pid;
	return pid > 0;
}

static int
make(struct ready *r, struct err *err)
{
	int in = -1, out = -1;

	if (pipe_open(&in, &r->input_fd, err) < 0 ||
	    pipe_open(&r->output_fd, &out, err) < 0)
		goto out;
	r->files[0] = in;
	r->files[1] = r->stdout_fd >= 0 ? r->stdout_fd : out;
	r->files[2] = out;
	r->stage = STAGE_WAITING;
	r->made_ms = clock_now_ms();
	if (!fork_it(r))
		err_set(err, "clone: %m");
out:
	close_fd(&in);
	close_fd(&out);
	return r->pid > 0 ? 0 : -1;
}

/* Until it shares our memory no more, or has not begun by then.  Returns
 * whether that has come. */
static bool
wait_for_it(struct ready *r, const struct timespec *time)
{
	int tid;

	while ((tid = r->tid) != 0)
		if (syscall(SYS_futex, &r->tid, FUTEX_WAIT, tid, time) < 0 &&
		    errno == ETIMEDOUT)
			return false;
	return true;
}

static void
end_it(struct ready *r)
{
	kill(r->pid, SIGKILL);
	wait_for_it(r, NULL);
}

static void
clear(struct ready *r)
{
	if (r->pid > 0) {
		end_it(r);
		waitid(P_PID, (id_t)r->pid, &(siginfo_t){ 0 }, WEXITED);
	}
	r->pid = 0;
	close_fd(&r->input_fd);
	close_fd(&r->output_fd);
}

struct ready *
ready_new(const int *stdout_fd, struct err *err)
{
	struct ready *r = mem_new(1, sizeof *r);

	r->input_fd = r->output_fd = -1;
	r->stdout_fd = stdout_fd != NULL ? *stdout_fd : -1;
	if (make(r, err) == 0)
		return r;
	ready_free(r);
	return NULL;
}

void
ready_free(struct ready *r)
{
	if (r == NULL)
		return;
	clear(r);
	free(r);
}

/* Returns whether it has begun, or failed to. */
static bool
go(struct ready *r)
{
	const struct timespec time = { .tv_sec = TAKE_S };

	if (write(r->input_fd, "", 1) != 1 ||
	    (!wait_for_it(r, &time) && r->stage == STAGE_WAITING))
		end_it(r);
	wait_for_it(r, NULL);
	return r->stage != STAGE_WAITING;
}

int
ready_start(
    struct ready *r, const struct ready_program *program, struct err *err)
{
	r->program = program;
	if (go(r))
		return r->number;
	/* somebody has ended it, or stopped it */
	clear(r);
	if (make(r, err) < 0)
		return -1;
	if (go(r))
		return r->number;
	return err_set(err, "somebody ends it before it can start");
}

pid_t
ready_pid(const struct ready *r)
{
	return r->pid;
}

int64_t
ready_made_ms(const struct ready *r)
{
	return r->made_ms;
}

void
ready_let_go(struct ready *r, int *input_fd, int *output_fd)
{
	*input_fd = r->input_fd;
	*output_fd = r->output_fd;
	free(r);
}
