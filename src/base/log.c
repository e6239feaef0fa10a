/* SPDX-License-Identifier: MIT */
/*
 * The log: one write(2) a line, so that lines of several writers stay whole.
 */
#include "base/log.h"

#include "base/utf8.h"
#include "base/when.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: what a pipe takes in one piece */
#define MESSAGE_MAX_BYTES (LINE_MAX_BYTES - 64)

static struct {
	enum log_level level;
	bool json;
	bool own;           /* fd is ours to close */
	bool torn;          /* the last line was written in part */
	int fd;             /* where lines go */
	unsigned long lost; /* lines that could not be written */
} log_state = { .level = LOG_INFO, .fd = STDERR_FILENO };

static const char *const level_names[] = { [LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug" };

/*
 * A FIFO without a reader is an error, not a wait: O_NONBLOCK.  Not below 3,
 * where a closed standard stream would be taken for it.
 */
static int
file_open(const char *path, struct err *err)
{
	int flags =
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags, 0640);
	int higher;

	if (fd < 0)
		return err_set(err, "open log file %s: %m", path);
	if (fd > STDERR_FILENO)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0)
		err_set(err, "open log file %s: %m", path);
	close(fd);
	return higher;
}

int
log_open(const struct log_options *options, struct err *err)
{
	int fd = STDERR_FILENO;

	if (options->path != NULL) {
		fd = file_open(options->path, err);
		if (fd < 0)
			return -1;
	}
	if (log_state.own)
		close(log_state.fd);
	log_state.fd = fd;
	log_state.own = options->path != NULL;
	log_state.level = options->level;
	log_state.json = options->json;
	log_state.torn = false;
	return 0;
}

bool
log_is_own(dev_t device, ino_t inode)
{
	struct stat st;

	return fstat(log_state.fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_dev == device && st.st_ino == inode;
}

bool
log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
		if (strcmp(name, level_names[i]) != 0)
			continue;
		*level = (enum log_level)i;
		return true;
	}
	return false;
}

/*
 * Writes without being killed where the reader of a pipe is gone, whatever the
 * process does about SIGPIPE.  Returns write(2)'s result, -1 for an error.
 */
static ssize_t
write_quietly(const char *line, size_t len)
{
	sigset_t pipe, before;
	ssize_t n;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	do {
		n = write(log_state.fd, line, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EPIPE)
		sigtimedwait(&pipe, NULL, &(struct timespec){ 0 });
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

static void
line_write(const char *line, size_t len)
{
	ssize_t n = write_quietly(line, len);

	if (n == (ssize_t)len)
		return;
	log_state.torn = log_state.torn || n > 0;
	log_state.lost++;
}

/* The line as it goes out, a newline at its end; message is clean. */
static void
line_format(struct str *line, enum log_level level, const char *message)
{
	struct timespec now;
	char when[WHEN_SIZE];
	json_t *object;
	char *text;

	clock_gettime(CLOCK_REALTIME, &now);
	when_write((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, when);
	if (!log_state.json) {
		str_printf(
		    line, "%s %s: %s\n", when, level_names[level], message);
		return;
	}
	object = json_pack("{s:s, s:s, s:s}", "time", when, "level",
	    level_names[level], "message", message);
	text = json_dumps(object, JSON_COMPACT);
	str_printf(line, "%s\n", text == NULL ? "{}" : text);
	free(text);
	json_decref(object);
}

/* Adds a message as it may stand in a line, cut at MESSAGE_MAX_BYTES. */
static void
message_escape(const char *message, struct str *out)
{
	struct text rest = text_of(message);

	while (rest.len > 0) {
		struct utf8_char c = utf8_next(rest);
		bool escape = !c.valid || utf8_is_control(c.code);

		if (out->len + c.len * (escape ? 4 : 1) > MESSAGE_MAX_BYTES) {
			str_puts(out, "...");
			return;
		}
		for (size_t i = 0; escape && i < c.len; i++)
			str_printf(out, "\\x%02X",
			    (unsigned)(unsigned char)rest.data[i]);
		if (!escape)
			str_add(out, rest.data, c.len);
		rest = (struct text){ rest.data + c.len, rest.len - c.len };
	}
}

/* Says how many lines could not be written, as soon as one can. */
static void
lost_write(void)
{
	struct str line = { 0 };
	char message[64];

	if (log_state.lost == 0)
		return;
	if (log_state.torn)
		str_putc(&line, '\n');
	snprintf(message, sizeof message, "log lines lost count=%lu",
	    log_state.lost);
	line_format(&line, LOG_WARNING, message);
	if (write_quietly(line.data, line.len) == (ssize_t)line.len) {
		log_state.lost = 0;
		log_state.torn = false;
	}
	str_free(&line);
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *format, va_list args)
{
	int saved = errno;
	char raw[LINE_MAX_BYTES];
	struct str message = { 0 }, line = { 0 };

	if (level > log_state.level)
		return;
	/* clang-tidy 14 does not see the callers' va_start(). */
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	if (vsnprintf(raw, sizeof raw, format, args) < 0)
		snprintf(raw, sizeof raw, "%s", format);
	message_escape(raw, &message);
	line_format(&line, level, message.data ? message.data : "");
	lost_write();
	line_write(line.data, line.len);
	str_free(&message);
	str_free(&line);
	errno = saved;
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_ERROR, format, args);
	va_end(args);
}

void
log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_WARNING, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_INFO, format, args);
	va_end(args);
}

void
log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_DEBUG, format, args);
	va_end(args);
}
