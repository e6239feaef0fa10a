/* SPDX-License-Identifier: MIT */
/*
 * The script of the latency bench: takes the time before anything else, then
 * writes it and its arguments as one line to the pipe that argv[1] names.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct timespec now;
	char line[1024];
	int fd, len;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (argc < 4)
		return 2;
	/* Shorter than PIPE_BUF, so that lines never mix. */
	len = snprintf(line, sizeof(line), "%lld%09ld %s %s\n",
	    (long long)now.tv_sec, now.tv_nsec, argv[2], argv[3]);
	if (len < 0 || (size_t)len >= sizeof(line))
		return 3;
	fd = open(argv[1], O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		return 3;
	return 0;
}
