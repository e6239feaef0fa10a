/* SPDX-License-Identifier: MIT */
/*
 * A directory is read once and its names sorted, so that a thousand logs in it
 * that rotate together do not read it a thousand times.
 */
#include "tail/rotated.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "tail/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NAMES_MAX 200000 /* of one directory */
#define READS_MAX 8      /* in a row, while its names come and go */

struct listed {
	char *name;
	uint64_t inode; /* as the directory has it */
};

struct listing {
	struct listed *at; /* sorted */
	size_t count, capacity;
};

struct rotated {
	struct map *listings; /* struct listing by directory */
	bool vanished;        /* a name that was listed is not there any more */
	bool handed_on;       /* one has another file than was listed */
	bool unnumbered;      /* what is listed has never the file's number */
	struct rotated_file *files;
	size_t count, capacity;
};

static void
listing_free(void *value)
{
	struct listing *l = value;

	for (size_t i = 0; i < l->count; i++)
		free(l->at[i].name);
	free(l->at);
	free(l);
}

struct rotated *
rotated_new(void)
{
	struct rotated *r = mem_new(1, sizeof *r);

	r->listings = map_new(SIZE_MAX, listing_free);
	return r;
}

static void
forget_files(struct rotated *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->files[i].path);
	r->count = 0;
}

void
rotated_free(struct rotated *r)
{
	if (r == NULL)
		return;
	forget_files(r);
	free(r->files);
	map_free(r->listings);
	free(r);
}

static int
compare_names(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct listing *
listing_of(struct rotated *r, const char *dir)
{
	struct listing *l = map_get(r->listings, text_of(dir));
	struct dirent *e;
	DIR *d;

	if (l != NULL)
		return l;
	l = mem_new(1, sizeof *l);
	map_put(r->listings, text_of(dir), l);
	d = opendir(dir[0] == '\0' ? "." : dir);
	if (d == NULL)
		return l; /* nothing to be found there, then */
	while (l->count < NAMES_MAX && (e = readdir(d)) != NULL) {
		if (l->count == l->capacity) {
			l->capacity = l->capacity * 2 + 16;
			l->at = mem_resize(l->at, l->capacity, sizeof *l->at);
		}
		l->at[l->count++] =
		    (struct listed){ mem_text(e->d_name), e->d_ino };
	}
	closedir(d);
	if (l->count > 1)
		qsort(l->at, l->count, sizeof *l->at, compare_names);
	return l;
}

/* The first name that is not before prefix. */
static size_t
listing_find(const struct listing *l, const char *prefix)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->at[middle].name, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int64_t
time_ns(struct statx_timestamp t)
{
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Names are handed on in a rotation: one that has another file than when its
 * directory was read has its old one under a name that was perhaps not there
 * then. */
static void
file_add(struct rotated *r, const char *path, uint64_t inode)
{
	int64_t written_ns, born_ns;
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW,
		STATX_BASIC_STATS | STATX_BTIME, &st) != 0) {
		r->vanished |= errno == ENOENT;
		return;
	}
	r->handed_on |= inode != 0 && inode != st.stx_ino && !r->unnumbered;
	if (!S_ISREG(st.stx_mode))
		return;
	if (r->count == r->capacity) {
		r->capacity = r->capacity * 2 + 16;
		r->files = mem_resize(r->files, r->capacity, sizeof *r->files);
	}
	/* A compressed file is written when it is made, but keeps the time when
	 * what it was made of was written. */
	written_ns = time_ns(st.stx_mtime);
	born_ns = st.stx_mask & STATX_BTIME ? time_ns(st.stx_btime) : 0;
	r->files[r->count++] = (struct rotated_file){
		.path = mem_text(path),
		.device = makedev(st.stx_dev_major, st.stx_dev_minor),
		.inode = st.stx_ino,
		.size = (int64_t)st.stx_size,
		.written_ns = written_ns,
		.born_ns = born_ns > written_ns ? written_ns : born_ns,
	};
}

