/* SPDX-License-Identifier: MIT */
/*
 * The descriptor sits in an epoll descriptor of its own, and that in the loop:
 * libuv would make it non-blocking, and with it the terminal of the shell that
 * started us.
 */
#include "tail/stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "tail/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARE (256 * 1024) /* bytes in one turn */
#define REPEAT_MS 60000    /* the same message about one stream */

struct stream {
	int fd;
	int epoll_fd; /* -1: fd cannot be polled, it is always ready */
	uint64_t file;
	const char *name;
	char *path;
	size_t max_line;
	struct tail_callbacks callbacks;
	struct blocks *blocks;
	struct on_readable *watch;
	struct turn *turn;
	stream_end_fn *end;
	void *ctx;

	bool said; /* of long lines */
	int64_t long_lines_ms;
	uint64_t long_lines; /* told of so far */
};

static bool
is_ready(const struct stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return s->epoll_fd < 0 || poll(&p, 1, 0) > 0;
}

static void
say_long_lines(struct stream *s, bool last)
{
	uint64_t count = blocks_truncated(s->blocks) - s->long_lines;
	int64_t now_ms;

	if (count == 0)
		return;
	now_ms = clock_now_ms();
	if (s->said && !last && now_ms - s->long_lines_ms < REPEAT_MS)
		return;
	log_warning("line too long, matched on its head, the rest is skipped "
		    "source=%s path=%s max_line=%zu times=%" PRIu64,
	    s->name, s->path, s->max_line, count);
	s->long_lines += count;
	s->long_lines_ms = now_ms;
	s->said = true;
}

/* Reads at most max bytes.  Returns how many came, 0 where none are there now,
 * and -1 where no more will come. */
static ssize_t
read_some(struct stream *s, size_t max)
{
	size_t room;
	char *to = blocks_room(s->blocks, &room);
	ssize_t n = read(s->fd, to, room < max ? room : max);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		log_warning("log cannot be read, it ends here source=%s "
			    "path=%s reason=%s",
		    s->name, s->path, strerror(errno));
	if (n <= 0)
		return -1;
	blocks_feed(s->blocks, (size_t)n);
	return n;
}

static void
unwatch(struct stream *s)
{
	on_readable_free(s->watch);
	s->watch = NULL;
	turn_stop(s->turn);
}

static void
stream_ended(struct stream *s)
{
	struct tail_callbacks callbacks = s->callbacks;

	unwatch(s);
	blocks_end(s->blocks);
	say_long_lines(s, true);
	callbacks.end(s->file, callbacks.ctx);
	s->end(s->ctx);
	callbacks.turn(callbacks.ctx);
}

static void
read_share(struct stream *s)
{
	size_t got = 0;
	ssize_t n;

	do {
		n = read_some(s, SHARE - got);
		got += n > 0 ? (size_t)n : 0;
	} while (n > 0 && got < SHARE && is_ready(s));
	if (n < 0) {
		stream_ended(s);
		return;
	}
	if (s->epoll_fd < 0)
		turn_ask(s->turn);
	else if (got < SHARE)
		blocks_rest(s->blocks);
	say_long_lines(s, false);
	if (got > 0)
		s->callbacks.turn(s->callbacks.ctx);
}

static void
fd_came(int fd, void *ctx)
{
	struct stream *s = ctx;

	(void)fd;
	if (is_ready(s))
		read_share(s);
}

static void
turn_came(void *ctx)
{
	read_share(ctx);
}

/* A regular file cannot be polled, and need not be. */
static int
watch(struct stream *s, struct loop *l, struct err *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return err_set(err, "epoll: %m");
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->fd, &event) == 0) {
		s->watch = on_readable_new(l, s->epoll_fd, fd_came, s);
		return 0;
	}
	if (errno != EPERM)
		return err_set(err, "%m");
	close(s->epoll_fd);
	s->epoll_fd = -1;
	turn_ask(s->turn);
	return 0;
}

/* What is read of our own log would be written to it again. */
static int
check_file(int fd, int64_t *offset, struct err *err)
{
	struct stat st;
	off_t at;

	if (fstat(fd, &st) < 0)
		return err_set(err, "%m");
	if (!S_ISREG(st.st_mode))
		return 0;
	if (log_is_own(st.st_dev, st.st_ino))
		return err_set(err, "logwatch's own log goes there; send it "
				    "elsewhere (--log-file)");
	at = lseek(fd, 0, SEEK_CUR);
	*offset = at > 0 ? at : 0;
	return 0;
}

struct stream *
stream_new(struct loop *l, const struct stream_spec *spec,
    const struct tail_callbacks *callbacks, stream_end_fn *end, void *ctx,
    struct err *err)
{
	struct stream *s = mem_new(1, sizeof *s);
	struct block_origin origin = {
		.file = spec->file,
		.source = spec->source,
		.path = spec->path,
		.line = 1,
	};

	s->fd = spec->fd;
	s->epoll_fd = -1;
	s->file = spec->file;
	s->name = spec->name;
	s->path = mem_text(spec->path);
	s->max_line = spec->max_line;
	s->callbacks = *callbacks;
	s->end = end;
	s->ctx = ctx;
	s->turn = turn_new(l, turn_came, s);
	if (check_file(s->fd, &origin.offset, err) < 0 ||
	    watch(s, l, err) < 0) {
		stream_free(s);
		return NULL;
	}
	s->blocks = blocks_new(
	    &origin, spec->max_line, callbacks->block, callbacks->ctx);
	return s;
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	unwatch(s);
	turn_free(s->turn);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	close(s->fd);
	blocks_free(s->blocks);
	free(s->path);
	free(s);
}

void
stream_drain(struct stream *s)
{
	int left = 0;

	if (ioctl(s->fd, FIONREAD, &left) < 0)
		left = 0;
	while (left > 0) {
		ssize_t n = read_some(s, (size_t)left);

		if (n <= 0)
			break;
		left -= (int)n;
	}
	stream_ended(s);
}

bool
stream_waits(const struct stream *s)
{
	int waiting;

	return ioctl(s->fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

int64_t
stream_size(const struct stream *s)
{
	int64_t offset = blocks_read_offset(s->blocks);
	int waiting = 0;

	if (ioctl(s->fd, FIONREAD, &waiting) < 0 || waiting < 0)
		waiting = 0;
	return offset + waiting;
}
