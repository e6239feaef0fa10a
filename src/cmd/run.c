/* SPDX-License-Identifier: MIT */
/*
 * logwatch run: the daemon.  Options, signals, background, pidfile; the work is
 * the pipeline's.
 */
#include "cmd/cmd.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/write.h"
#include "io/loop.h"
#include "pipeline.h"
#include "ruleset.h"
#include "serve/api.h"
#include "serve/control.h"
#include "serve/http.h"
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch [run] [OPTION...] --rules FILE|DIR ...\n"
    "Follows the sources of the rules, detects, repairs, proves, and tells,\n"
    "until SIGTERM or SIGINT.\n"
    "\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --daemon           go to the background once every source is watched\n"
    "  --pidfile FILE     write the process id there, locked\n"
    "  --once             read all to its end, finish what that started, exit\n"
    "  --dry-run          say what would be done; run and post nothing, leave\n"
    "                     the state as it is\n"
    "  --state FILE       the state file\n"
    "  --log-file FILE    log there instead of to standard error\n"
    "  --log-level LEVEL  error, warning, info (default), debug\n"
    "  --log-format FMT   text (default) or json\n"
    "  --help             this\n"
    "\n"
    "Signals: SIGTERM, SIGINT stop cleanly, a second one at once; SIGHUP "
    "reads\n"
    "the rules again; SIGUSR2 reopens --log-file.\n";

enum flag {
	OPTION_RULES = 1,
	OPTION_DAEMON,
	OPTION_PIDFILE,
	OPTION_ONCE,
	OPTION_DRY_RUN,
	OPTION_STATE,
	OPTION_LOG_FILE,
	OPTION_LOG_LEVEL,
	OPTION_LOG_FORMAT,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "daemon", no_argument, NULL, OPTION_DAEMON },
	{ "pidfile", required_argument, NULL, OPTION_PIDFILE },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "log-file", required_argument, NULL, OPTION_LOG_FILE },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "log-format", required_argument, NULL, OPTION_LOG_FORMAT },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct daemon {
	/* as asked for */
	struct paths rules;
	bool daemon, once, dry_run;
	const char *state, *pidfile;
	struct log_options log;

	struct ruleset *rs;
	char *state_path, *log_path;
	int pidfile_fd; /* held, for its lock */
	int ready_fd;   /* to the process that started the daemon; -1: none */
	struct loop *loop;
	struct store *store;
	struct pipeline *pipeline;
	char *control; /* path of the control socket */
	struct api *api;
	struct ruleset
	    *next; /* to be followed from the next turn on; or NULL */
	struct turn *swap;
	bool stopping, broken;
};

/* Signals */

static void
on_stop(int signum, void *ctx)
{
	struct daemon *d = ctx;

	log_info("stopping%s signal=%s", d->stopping ? " at once" : "",
	    sigabbrev_np(signum));
	if (d->stopping)
		loop_stop(d->loop);
	else
		pipeline_stop(d->pipeline);
	d->stopping = true;
}

/* Reloading: the old pipeline ends as at a stop, and the new one begins where
 * it left off as after a restart, by the same state. */

/* Faults of new rules, one a line. */
static char *
faults_of(const struct diag *diag)
{
	char *text = NULL;
	size_t len;
	FILE *out = mem_check(open_memstream(&text, &len));

	diag_print(diag, out, false);
	fclose(out);
	return text;
}

/* Why rules cannot take the place of those that run, or NULL. */
static char *
why_not(struct daemon *d, const struct ruleset *rs)
{
	struct err err;
	char *state = state_path(d->state, rs, d->rules.v[0], &err);
	const char *why = NULL;

	if (state == NULL || strcmp(state, d->state_path) != 0)
		why = "the state file would be another one: restart instead";
	else if (d->rs->stream_count > 0 || rs->stream_count > 0)
		why = "a source that is a command or standard input would lose "
		      "lines: restart instead";
	free(state);
	return why != NULL ? mem_text(why) : NULL;
}

