/* SPDX-License-Identifier: MIT */
/*
 * Its output goes through a pipe to a stream; what it says on standard error
 * goes into our own log, so much of it as does not drown the rest.
 */
#include "tail/command.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "io/child.h"
#include "io/loop.h"
#include "io/program.h"
#include "io/timer.h"
#include "tail/stream.h"
#include "tail/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000
#define PROVED_MS 60000  /* it ran so long: the back-off starts anew */
#define GRACE_MS 2000    /* between SIGTERM and SIGKILL */
#define CLOSED_MS 1000   /* for it to end, once its output is closed */
#define SAID_MAX 20      /* lines of standard error logged in */
#define SAID_MS 60000    /* so long */
#define KEPT_BYTES 1     /* of them for child_end, which nobody asks for */
#define SHOWN_BYTES 1024 /* of a command */

enum command_state {
	COMMAND_WAITING, /* to be started */
	COMMAND_RUNNING,
	COMMAND_STOPPING, /* it runs, and is not started again */
	COMMAND_OVER,
};

struct command {
	struct loop *loop;
	struct command_spec spec;
	struct tail_callbacks callbacks;
	enum command_state state;
	char *path; /* of its blocks */
	struct child *child;
	struct stream *stream; /* NULL: closed */
	uint64_t file;
	struct timer *timer; /* to start it again, or to end it */
	int64_t retry_ms;

	int64_t said_ms; /* when the lines below began to be counted */
	uint64_t said;   /* lines since then */
	uint64_t unsaid; /* of those not logged */
};

static void
show_argument(const char *argument, struct str *out)
{
	bool plain = argument[0] != '\0' &&
	             argument[strcspn(argument, " \t\n'\"")] == '\0';

	str_puts(out, plain ? "" : "'");
	for (const char *c = argument; *c != '\0'; c++)
		if (*c == '\'')
			str_puts(out, "'\\''");
		else if (*c == '\n' || *c == '\t')
			str_putc(out, ' ');
		else
			str_putc(out, *c);
	str_puts(out, plain ? "" : "'");
}

char *
command_show(const char *const *argv)
{
	struct str raw = { 0 }, shown = { 0 };
	size_t len;

	for (size_t i = 0; argv[i] != NULL && raw.len < SHOWN_BYTES; i++) {
		str_puts(&raw, i > 0 ? " " : "");
		show_argument(argv[i], &raw);
	}
	utf8_display(str_text(&raw), &shown);
	len = utf8_head_bytes(str_text(&shown), SHOWN_BYTES).len;
	str_free(&raw);
	if (len < shown.len) {
		shown.len = len;
		str_puts(&shown, "...");
	}
	return str_take(&shown);
}

/* Standard error */

static void
say_unsaid(struct command *c)
{
	if (c->unsaid > 0)
		log_warning("lines of the command's standard error were left "
			    "out source=%s lines=%" PRIu64,
		    c->spec.name, c->unsaid);
	c->unsaid = 0;
}

static void
line_came(struct text line, void *ctx)
{
	struct command *c = ctx;
	int64_t now_ms = clock_now_ms();

	if (c->said == 0 || now_ms - c->said_ms >= SAID_MS) {
		say_unsaid(c);
		c->said_ms = now_ms;
		c->said = 0;
	}
	if (c->said++ < SAID_MAX) {
		log_warning("output on standard error source=%s: %.*s",
		    c->spec.name, (int)line.len, line.data);
		return;
	}
	if (c->unsaid++ == 0)
		log_warning("command says too much on standard error, the rest "
			    "of this minute is left out source=%s",
		    c->spec.name);
}

/* Starting and ending */

/* Doubled each time, with jitter, so that many do not come at once. */
static int64_t
next_retry_ms(struct command *c)
{
	int64_t ms = c->retry_ms;

	c->retry_ms = ms * 2 < RETRY_MAX_MS ? ms * 2 : RETRY_MAX_MS;
	return ms * 4 / 5 + (int64_t)arc4random_uniform((uint32_t)ms * 2 / 5);
}

/* Says what happened, and what happens next. */
static void
settle(struct command *c, const char *what, bool expected)
{
	int64_t ms;

	if (c->state == COMMAND_STOPPING || c->spec.once) {
		(expected ? log_info : log_warning)("%s", what);
		c->state = COMMAND_OVER;
		return;
	}
	ms = next_retry_ms(c);
	c->state = COMMAND_WAITING;
	timer_in(c->timer, ms);
	log_warning("%s, retry in %" PRId64 ".%" PRId64 "s", what, ms / 1000,
	    ms % 1000 / 100);
}

