/* SPDX-License-Identifier: MIT */
#include "cmd/logfile.h"

#include "cmd/cmd.h"
#include "tail/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
logfile_open(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (strcmp(path, "-") == 0)
		fd = dup(STDIN_FILENO);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, "open %s: %m", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		errno = EISDIR;
		return err_set(err, "open %s: %m", path);
	}
	return fd;
}

const char *
logfile_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "(standard input)" : path;
}

static ssize_t
read_some(int fd, char *to, size_t room, struct err *err)
{
	ssize_t n;

	do
		n = read(fd, to, room);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_set(err, "read: %m") : n;
}

/* Reads on until the first bytes tell whether the log is compressed.  Returns
 * how many there are, or -1. */
static ssize_t
read_head(int fd, char *to, size_t room, struct err *err)
{
	struct text head = { to, 0 };

	while (compression_may_be(head)) {
		ssize_t n = read_some(fd, to + head.len, room - head.len, err);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		head.len += (size_t)n;
	}
	return (ssize_t)head.len;
}

/* The next bytes as they were before they were compressed, where they were. */
static ssize_t
read_on(struct packed *packed, int fd, struct blocks *bs, struct err *err)
{
	size_t room;
	char *to = blocks_room(bs, &room);

	return packed != NULL ? packed_read(packed, to, room, err)
	                      : read_some(fd, to, room, err);
}

int
logfile_read(struct blocks *bs, int fd, bool (*stop)(void *ctx), void *ctx,
    struct err *err)
{
	struct packed *packed = NULL;
	size_t room;
	char *to = blocks_room(bs, &room);
	ssize_t n = read_head(fd, to, room, err);

	if (n > 0 && compression_is((struct text){ to, (size_t)n })) {
		packed = packed_open(fd, (struct text){ to, (size_t)n }, err);
		n = packed != NULL ? read_on(packed, fd, bs, err) : -1;
	}
	while (n > 0 && !(stop != NULL ? stop(ctx) : output_is_closed())) {
		blocks_feed(bs, (size_t)n);
		n = read_on(packed, fd, bs, err);
	}
	packed_free(packed);
	if (n > 0)
		return 0;
	blocks_end(bs);
	return n < 0 ? -1 : 0;
}

int
logfile_tell(const char *path, struct block_origin *origin, size_t max_line,
    block_fn *fn, bool (*stop)(void *ctx), void *ctx, struct err *err)
{
	int fd = logfile_open(path, err), ret;
	struct blocks *bs;

	if (fd < 0)
		return -1;
	origin->path = logfile_name(path);
	bs = blocks_new(origin, max_line, fn, ctx);
	ret = logfile_read(bs, fd, stop, ctx, err);
	blocks_free(bs);
	close(fd);
	return ret < 0 ? err_wrap(err, "%s", origin->path) : 0;
}

bool
logfile_is_compressed(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool is = fd >= 0 && packed_is(fd);

	if (fd >= 0)
		close(fd);
	return is;
}

int64_t
logfiles_size(char *const *paths, size_t count)
{
	int64_t total = 0;
	struct stat st;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(paths[i], "-") == 0 || stat(paths[i], &st) != 0 ||
		    !S_ISREG(st.st_mode) || logfile_is_compressed(paths[i]))
			return 0;
		total += st.st_size;
	}
	return total;
}
