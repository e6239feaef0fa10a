/* SPDX-License-Identifier: MIT */
/*
 * The state file as a file.
 */
#include "store/statefile.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Where SQLite locks a database (its lockingv3 page): from the pending byte
 * to the end of the shared range. */
#define LOCK_START 0x40000000
#define LOCK_BYTES 512
#define WAL_HEADER 32      /* bytes; the salts of its generation are in them */
#define MAGIC_DAMAGE_MAX 4 /* flipped bytes of the first 16 */
#define DAMAGED_MAX 999    /* files aside, then a person has to look */
#define COPY_TRIES 100
#define QUEUE_TRIES 500
#define PAUSE_MS 10 /* between tries */
#define COPY_BYTES ((size_t)64 * 1024)

static const char *const companions[] = { "-wal", "-journal", "-shm",
	"-intents" };

static char *
name_add(const char *file, const char *suffix)
{
	struct str name = { 0 };

	str_puts(&name, file);
	str_puts(&name, suffix);
	return str_take(&name);
}

/* Makes the directories that path lies in. */
static int
parents_make(const char *path, struct err *err)
{
	const char *last = strrchr(path, '/');
	char *dir = mem_copy(path, last != NULL ? (size_t)(last - path) : 0);
	char *slash = dir;
	int ret = 0;

	if (dir[0] == '\0' || access(dir, F_OK) == 0)
		slash = NULL;
	while (slash != NULL && ret == 0) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(dir, 0700) != 0 && errno != EEXIST)
			ret = err_set(err, "make directory %s: %m", dir);
		if (slash != NULL)
			*slash = '/';
	}
	free(dir);
	return ret;
}

int
statefile_queue(const char *path)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	const char *last = strrchr(path, '/');
	char *dir = last != NULL ? mem_copy(path, (size_t)(last - path) + 1)
	                         : mem_text(".");
	int fd = -1;

	if (parents_make(path, NULL) == 0)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK || i == QUEUE_TRIES) {
			close(fd);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

static int
kind_check(const char *path, const struct stat *st, struct err *err)
{
	if (S_ISDIR(st->st_mode))
		return err_set(
		    err, "%s is a directory: name a file in it", path);
	if (!S_ISREG(st->st_mode))
		return err_set(err, "%s is no regular file", path);
	return 0;
}

char *
statefile_make(const char *path, struct stat *st, struct err *err)
{
	char *file = NULL;
	int fd, ret;

	if (parents_make(path, err) != 0)
		return NULL;
	/* Looked at before it is opened: opening a device may do something. */
	if (stat(path, st) == 0 && kind_check(path, st, err) != 0)
		return NULL;
	fd = open(
	    path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_set(err, "open %s for writing: %m", path);
		return NULL;
	}
	ret = fstat(fd, st);
	if (ret != 0)
		err_set(err, "stat %s: %m", path);
	else
		ret = kind_check(path, st, err);
	close(fd);
	/* SQLite follows links too, and puts its log beside what it finds. */
	if (ret == 0 && (file = realpath(path, NULL)) == NULL)
		err_set(err, "realpath %s: %m", path);
	return file;
}

bool
statefile_has_wal(const char *file)
{
	char *wal = name_add(file, "-wal");
	struct stat st;
	bool has = stat(wal, &st) == 0 && st.st_size > 0;

	free(wal);
	return has;
}

/* A few flipped bytes, a cut or zeros are damage; a first line of text is not.
 * sqlite.org/fileformat2.html, 1.3.1: the magic header string. */
bool
statefile_is_foreign(const char *file)
{
	static const char magic[16] = "SQLite format 3";
	char start[sizeof magic];
	size_t other = 0, zeros = 0;
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = pread(fd, start, sizeof start, 0);
	close(fd);
	for (ssize_t i = 0; i < len; i++) {
		other += start[i] != magic[i];
		zeros += start[i] == '\0';
	}
	return other > MAGIC_DAMAGE_MAX && zeros != (size_t)len;
}

pid_t
statefile_holder(const char *file)
{
	struct flock lock = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LOCK_START,
		.l_len = LOCK_BYTES };
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	pid_t pid = 0;

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		pid = lock.l_pid > 0 ? lock.l_pid : 0;
	close(fd);
	return pid;
}