/* Returns why not, which the caller frees, or NULL. */
static char *
reload(void *ctx)
{
	struct daemon *d = ctx;
	struct diag *diag = diag_new();
	struct err err;
	struct ruleset *rs =
	    ruleset_read(d->rules.v, d->rules.count, diag, &err);
	char *why = NULL;

	if (rs == NULL)
		why = mem_text(err.text);
	else if (diag_errors(diag) > 0)
		why = faults_of(diag);
	else
		why = why_not(d, rs);
	diag_free(diag);
	if (why != NULL || d->stopping) {
		ruleset_free(rs);
		return why;
	}
	log_info("reloading the rules");
	ruleset_free(d->next);
	d->next = rs;
	pipeline_drain(d->pipeline);
	return NULL;
}

static void
on_reload(int signum, void *ctx)
{
	char *why = reload(ctx);

	(void)signum;
	for (char *rest = why, *line; (line = strsep(&rest, "\n")) != NULL;)
		if (line[0] != '\0')
			log_error(
			    "rules not reloaded, the old ones stay: %s", line);
	free(why);
}

static void
on_status(int signum, void *ctx)
{
	struct daemon *d = ctx;

	(void)signum;
	pipeline_log_status(d->pipeline);
}

static void
on_reopen(int signum, void *ctx)
{
	struct daemon *d = ctx;
	struct err err;

	(void)signum;
	if (log_open(&d->log, &err) < 0)
		log_error("the log cannot be opened again: %s", err.text);
}

static void
on_done(void *ctx)
{
	struct daemon *d = ctx;

	/* It may not be freed from within its own call. */
	if (d->next != NULL && !d->stopping)
		turn_ask(d->swap);
	else
		loop_stop(d->loop);
}

/* The pidfile is locked as long as the process lives; its content is for
 * others, the lock is what counts. */
static int
pidfile_write(struct daemon *d, struct err *err)
{
	d->pidfile_fd =
	    open(d->pidfile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (d->pidfile_fd < 0)
		return err_set(err, "open pidfile %s: %m", d->pidfile);
	if (flock(d->pidfile_fd, LOCK_EX | LOCK_NB) != 0) {
		/* it is not ours: wind_down() must not remove it */
		int number = errno;

		close(d->pidfile_fd);
		d->pidfile_fd = -1;
		errno = number;
		return errno == EWOULDBLOCK
		           ? err_set(err,
				 "pidfile %s is held by another logwatch that "
				 "runs; stop it first",
				 d->pidfile)
		           : err_set(err, "lock pidfile %s: %m", d->pidfile);
	}
	if (ftruncate(d->pidfile_fd, 0) != 0 ||
	    dprintf(d->pidfile_fd, "%d\n", (int)getpid()) < 0)
		return err_set(err, "write pidfile %s: %m", d->pidfile);
	return 0;
}

/* Background */

/* A daemon keeps a file.  A terminal goes away with its window, and who waits
 * for the end of a pipe must not wait for the daemon's. */
static bool
keeps_stderr(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && !S_ISFIFO(st.st_mode) &&
	       !S_ISSOCK(st.st_mode) && !isatty(STDERR_FILENO);
}

/* The process that was started waits here for word of the daemon: an empty
 * message is 'ready', any other the reason why not. */
static int
await_daemon(int fd, pid_t pid)
{
	char text[1024];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof text - 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			len += (size_t)n;
	}
	text[len] = '\0';
	if (len == 1 && text[0] == '\n')
		return STATUS_OK;
	waitpid(pid, NULL, 0);
	return failed("%s", len > 0 ? text : "the daemon ended at its start");
}

/* Returns -1 in the daemon; in the process that was started its exit status. */
static int
go_to_background(struct daemon *d)
{
	int fds[2];
	int null;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return failed("pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return failed("fork: %s", strerror(errno));
	if (pid > 0) {
		close(fds[1]);
		return await_daemon(fds[0], pid);
	}
	close(fds[0]);
	d->ready_fd = fds[1];
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!keeps_stderr())
			dup2(null, STDERR_FILENO);
		close(null);
	}
	return -1;
}

static void
tell_ready(struct daemon *d, const char *text)
{
	if (d->ready_fd < 0)
		return;
	/* Who waited for it may be gone. */
	(void)write_whole(d->ready_fd, text_of(text));
	close(d->ready_fd);
	d->ready_fd = -1;
}

