/* SPDX-License-Identifier: MIT */
/*
 * Both ends of a log, in whole lines.
 */
#include "cmd/sample.h"

#include "base/mem.h"
#include "event/clean.h"
#include "tail/archive.h"
#include "tail/block.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads on until so many bytes are there, or the end. */
static int
read_up_to(int fd, struct str *out, size_t bytes, struct err *err)
{
	while (out->len < bytes) {
		char *to = str_reserve(out, bytes - out->len);
		ssize_t n = read(fd, to, bytes - out->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_set(err, "read: %m") : 0;
		out->len += (size_t)n;
	}
	return 0;
}

static int
unpack(int fd, struct str *out, struct err *err)
{
	struct packed *packed = packed_open(fd, TEXT(""), err);
	ssize_t n = packed != NULL ? 1 : -1;

	while (n > 0 && out->len < SAMPLE_BYTES) {
		size_t room = SAMPLE_BYTES - out->len;

		n = packed_read(packed, str_reserve(out, room), room, err);
		if (n > 0)
			out->len += (size_t)n;
	}
	packed_free(packed);
	return n < 0 && out->len == 0 ? -1 : 0;
}

/* Leaves out the unfinished line at the end of what was cut there. */
static void
cut_last(struct str *raw)
{
	while (raw->len > 0 && raw->data[raw->len - 1] != '\n')
		raw->len--;
}

/* The last bytes without the line that they begin in. */
static int
read_last(int fd, off_t size, struct str *out, struct err *err)
{
	size_t from = out->len;
	const char *newline;

	if (lseek(fd, size - SAMPLE_BYTES, SEEK_SET) < 0)
		return err_set(err, "seek: %m");
	if (read_up_to(fd, out, from + SAMPLE_BYTES, err) < 0)
		return -1;
	newline = memchr(out->data + from, '\n', out->len - from);
	if (newline == NULL) {
		out->len = from;
		return 0;
	}
	newline++;
	out->len -= (size_t)(newline - (out->data + from));
	memmove(out->data + from, newline, out->len - from);
	return 0;
}

static int
read_ends(struct sample *s, int fd, const struct stat *st, struct err *err)
{
	bool is_file = S_ISREG(st->st_mode);
	bool whole = is_file && st->st_size <= 2 * SAMPLE_BYTES;

	s->packed = is_file && packed_is(fd);
	if (s->packed) {
		if (unpack(fd, &s->raw, err) < 0)
			return -1;
		if (s->raw.len == SAMPLE_BYTES)
			cut_last(&s->raw);
		return 0;
	}
	if (read_up_to(
		fd, &s->raw, whole ? 2 * SAMPLE_BYTES : SAMPLE_BYTES, err) < 0)
		return -1;
	if (whole || s->raw.len < SAMPLE_BYTES)
		return 0;
	cut_last(&s->raw);
	return is_file ? read_last(fd, st->st_size, &s->raw, err) : 0;
}

/* More than one in ten bytes is none of a log. */
static bool
is_binary(struct text raw)
{
	size_t odd = 0;

	for (size_t i = 0; i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.data[i];

		odd += c == '\0' ||
		       (c < ' ' && strchr("\t\n\v\f\r\033", c) == NULL);
	}
	return odd * 10 > raw.len;
}

static void
lines_make(struct sample *s)
{
	struct text rest;

	s->cleaner = cleaner_new();
	rest = cleaner_run(s->cleaner, str_text(&s->raw), true, true);
	s->lines = mem_new(
	    (size_t)newlines_count(rest.data, rest.len) + 1, sizeof *s->lines);
	while (rest.len > 0) {
		const char *newline = memchr(rest.data, '\n', rest.len);
		size_t len =
		    newline != NULL ? (size_t)(newline - rest.data) : rest.len;

		s->lines[s->count++] = (struct text){ rest.data, len };
		len += newline != NULL;
		rest.data += len;
		rest.len -= len;
	}
}

int
sample_read(struct sample *s, const char *path, struct err *err)
{
	int fd = strcmp(path, "-") == 0
	             ? dup(STDIN_FILENO)
	             : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int ret = -1;
	struct stat st;

	*s = (struct sample){ 0 };
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0)
		return err_set(err, "open: %m");
	if (fstat(fd, &st) != 0)
		err_set(err, "stat: %m");
	else if (!S_ISREG(st.st_mode) && strcmp(path, "-") != 0)
		err_set(err, "it is no regular file");
	else
		ret = read_ends(s, fd, &st, err);
	close(fd);
	s->binary = is_binary(str_text(&s->raw));
	if (ret == 0 && !s->binary && s->raw.len > 0)
		lines_make(s);
	return ret;
}

void
sample_free(struct sample *s)
{
	free(s->lines);
	cleaner_free(s->cleaner);
	str_free(&s->raw);
}