/* FILE.damaged-N for the first N of which there is nothing. */
static char *
aside_name(const char *file, struct err *err)
{
	for (int n = 1; n <= DAMAGED_MAX; n++) {
		struct str name = { 0 };
		char *wal;
		bool taken;

		str_printf(&name, "%s.damaged-%d", file, n);
		wal = name_add(name.data, "-wal");
		taken = access(name.data, F_OK) == 0 || access(wal, F_OK) == 0;
		free(wal);
		if (!taken)
			return str_take(&name);
		str_free(&name);
	}
	err_set(err, "%d damaged files lie beside %s: remove them", DAMAGED_MAX,
	    file);
	return NULL;
}

/*
 * What belongs to the file goes first: without its log a damaged database is
 * still damaged, but a log without its database would be taken for none.  An
 * empty database stays: who has opened it would delete the log of the one that
 * came in its place, as SQLite does for an empty one.
 */
static int
move_all(
    const char *file, const struct stat *st, const char *aside, struct err *err)
{
	size_t count = sizeof companions / sizeof companions[0];
	int ret = 0;

	for (size_t i = 0; i < count && ret == 0; i++) {
		char *from = name_add(file, companions[i]);
		char *to = name_add(aside, companions[i]);

		if (rename(from, to) != 0 && errno != ENOENT)
			ret = err_set(err, "rename %s to %s: %m", from, to);
		free(from);
		free(to);
	}
	if (ret == 0 && st->st_size > 0 && rename(file, aside) != 0)
		ret = err_set(err, "rename %s to %s: %m", file, aside);
	return ret;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int
statefile_move_aside(
    const char *file, const struct stat *judged, char **moved, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LOCK_START,
		.l_len = LOCK_BYTES };
	struct stat now;
	int ret = -1;
	int fd = open(file, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*moved = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(err, "open %s: %m", file);
	/* Two that start at once may both find the damage: the lock lets one
	 * act, and the other see that the file is no longer the one it read. */
	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		err_set(
		    err, "lock %s, which another process has open: %m", file);
		goto out;
	}
	ret = 0;
	if (stat(file, &now) != 0 || !same_file(&now, judged) ||
	    now.st_size != judged->st_size)
		goto out;
	*moved = aside_name(file, err);
	if (*moved == NULL || move_all(file, &now, *moved, err) != 0) {
		free(*moved);
		*moved = NULL;
		ret = -1;
	}
out:
	close(fd);
	return ret;
}

/* What tells whether a copy was made while things stood still. */
struct generation {
	struct stat db;
	ssize_t wal_len;
	unsigned char wal[WAL_HEADER];
};

