/* SPDX-License-Identifier: MIT */
#include "serve/control.h"

#include "base/mem.h"
#include "base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_S 30
#define READ_BYTES 65536

char *
control_path(const char *state_path)
{
	struct str path = { 0 };

	str_printf(&path, "%s.sock", state_path);
	return str_take(&path);
}

static int
address_set(struct sockaddr_un *address, const char *path, struct err *err)
{
	size_t size = strlen(path) + 1;

	if (size > sizeof address->sun_path)
		return err_set(err, "too long for a socket");
	memcpy(address->sun_path, path, size);
	return 0;
}

/*
 * The path by which it is reached: a long one goes by way of a descriptor of
 * its directory, which is to be closed then.  Returns a path to free, or NULL.
 */
static char *
shorten(const char *path, int *directory_fd, struct err *err)
{
	const char *base = strrchr(path, '/');
	struct str text = { 0 };

	*directory_fd = -1;
	if (strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path)
		return mem_text(path);
	if (base == NULL || base == path) {
		err_set(err, "%s: too long for a socket", path);
		return NULL;
	}
	str_add(&text, path, (size_t)(base - path));
	*directory_fd = open(text.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*directory_fd < 0) {
		err_set(err, "%s: %m", text.data);
		str_free(&text);
		return NULL;
	}
	str_clear(&text);
	str_printf(&text, "/proc/self/fd/%d%s", *directory_fd, base);
	return str_take(&text);
}

static int
listen_at(const char *path, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before;
	int ret;

	if (fd < 0)
		return err_set(err, "socket: %m");
	if (address_set(&address, path, err) < 0) {
		close(fd);
		return -1;
	}
	unlink(path);
	before = umask(0177);
	ret = bind(fd, (const struct sockaddr *)&address, sizeof address);
	umask(before);
	if (ret == 0 && listen(fd, 64) == 0)
		return fd;
	err_set(err, "%m");
	close(fd);
	return -1;
}

int
control_listen(const char *path, struct err *err)
{
	int directory_fd, fd;
	char *reached = shorten(path, &directory_fd, err);

	if (reached == NULL)
		return err_wrap(err, "control socket");
	fd = listen_at(reached, err);
	free(reached);
	if (directory_fd >= 0)
		close(directory_fd);
	return fd >= 0 ? fd : err_wrap(err, "control socket %s", path);
}

/* Asking */

static int
connect_to(const char *path, bool *missing, struct err *err)
{
	const struct timeval time = { .tv_sec = ASK_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(err, "socket: %m");
	if (address_set(&address, path, err) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	*missing = errno == ENOENT || errno == ECONNREFUSED;
	err_set(err, "%m");
	close(fd);
	return -1;
}

static int
read_all(int fd, struct str *out, struct err *err)
{
	ssize_t n;

	do {
		if (out->len > CONTROL_ANSWER_MAX)
			return err_set(err, "the answer is too long");
		n = read(fd, str_reserve(out, READ_BYTES), READ_BYTES);
		if (n > 0)
			out->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 ? 0 : err_set(err, "no answer: %m");
}

/* The status line of an answer; false: it is none. */
static bool
status_read(const char *line, int *status)
{
	const char *at = strchr(line, ' ');
	char *end;
	long number;

	if (strncmp(line, "HTTP/1.", strlen("HTTP/1.")) != 0 || at == NULL)
		return false;
	number = strtol(at + 1, &end, 10);
	if (end == at + 1 || number < 100 || number > 999)
		return false;
	*status = (int)number;
	return true;
}

/* Takes the body out of an answer. */
static int
parse(struct text whole, int *status, struct str *body, struct err *err)
{
	const char *end =
	    whole.len > 0 ? memmem(whole.data, whole.len, "\r\n\r\n", 4) : NULL;

	if (end == NULL || !status_read(whole.data, status))
		return err_set(err, "what came is no answer");
	end += 4;
	str_add(body, end, (size_t)(whole.data + whole.len - end));
	return 0;
}

static int
ask(int fd, const char *target, const char *body, int *status,
    struct str *answer, struct err *err)
{
	struct str text = { 0 };
	int ret = -1;

	str_printf(&text, "%s %s HTTP/1.0\r\nHost: logwatch\r\n",
	    body != NULL ? "POST" : "GET", target);
	if (body != NULL)
		str_printf(&text,
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n",
		    strlen(body));
	str_printf(&text, "\r\n%s", body != NULL ? body : "");
	if (write_whole(fd, str_text(&text)) < 0) {
		err_set(err, "%m");
	} else {
		str_clear(&text);
		if (read_all(fd, &text, err) == 0)
			ret = parse(str_text(&text), status, answer, err);
	}
	str_free(&text);
	return ret;
}

int
control_ask(const char *path, const char *target, const char *body, int *status,
    struct str *answer, bool *missing, struct err *err)
{
	int directory_fd, fd, ret;
	char *reached = shorten(path, &directory_fd, err);

	*missing = false;
	if (reached == NULL)
		return -1;
	fd = connect_to(reached, missing, err);
	free(reached);
	if (directory_fd >= 0)
		close(directory_fd);
	if (fd < 0)
		return err_wrap(err, "%s", path);
	ret = ask(fd, target, body, status, answer, err);
	close(fd);
	return ret == 0 ? 0 : err_wrap(err, "%s", path);
}