static void
child_ended(const struct child_end *end, void *ctx)
{
	struct command *c = ctx;
	struct str what = { 0 };
	struct stream *stream = c->stream;
	bool expected =
	    c->state == COMMAND_STOPPING || (!end->signaled && end->code == 0);

	if (end->duration_ms >= PROVED_MS)
		c->retry_ms = RETRY_MIN_MS;
	str_printf(&what, "command ended source=%s ", c->spec.name);
	if (end->signaled)
		str_printf(&what, "signal=%s", sigabbrev_np(end->code));
	else
		str_printf(&what, "status=%d", end->code);
	str_printf(&what, " after=%" PRId64 "ms", end->duration_ms);
	timer_stop(c->timer);
	child_free(c->child);
	c->child = NULL;
	say_unsaid(c);
	settle(c, what.data, expected);
	str_free(&what);
	if (stream != NULL)
		stream_drain(stream);
	else
		c->callbacks.turn(c->callbacks.ctx);
}

/* All was read; the process is about to end, or should be. */
static void
stream_ended(void *ctx)
{
	struct command *c = ctx;

	stream_free(c->stream);
	c->stream = NULL;
	if (c->child != NULL)
		timer_in(c->timer, CLOSED_MS);
}

static int
start_stream(struct command *c, int fd, struct err *err)
{
	struct stream_spec spec = {
		.fd = fd,
		.file = c->file = ++*c->spec.last_file,
		.source = c->spec.source,
		.name = c->spec.name,
		.path = c->path,
		.max_line = c->spec.max_line,
	};

	c->stream =
	    stream_new(c->loop, &spec, &c->callbacks, stream_ended, c, err);
	return c->stream != NULL ? 0 : -1;
}

static int
start_child(struct command *c, int fd, struct err *err)
{
	char **envp = program_environment();
	struct child_spec spec = {
		.argv = c->spec.argv,
		.envp = (const char *const *)envp,
		.timeout_ms = INT64_MAX,
		.grace_ms = GRACE_MS,
		.output_max = KEPT_BYTES,
		.stdout_fd = &fd,
		.whole = true,
	};

	c->child = child_start(c->loop, &spec, child_ended, line_came, c, err);
	for (size_t i = 0; envp[i] != NULL; i++)
		free(envp[i]);
	free(envp);
	if (c->child == NULL)
		return -1;
	child_feed(c->child, TEXT(""));
	return 0;
}

static int
start_both(struct command *c, struct err *err)
{
	int fds[2], ret;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, "pipe: %m");
	if (start_stream(c, fds[0], err) < 0) {
		close(fds[1]);
		return -1;
	}
	ret = start_child(c, fds[1], err);
	close(fds[1]);
	if (ret < 0) {
		stream_free(c->stream);
		c->stream = NULL;
	}
	return ret;
}

void
command_start(struct command *c)
{
	struct str what = { 0 };
	struct err err;

	if (start_both(c, &err) == 0) {
		c->state = COMMAND_RUNNING;
		log_info("following source=%s command=%s pid=%d", c->spec.name,
		    c->path, (int)child_pid(c->child));
		return;
	}
	str_printf(&what, "command cannot be started source=%s reason=%s",
	    c->spec.name, err.text);
	settle(c, what.data, false);
	str_free(&what);
}

static void
time_came(void *ctx)
{
	struct command *c = ctx;

	if (c->child == NULL) {
		command_start(c);
		return;
	}
	log_warning("command closed its output and goes on, it is ended "
		    "source=%s pid=%d",
	    c->spec.name, (int)child_pid(c->child));
	child_stop(c->child);
}

void
command_stop(struct command *c)
{
	if (c->state == COMMAND_RUNNING) {
		c->state = COMMAND_STOPPING;
		child_stop(c->child);
	} else if (c->state == COMMAND_WAITING) {
		c->state = COMMAND_OVER;
		timer_stop(c->timer);
	}
}

struct command *
command_new(struct loop *l, const struct command_spec *spec,
    const struct tail_callbacks *callbacks)
{
	struct command *c = mem_new(1, sizeof *c);

	c->loop = l;
	c->spec = *spec;
	c->callbacks = *callbacks;
	c->path = command_show(spec->argv);
	c->timer = timer_new(l, time_came, c);
	c->retry_ms = RETRY_MIN_MS;
	return c;
}

void
command_free(struct command *c)
{
	if (c == NULL)
		return;
	if (c->child != NULL)
		child_stop(c->child);
	child_free(c->child);
	stream_free(c->stream);
	timer_free(c->timer);
	free(c->path);
	free(c);
}

bool
command_is_over(const struct command *c)
{
	return c->state == COMMAND_OVER;
}

bool
command_waits(const struct command *c)
{
	return c->stream != NULL && stream_waits(c->stream);
}

bool
command_size(const struct command *c, uint64_t *file, int64_t *size)
{
	if (c->stream == NULL)
		return false;
	*file = c->file;
	*size = stream_size(c->stream);
	return true;
}
