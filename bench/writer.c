/* SPDX-License-Identifier: MIT */
/*
 * The writer of the tail bench: appends the lines of a file, all of one length,
 * over and over to a log, so many a second; each begins with the time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS INT64_C(1000000)
#define SECOND_NS INT64_C(1000000000)
#define STAMP 24 /* bytes at the start of a line that the time takes */

struct lines {
	char *data;
	size_t len, line_len;
};

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static int
lines_read(struct lines *lines, const char *path)
{
	int ret = -1, fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *end;

	if (fd < 0 || fstat(fd, &st) != 0)
		goto out;
	lines->len = (size_t)st.st_size;
	lines->data = malloc(lines->len + 1);
	if (lines->data == NULL ||
	    read(fd, lines->data, lines->len) != st.st_size)
		goto out;
	end = memchr(lines->data, '\n', lines->len);
	if (end == NULL)
		goto out;
	lines->line_len = (size_t)(end + 1 - lines->data);
	if (lines->line_len > STAMP && lines->len % lines->line_len == 0)
		ret = 0;
out:
	if (fd >= 0)
		close(fd);
	return ret;
}

static void
stamp(char *data, size_t len, size_t line_len)
{
	char text[64];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%03ld ",
	    (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
	for (size_t at = 0; at < len; at += line_len)
		memcpy(data + at, text, STAMP);
}

/* Appends count lines, on from the place that was come to. */
static int
append(struct lines *lines, int fd, int64_t *done, int64_t count)
{
	int64_t cycle = (int64_t)(lines->len / lines->line_len);

	while (count > 0) {
		int64_t at = *done % cycle;
		int64_t part = cycle - at < count ? cycle - at : count;
		char *data = lines->data + (size_t)at * lines->line_len;
		size_t len = (size_t)part * lines->line_len;

		stamp(data, len, lines->line_len);
		if (write(fd, data, len) != (ssize_t)len)
			return -1;
		*done += part;
		count -= part;
	}
	return 0;
}

/* What is due at each tick, and what an earlier one could not do. */
static int
keep_writing(struct lines *lines, int fd, int64_t rate, int64_t total)
{
	int64_t start = now_ns(), next = start, done = 0;

	while (done < total) {
		int64_t due = (int64_t)((double)(now_ns() - start) *
					(double)rate / (double)SECOND_NS);
		struct timespec at;

		if (due > total)
			due = total;
		if (append(lines, fd, &done, due - done) < 0)
			return -1;
		next += TICK_NS;
		at.tv_sec = next / SECOND_NS;
		at.tv_nsec = next % SECOND_NS;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	printf("%lld %.3f\n", (long long)done,
	    (double)(now_ns() - start) / (double)SECOND_NS);
	return 0;
}

int
main(int argc, char **argv)
{
	struct lines lines = { 0 };
	int64_t rate, seconds;
	int fd;

	if (argc != 5) {
		fputs("usage: writer LINES LOG LINES-PER-SECOND SECONDS\n",
		    stderr);
		return 2;
	}
	rate = atoll(argv[3]);
	seconds = atoll(argv[4]);
	if (lines_read(&lines, argv[1]) < 0) {
		fprintf(
		    stderr, "writer: %s: no lines of one length\n", argv[1]);
		return 3;
	}
	fd = open(argv[2], O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || keep_writing(&lines, fd, rate, rate * seconds) < 0) {
		perror(argv[2]);
		return 3;
	}
	free(lines.data);
	return 0;
}