/* Whether what follows PATH in a name makes it a rotated one. */
static bool
is_suffix(const char *rest)
{
	return (rest[0] == '.' || rest[0] == '-') && rest[1] != '\0';
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Those beside path. */
static void
add_beside(struct rotated *r, const char *path)
{
	const char *base = base_of(path);
	char *dir = mem_copy(path, (size_t)(base - path));
	const struct listing *l = listing_of(r, dir);
	size_t len = strlen(base);

	for (size_t i = listing_find(l, base);
	     i < l->count && strncmp(l->at[i].name, base, len) == 0; i++) {
		char *name;

		if (!is_suffix(l->at[i].name + len))
			continue;
		name = paths_join(dir, l->at[i].name);
		file_add(r, name, l->at[i].inode);
		free(name);
	}
	free(dir);
}

static void
skip_dir(enum paths_watch watch, const char *dir, const char *name, void *ctx)
{
	(void)watch;
	(void)dir;
	(void)name;
	(void)ctx;
}

static void
add_found(const char *path, uint64_t inode, void *ctx)
{
	file_add(ctx, path, inode);
}

static int
compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* Whether a name ends in a number that counts up as the file gets older; dates
 * and numbers with zeros in front count the other way. */
static bool
is_counted_up(const char *path)
{
	const char *p = base_of(path);
	const char *digits = NULL;
	size_t len = 0;

	while (*p != '\0') {
		p += strcspn(p, "0123456789");
		if (*p == '\0')
			break;
		digits = p;
		len = strspn(p, "0123456789");
		p += len;
	}
	return digits != NULL && len < 4 && digits[0] != '0';
}

/* Made and written within the same tick: log.10 is older than log.9. */
static int
compare_paths(const char *a, const char *b)
{
	int order = strverscmp(a, b);

	return is_counted_up(a) && is_counted_up(b) ? -order : order;
}

static int
compare_files(const void *a, const void *b)
{
	const struct rotated_file *x = a, *y = b;
	int order = 0;

	if (x->born_ns != 0 && y->born_ns != 0)
		order = compare_numbers(x->born_ns, y->born_ns);
	if (order == 0)
		order = compare_numbers(x->written_ns, y->written_ns);
	return order != 0 ? order : compare_paths(x->path, y->path);
}

/* The same file may have been found twice. */
static void
sort(struct rotated *r)
{
	size_t kept = 0, extra;

	if (r->count > 1)
		qsort(r->files, r->count, sizeof *r->files, compare_files);
	for (size_t i = 0; i < r->count; i++) {
		if (kept > 0 && r->files[kept - 1].inode == r->files[i].inode &&
		    r->files[kept - 1].device == r->files[i].device)
			free(r->files[i].path);
		else
			r->files[kept++] = r->files[i];
	}
	r->count = kept;
	if (kept <= ROTATED_MAX)
		return;
	extra = kept - ROTATED_MAX;
	for (size_t i = 0; i < extra; i++)
		free(r->files[i].path);
	memmove(r->files, r->files + extra, ROTATED_MAX * sizeof *r->files);
	r->count = ROTATED_MAX;
}

static void
find_files(struct rotated *r, const char *path, const char *const *globs)
{
	const struct paths_visitor visitor = { skip_dir, add_found, r };
	char real[PATH_MAX];
	struct stat st;

	forget_files(r);
	r->vanished = r->handed_on = false;
	for (const char *const *g = globs; g != NULL && *g != NULL; g++)
		paths_visit(*g, &visitor);
	if (globs == NULL) {
		add_beside(r, path);
		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
		    realpath(path, real) != NULL)
			add_beside(r, real);
	}
}

void
rotated_renew(struct rotated *r)
{
	map_clear(r->listings);
}

/* What vanished was perhaps renamed or compressed: it has another name. */
size_t
rotated_list(struct rotated *r, const char *path, const char *const *globs,
    const struct rotated_file **files)
{
	find_files(r, path, globs);
	for (unsigned i = 1; (r->vanished || r->handed_on) && i < READS_MAX;
	     i++) {
		rotated_renew(r);
		find_files(r, path, globs);
	}
	/* Some layered file systems, and what is mounted over a name. */
	r->unnumbered |= r->handed_on;
	sort(r);
	*files = r->files;
	return r->count;
}

bool
rotated_is_name(const char *path, const char *const *globs, const char *name)
{
	size_t len = strlen(path);

	for (const char *const *g = globs; g != NULL && *g != NULL; g++)
		if (paths_match(*g, name) && strcmp(path, name) != 0)
			return true;
	return globs == NULL && strncmp(name, path, len) == 0 &&
	       is_suffix(name + len) && strchr(name + len, '/') == NULL;
}

int64_t
rotated_born_ns(int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) == 0 &&
	               (st.stx_mask & STATX_BTIME)
	           ? time_ns(st.stx_btime)
	           : 0;
}
