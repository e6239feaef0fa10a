/* SPDX-License-Identifier: MIT */
/*
 * PATH as execvp(3) reads it, and execve(2)'s errors told apart: ENOENT may be
 * the program, its interpreter or the directory.
 */
#include "io/program.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* path as seen from here, when it will be seen from cwd. */
static char *
path_in(const char *cwd, const char *path)
{
	struct str full = { 0 };

	if (cwd != NULL && path[0] != '/')
		str_printf(&full, "%s/", cwd);
	str_puts(&full, path);
	return str_take(&full);
}

static const char *
search_path(const char *const *envp)
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return "/usr/bin:/bin";
}

/* 0, or the error number that executing the file would fail with. */
static int
executable(const char *cwd, const char *path)
{
	char *full = path_in(cwd, path);
	struct stat st;
	int ret = 0;

	if (stat(full, &st) < 0 ||
	    (S_ISREG(st.st_mode) &&
		faccessat(AT_FDCWD, full, X_OK, AT_EACCESS) < 0))
		ret = errno;
	else if (!S_ISREG(st.st_mode))
		ret = EACCES;
	free(full);
	return ret;
}

/* An empty element of PATH is the directory that it runs in. */
static char *
candidate(const char *dir, size_t len, const char *name)
{
	struct str path = { 0 };

	if (len == 0)
		str_putc(&path, '.');
	str_add(&path, dir, len);
	str_putc(&path, '/');
	str_puts(&path, name);
	return str_take(&path);
}

static char *
search(const char *name, const char *path, const char *cwd, struct err *err)
{
	char *refused = NULL; /* the first that is there and cannot be run */
	const char *dir = path;

	for (;;) {
		size_t len = strcspn(dir, ":");
		char *file = candidate(dir, len, name);
		int number = executable(cwd, file);

		if (number == 0) {
			free(refused);
			return file;
		}
		if (number == EACCES && refused == NULL)
			refused = file;
		else
			free(file);
		if (dir[len] == '\0')
			break;
		dir += len + 1;
	}
	if (refused != NULL)
		program_fault(refused, cwd, EACCES, err);
	else
		err_set(err, "run %s: not found in PATH (%s)", name, path);
	free(refused);
	return NULL;
}

char *
program_find(
    const char *name, const char *const *envp, const char *cwd, struct err *err)
{
	if (name[0] == '\0') {
		err_set(err, "run: the name of the program is empty");
		return NULL;
	}
	if (strchr(name, '/') != NULL)
		return mem_text(name);
	return search(name, search_path(envp), cwd, err);
}

char **
program_environment(void)
{
	static const char *const names[] = { "PATH", "HOME", "LANG", "TZ" };
	size_t count = sizeof names / sizeof *names, used = 0;
	char **envp = mem_new(count + 1, sizeof *envp);

	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);
		struct str entry = { 0 };

		if ((value == NULL || value[0] == '\0') && i == 0)
			value = "/usr/local/bin:/usr/bin:/bin";
		if (value == NULL || value[0] == '\0')
			continue;
		str_printf(&entry, "%s=%s", names[i], value);
		envp[used++] = str_take(&entry);
	}
	return envp;
}

/* Why the directory cannot be worked in; 0: it can. */
static int
directory_fault(const char *path, const char *cwd, struct err *err)
{
	struct stat st;

	if (cwd == NULL)
		return 0;
	if (stat(cwd, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(
		    err, "run %s: its directory %s is none", path, cwd);
	if (faccessat(AT_FDCWD, cwd, X_OK, AT_EACCESS) < 0)
		return err_set(err, "run %s: its directory %s: %m", path, cwd);
	return 0;
}

/* Why the file is not executable whatever is in it; 0: it is. */
static int
file_fault(const char *path, const char *full, struct err *err)
{
	struct stat st;

	if (stat(full, &st) < 0)
		return err_set(err, "run %s: %m", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, "run %s: it is a directory", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "run %s: it is no regular file", path);
	if (faccessat(AT_FDCWD, full, X_OK, AT_EACCESS) < 0)
		return err_set(err,
		    "run %s: not executable for this user (chmod +x?)", path);
	return 0;
}

/* The first line of a file, or its first bytes. */
static size_t
read_head(const char *full, char *head, size_t size)
{
	int fd = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, head, size - 1);

	if (fd >= 0)
		close(fd);
	head[len > 0 ? len : 0] = '\0';
	head[strcspn(head, "\n")] = '\0';
	return strlen(head);
}

/* Why a script's interpreter does not serve.  head is its first line: "#!",
 * blanks, a path, perhaps an argument. */
static int
interpreter_fault(const char *path, const char *cwd, char *head, size_t len,
    int number, struct err *err)
{
	char *name = head + 2 + strspn(head + 2, " \t");
	bool crlf = head[len - 1] == '\r';
	char *full;
	int wrong;

	name[strcspn(name, " \t")] = '\0';
	if (crlf && strchr(name, '\r') != NULL) {
		name[strcspn(name, "\r")] = '\0';
		return err_set(err,
		    "run %s: its interpreter '%s\\r' is not there: the script "
		    "has Windows line ends (CRLF)",
		    path, name);
	}
	full = path_in(cwd, name);
	wrong = stat(full, &(struct stat){ 0 }) < 0 ? errno : 0;
	free(full);
	if (name[0] == '\0')
		return err_set(
		    err, "run %s: no interpreter behind its #!", path);
	if (wrong == ENOENT)
		return err_set(
		    err, "run %s: its interpreter %s is not there", path, name);
	return err_set(err, "run %s: its interpreter %s: %s", path, name,
	    strerror(wrong != 0 ? wrong : number));
}

static int
content_fault(const char *path, const char *cwd, const char *full, int number,
    struct err *err)
{
	char head[256];
	size_t len = read_head(full, head, sizeof head);

	if (strncmp(head, "#!", 2) == 0)
		return interpreter_fault(path, cwd, head, len, number, err);
	if (number == ENOEXEC)
		return err_set(err,
		    "run %s: no program for this machine, nor a script that "
		    "begins with #!",
		    path);
	if (number == ENOENT)
		return err_set(err,
		    "run %s: the loader that it was linked for is not there",
		    path);
	return err_set(err, "run %s: %s", path, strerror(number));
}

int
program_fault(const char *path, const char *cwd, int number, struct err *err)
{
	char *full = path_in(cwd, path);

	switch (number) {
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case ELOOP:
	case ENOEXEC:
		if (directory_fault(path, cwd, err) == 0 &&
		    file_fault(path, full, err) == 0)
			content_fault(path, cwd, full, number, err);
		break;
	case ETXTBSY:
		err_set(err, "run %s: it is being written to", path);
		break;
	case E2BIG:
		err_set(err,
		    "run %s: its arguments or environment are too long (128 "
		    "KiB each, a quarter of the stack limit in all)",
		    path);
		break;
	default:
		err_set(err, "run %s: %s", path, strerror(number));
	}
	free(full);
	return -1;
}
