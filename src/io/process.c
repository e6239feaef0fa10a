/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat and pidfds: see proc(5), pidfd_open(2).
 */
#include "io/process.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define MOMENT_MS 1000 /* a busy machine may take that for a start */

/* Reads a file of a process, NUL behind it.  -1: it cannot be read. */
static ssize_t
read_of(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, buf, size - 1);
	close(fd);
	if (len >= 0)
		buf[len] = '\0';
	return len;
}

bool
process_read(pid_t pid, struct process *out)
{
	char buf[1024], state;
	const char *fields;
	int parent, group, session;

	if (pid <= 0 || read_of(pid, "stat", buf, sizeof buf) <= 0)
		return false;
	/* the second field is the name in brackets, which may hold any */
	fields = strrchr(buf, ')');
	if (fields == NULL ||
	    /* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers */
	    sscanf(fields + 1,
		" %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
		"%*d %*d %*d %*d %" SCNd64,
		&state, &parent, &group, &session, &out->start_time) != 5)
		return false;
	out->pid = pid;
	out->parent = parent;
	out->group = group;
	out->session = session;
	out->ended = state == 'Z' || state == 'X';
	return true;
}

int64_t
process_start_time(pid_t pid)
{
	struct process p;

	return process_read(pid, &p) ? p.start_time : -1;
}

int64_t
process_started_at(pid_t pid, int64_t boot_ms)
{
	int64_t ticks = sysconf(_SC_CLK_TCK);
	int64_t start_time = process_start_time(pid);
	int64_t after_ms = start_time * 1000 / ticks - boot_ms;

	/* A tick is cut off; and a pid does not come round so soon. */
	return start_time >= 0 && after_ms >= -1000 / ticks &&
	               after_ms <= MOMENT_MS
	           ? start_time
	           : -1;
}

int
process_open(pid_t pid, int64_t start_time)
{
	int fd;

	if (pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return -1;
	/* the descriptor holds whatever has the pid now: look whether it is
	 * the one that was meant */
	if (process_start_time(pid) != start_time) {
		close(fd);
		errno = ESRCH;
		return -1;
	}
	return fd;
}

bool
process_command(pid_t pid, struct str *out)
{
	char buf[PROCESS_COMMAND_MAX + 1];
	ssize_t len = read_of(pid, "cmdline", buf, sizeof buf);

	while (len > 0 && buf[len - 1] == '\0')
		len--;
	if (len <= 0)
		return false;
	for (ssize_t i = 0; i < len; i++)
		if (buf[i] == '\0')
			buf[i] = ' ';
	utf8_clean((struct text){ buf, (size_t)len }, out);
	return true;
}

bool
process_name(pid_t pid, char out[static PROCESS_NAME_SIZE])
{
	ssize_t len = read_of(pid, "comm", out, PROCESS_NAME_SIZE);

	if (len <= 0)
		return false;
	out[strcspn(out, "\n")] = '\0';
	return true;
}

static int
by_pid(const void *a, const void *b)
{
	const struct process *p = a, *q = b;

	return (p->pid > q->pid) - (p->pid < q->pid);
}

struct process *
process_list(size_t *count)
{
	struct process *list = NULL; /* at most as many as the kernel allows */
	size_t room = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	*count = 0;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (*count == room) {
			room = room * 2 + 64;
			list = mem_resize(list, room, sizeof *list);
		}
		if (process_read(
			(pid_t)strtol(entry->d_name, NULL, 10), &list[*count]))
			(*count)++;
	}
	if (dir != NULL)
		closedir(dir);
	if (list != NULL)
		qsort(list, *count, sizeof *list, by_pid);
	return list;
}