static int
generation_read(const char *file, const char *wal, struct generation *g)
{
	int fd;

	if (stat(file, &g->db) != 0)
		return -1;
	g->wal_len = 0;
	fd = open(wal, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	g->wal_len = pread(fd, g->wal, sizeof g->wal, 0);
	close(fd);
	return g->wal_len < 0 ? -1 : 0;
}

static bool
generation_equal(const struct generation *a, const struct generation *b)
{
	return same_file(&a->db, &b->db) && a->db.st_size == b->db.st_size &&
	       a->db.st_mtim.tv_sec == b->db.st_mtim.tv_sec &&
	       a->db.st_mtim.tv_nsec == b->db.st_mtim.tv_nsec &&
	       a->wal_len == b->wal_len &&
	       memcmp(a->wal, b->wal, (size_t)a->wal_len) == 0;
}

/* Copies what in holds to the new file to. */
static int
copy_bytes(int in, const char *from, const char *to, struct err *err)
{
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *buf = mem_new(COPY_BYTES, 1);
	ssize_t n = 0;
	int ret = -1;

	if (out < 0) {
		err_set(err, "open %s: %m", to);
		goto out;
	}
	while ((n = read(in, buf, COPY_BYTES)) > 0)
		if (write_whole(out, (struct text){ buf, (size_t)n }) != 0) {
			err_set(err, "write %s: %m", to);
			goto out;
		}
	ret = n == 0 ? 0 : err_set(err, "read %s: %m", from);
out:
	if (out >= 0)
		close(out);
	free(buf);
	return ret;
}

/* Copies a file; one that is not there leaves none behind either. */
static int
copy_file(const char *from, const char *to, struct err *err)
{
	int in = open(from, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int ret;

	if (in < 0 && errno == ENOENT)
		return unlink(to) == 0 || errno == ENOENT
		           ? 0
		           : err_set(err, "remove %s: %m", to);
	if (in < 0)
		return err_set(err, "open %s: %m", from);
	ret = copy_bytes(in, from, to, err);
	close(in);
	return ret;
}

/*
 * The database first, its log after it: whatever a checkpoint wrote into the
 * database meanwhile is then in the log that is copied, and what is read from
 * the log counts.  That holds while the log is of one generation, which its
 * header tells.  A commit that is only half in the copy of the log is not in
 * it at all, for every frame has a checksum.
 */
static int
copy_pair(const char *file, const char *copy, struct err *err)
{
	char *wal = name_add(file, "-wal"), *copy_wal = name_add(copy, "-wal");
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct generation before, after;
	int ret = -1;

	for (int i = 0; i < COPY_TRIES; i++) {
		if (generation_read(file, wal, &before) != 0) {
			err_set(err, "read %s: %m", file);
			goto out;
		}
		if (copy_file(file, copy, err) != 0 ||
		    copy_file(wal, copy_wal, err) != 0)
			goto out;
		if (generation_read(file, wal, &after) == 0 &&
		    generation_equal(&before, &after)) {
			ret = 0;
			goto out;
		}
		nanosleep(&pause, NULL);
	}
	err_set(
	    err, "%s changes faster than it can be copied: try again", file);
out:
	free(wal);
	free(copy_wal);
	return ret;
}

/* Makes a private directory; returns the name of a file to be made in it. */
static char *
private_name(struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	struct str name = { 0 };

	str_printf(&name, "%s/logwatch-XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	if (mkdtemp(name.data) == NULL) {
		err_set(err, "make %s: %m: name another directory in TMPDIR",
		    name.data);
		str_free(&name);
		return NULL;
	}
	str_puts(&name, "/state");
	return str_take(&name);
}

char *
statefile_copy(const char *path, bool *missing, struct err *err)
{
	struct stat st;
	char *file = NULL, *copy = NULL;
	int found = stat(path, &st);

	/* An empty file is one that nothing was committed to yet. */
	*missing = found != 0 ? errno == ENOENT
	                      : S_ISREG(st.st_mode) && st.st_size == 0;
	if (*missing)
		return NULL;
	if (found != 0 || (file = realpath(path, NULL)) == NULL) {
		err_set(err, "open %s: %m", path);
		goto out;
	}
	if (kind_check(path, &st, err) != 0 ||
	    (copy = private_name(err)) == NULL)
		goto out;
	if (copy_pair(file, copy, err) != 0) {
		statefile_discard(copy);
		copy = NULL;
	}
out:
	free(file);
	return copy;
}

void
statefile_discard(char *copy)
{
	if (copy == NULL)
		return;
	for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
		char *name = name_add(copy, companions[i]);

		unlink(name);
		free(name);
	}
	unlink(copy);
	*strrchr(copy, '/') = '\0';
	rmdir(copy);
	free(copy);
}
