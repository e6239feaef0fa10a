/* SPDX-License-Identifier: MIT */
/*
 * A pipe's write end: as much as goes in, then poll.
 */
#include "io/feed.h"

#include "base/mem.h"
#include "io/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>
#include <uv.h>

struct feed {
	uv_poll_t uv;
	int fd; /* -1: done */
	char *input;
	struct text rest; /* of input */
};

/* Returns true where there is nothing left to write, or nobody to read it. */
static bool
write_some(int fd, struct text *rest)
{
	while (rest->len > 0) {
		ssize_t n = write(fd, rest->data, rest->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno != EAGAIN;
		rest->data += n;
		rest->len -= (size_t)n;
	}
	return true;
}

static void
finish(struct feed *f)
{
	uv_poll_stop(&f->uv);
	close(f->fd);
	f->fd = -1;
	free(f->input);
	f->input = NULL;
}

static void
writable_came(uv_poll_t *uv, int status, int events)
{
	struct feed *f = uv->data;

	(void)events;
	if (status < 0 || write_some(f->fd, &f->rest))
		finish(f);
}

struct feed *
feed_new(struct loop *l, int fd, struct text input)
{
	struct feed *f;

	if (write_some(fd, &input)) {
		close(fd);
		return NULL;
	}
	f = mem_new(1, sizeof *f);
	f->fd = fd;
	f->input = mem_copy(input.data, input.len);
	f->rest = (struct text){ f->input, input.len };
	f->uv.data = f;
	uv_poll_init(loop_uv(l), &f->uv, fd);
	uv_poll_start(&f->uv, UV_WRITABLE, writable_came);
	return f;
}

static void
feed_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	if (f->fd >= 0)
		finish(f);
	uv_close((uv_handle_t *)&f->uv, feed_closed);
}
