/* SPDX-License-Identifier: MIT */
/*
 * What the kernel alone costs: waits for a file to grow, looks for no more
 * than the number in its line, and spawns.  Keeps nothing, survives nothing.
 *
 *     floor FILE PROGRAM PIPE NAME
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static void
spawn_stamp(char **args, char *number)
{
	char *argv[] = { args[2], args[3], args[4], number, NULL };
	char *envp[] = { NULL };
	pid_t pid;

	if (posix_spawn(&pid, args[2], NULL, NULL, argv, envp) != 0)
		perror("floor: posix_spawn");
}

int
main(int argc, char **argv)
{
	char events[4096], text[4096], *number;
	int notify, fd;
	ssize_t n;

	if (argc != 5)
		return 2;
	signal(SIGCHLD, SIG_IGN); /* no zombies */
	notify = inotify_init1(IN_CLOEXEC);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (notify < 0 || fd < 0 ||
	    inotify_add_watch(notify, argv[1], IN_MODIFY) < 0) {
		perror("floor");
		return 3;
	}
	lseek(fd, 0, SEEK_END);
	while (read(notify, events, sizeof(events)) > 0) {
		while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
			text[n] = '\0';
			number = strstr(text, "n=");
			if (number == NULL)
				continue;
			number += 2;
			number[strspn(number, "0123456789")] = '\0';
			spawn_stamp(argv, number);
		}
	}
	return 3;
}