/* A daemon that has no standard error to keep logs beside its state. */
static void
choose_log(struct daemon *d)
{
	struct str path = { 0 };
	const char *dot = strrchr(d->state_path, '.');
	size_t len = dot != NULL && strcmp(dot, ".db") == 0
	                 ? (size_t)(dot - d->state_path)
	                 : strlen(d->state_path);

	if (d->log.path != NULL || !d->daemon || keeps_stderr())
		return;
	str_printf(&path, "%.*s.log", (int)len, d->state_path);
	d->log_path = str_take(&path);
	d->log.path = d->log_path;
	fprintf(stderr, "logwatch: logging to %s\n", d->log_path);
}

/* The work */

static int
open_state(struct daemon *d, struct err *err)
{
	d->store = d->dry_run ? store_open_copy(d->state_path, err)
	                      : store_open(d->state_path, err);
	return d->store != NULL ? 0 : -1;
}

/* Without it, all but the commands that ask for it works. */
static void
serve(struct daemon *d)
{
	struct err err;
	int fd;

	if (!http_is_built() || d->dry_run || d->once)
		return;
	d->control = control_path(d->state_path);
	fd = control_listen(d->control, &err);
	if (fd >= 0)
		d->api = api_new(d->loop, fd, d->pipeline, reload, d);
	else
		log_error("nobody can ask how it stands: %s", err.text);
}

static int
follow(struct daemon *d, struct err *err)
{
	const struct pipeline_spec spec = {
		.loop = d->loop,
		.ruleset = d->rs,
		.store = d->store,
		.dry_run = d->dry_run,
		.once = d->once,
		.done = on_done,
		.ctx = d,
	};

	d->pipeline = pipeline_new(&spec);
	return pipeline_start(d->pipeline, err);
}

static void
on_swap(void *ctx)
{
	struct daemon *d = ctx;
	struct err err;

	if (d->stopping) { /* since it was done */
		loop_stop(d->loop);
		return;
	}
	pipeline_free(d->pipeline);
	ruleset_free(d->rs);
	d->rs = d->next;
	d->next = NULL;
	if (follow(d, &err) < 0) {
		log_error("the new rules cannot be followed: %s", err.text);
		d->broken = true;
		loop_stop(d->loop);
		return;
	}
	if (d->api != NULL)
		api_follow(d->api, d->pipeline);
	malloc_trim(0);
	log_info("rules reloaded rules=%zu sources=%zu", d->rs->rule_count,
	    d->rs->source_count);
}

static int
start(struct daemon *d, struct err *err)
{
	if (log_open(&d->log, err) < 0 ||
	    (d->pidfile != NULL && pidfile_write(d, err) < 0) ||
	    open_state(d, err) < 0)
		return -1;
	d->swap = turn_new(d->loop, on_swap, d);
	if (follow(d, err) < 0)
		return -1;
	serve(d);
	log_info("following version=%s rules=%zu sources=%zu state=%s%s",
	    PACKAGE_VERSION, d->rs->rule_count, d->rs->source_count,
	    d->state_path, d->dry_run ? " dry_run=yes" : "");
	return 0;
}

static void
work(struct daemon *d)
{
	static const struct {
		int signum;
		signal_fn *fn;
	} signals[] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGHUP, on_reload },
		{ SIGUSR1, on_status },
		{ SIGUSR2, on_reopen },
	};
	struct on_signal *handles[sizeof signals / sizeof *signals];
	size_t count = sizeof signals / sizeof *signals;

	for (size_t i = 0; i < count; i++)
		handles[i] =
		    on_signal_new(d->loop, signals[i].signum, signals[i].fn, d);
	malloc_trim(0); /* what reading the rules took */
	tell_ready(d, "\n");
	loop_run(d->loop);
	for (size_t i = 0; i < count; i++)
		on_signal_free(handles[i]);
	if (pipeline_waiting(d->pipeline) > 0)
		log_warning("notifications could not be sent and wait in the "
			    "state file for the next start count=%zu",
		    pipeline_waiting(d->pipeline));
}

static void
wind_down(struct daemon *d)
{
	if (d->api != NULL)
		unlink(d->control);
	api_free(d->api);
	free(d->control);
	pipeline_free(d->pipeline);
	turn_free(d->swap);
	ruleset_free(d->next);
	store_close(d->store);
	loop_free(d->loop);
	if (d->pidfile_fd >= 0) {
		unlink(d->pidfile);
		close(d->pidfile_fd);
	}
}

static int
run(struct daemon *d)
{
	struct err err;
	int status;

	assert(d->rules.count > 0);
	d->state_path = state_path(d->state, d->rs, d->rules.v[0], &err);
	if (d->state_path == NULL)
		return failed("%s", err.text);
	choose_log(d);
	if (d->daemon && (status = go_to_background(d)) >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	signal(
	    SIGCHLD, SIG_DFL); /* ignored, nobody learns how a script ended */
	d->loop = loop_new();
	if (start(d, &err) == 0) {
		work(d);
		status = d->broken ? STATUS_FAILED : STATUS_OK;
	} else {
		if (d->ready_fd >= 0)
			tell_ready(d, err.text);
		else
			failed("%s", err.text);
		status = STATUS_FAILED;
	}
	wind_down(d);
	return status;
}

static int
read_rules(struct daemon *d)
{
	struct diag *diag = diag_new();
	struct err err;
	int status = STATUS_OK;

	d->rs = ruleset_read(d->rules.v, d->rules.count, diag, &err);
	diag_print(diag, stderr, wants_colour(STDERR_FILENO));
	if (d->rs == NULL)
		status = failed("%s", err.text);
	else if (diag_errors(diag) > 0)
		status = failed("the rules have %zu fault%s; nothing was "
				"started",
		    diag_errors(diag), diag_errors(diag) == 1 ? "" : "s");
	diag_free(diag);
	if (status == STATUS_OK && d->daemon && ruleset_stdin(d->rs) != NULL)
		status = usage_wrong("run",
		    "--daemon does not go with source '%s', which is standard "
		    "input ('-'): a daemon has none",
		    ruleset_stdin(d->rs));
	return status;
}

static int
parse(struct daemon *d, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_RULES:
			paths_add(&d->rules, optarg);
			break;
		case OPTION_DAEMON:
			d->daemon = true;
			break;
		case OPTION_PIDFILE:
			d->pidfile = optarg;
			break;
		case OPTION_ONCE:
			d->once = true;
			break;
		case OPTION_DRY_RUN:
			d->dry_run = true;
			break;
		case OPTION_STATE:
			d->state = optarg;
			break;
		case OPTION_LOG_FILE:
			d->log.path = optarg;
			break;
		case OPTION_LOG_LEVEL:
			if (!log_level_parse(optarg, &d->log.level))
				return usage_wrong("run",
				    "--log-level: error, warning, info or "
				    "debug, not '%s'",
				    optarg);
			break;
		case OPTION_LOG_FORMAT:
			if (strcmp(optarg, "text") != 0 &&
			    strcmp(optarg, "json") != 0)
				return usage_wrong("run",
				    "--log-format: text or json, not '%s'",
				    optarg);
			d->log.json = optarg[0] == 'j';
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish_output(STATUS_OK);
		default:
			fputs("Try 'logwatch run --help'.\n", stderr);
			return STATUS_USAGE;
		}
	if (optind < argc)
		return usage_wrong(
		    "run", "unexpected argument '%s'", argv[optind]);
	if (d->rules.count == 0)
		return usage_wrong("run", "name a rule file with --rules");
	return -1;
}

int
cmd_run(int argc, char **argv)
{
	struct daemon d = {
		.log = { .level = LOG_INFO },
		.pidfile_fd = -1,
		.ready_fd = -1,
	};
	int status = parse(&d, argc, argv);

	if (status < 0)
		status = read_rules(&d);
	if (status == STATUS_OK && d.rs != NULL)
		status = run(&d);
	ruleset_free(d.rs);
	paths_free(&d.rules);
	free(d.state_path);
	free(d.log_path);
	return status;
}
