/* SPDX-License-Identifier: MIT */
/*
 * A target is a path or glob of a source; its spots are the directories that
 * decide what it names.  A walk makes new spots before it gives up the old.
 */
#include "tail/names.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "tail/inotify.h"
#include "tail/paths.h"
#include "tail/rotated.h"

#include <errno.h>
#include <sys/stat.h>

#define WALKS_MAX 8 /* in a row, while directories come and go */

struct spot {
	TAILQ_ENTRY(spot) link;
	struct target *target;
	enum paths_watch kind;
	char *dir, *name;
	struct watch *watch; /* NULL: it cannot be watched */
};

TAILQ_HEAD(spots, spot);

struct target {
	STAILQ_ENTRY(target) link;
	STAILQ_ENTRY(target) walk;
	struct names *names;
	size_t source;
	const char *pattern;
	const char *const *exclude, *const *rotated;
	bool glob;
	struct spots spots;
	struct map *found; /* struct name by path */
	bool marked;
	bool attributes; /* matter, for a name is denied to us */
	bool again;      /* a directory went away under the walk */
	bool polled;     /* one cannot be watched */
	bool cut_short;  /* said */
};

struct names {
	struct watcher *watcher;
	STAILQ_HEAD(, target) targets;
	STAILQ_HEAD(, target) walks; /* the marked ones */
	TAILQ_HEAD(, name) marked;
	bool poll_said;
};

static void
spot_free(struct spot *s)
{
	watch_free(s->watch);
	free(s->dir);
	free(s->name);
	free(s);
}

static void
spots_free(struct spots *spots)
{
	struct spot *s;

	while ((s = TAILQ_FIRST(spots)) != NULL) {
		TAILQ_REMOVE(spots, s, link);
		spot_free(s);
	}
}

static void
name_free(void *value)
{
	struct name *n = value;

	if (n->marked)
		TAILQ_REMOVE(&n->target->names->marked, n, link);
	free(n->path);
	free(n);
}

struct names *
names_new(struct watcher *w)
{
	struct names *ns = mem_new(1, sizeof *ns);

	ns->watcher = w;
	ns->poll_said = w == NULL;
	STAILQ_INIT(&ns->targets);
	STAILQ_INIT(&ns->walks);
	TAILQ_INIT(&ns->marked);
	return ns;
}

void
names_free(struct names *ns)
{
	struct target *t;

	if (ns == NULL)
		return;
	while ((t = STAILQ_FIRST(&ns->targets)) != NULL) {
		STAILQ_REMOVE_HEAD(&ns->targets, link);
		spots_free(&t->spots);
		map_free(t->found);
		free(t);
	}
	free(ns);
}

static void
target_mark(struct target *t)
{
	if (t->marked)
		return;
	t->marked = true;
	STAILQ_INSERT_TAIL(&t->names->walks, t, walk);
}

/* The name at a path of a target, made where there is none yet; NULL: it is
 * left out. */
static struct name *
find_name(struct target *t, const char *path)
{
	struct name *n = map_get(t->found, text_of(path));

	if (n == NULL) {
		if (paths_excluded(t->exclude, path))
			return NULL;
		n = mem_new(1, sizeof *n);
		n->source = t->source;
		n->path = mem_text(path);
		n->pattern = t->pattern;
		n->glob = t->glob;
		n->target = t;
		map_put(t->found, text_of(path), n);
	}
	name_mark(n);
	return n;
}

/* The name came or went, though what is there now may be what was there. */
static void
disturb(struct target *t, const char *path)
{
	struct name *n = find_name(t, path);

	if (n != NULL)
		n->disturbed = true;
}

void
names_add(struct names *ns, size_t source, const char *pattern,
    const char *const *exclude, const char *const *rotated)
{
	struct target *t = mem_new(1, sizeof *t);

	t->names = ns;
	t->source = source;
	t->pattern = pattern;
	t->exclude = exclude;
	t->rotated = rotated;
	t->glob = paths_is_glob(pattern);
	t->found = map_new(SIZE_MAX, name_free);
	TAILQ_INIT(&t->spots);
	STAILQ_INSERT_TAIL(&ns->targets, t, link);
	target_mark(t);
	if (!t->glob)
		find_name(t, pattern);
}

static char *
path_in(const struct spot *s, const char *name)
{
	return paths_join(strcmp(s->dir, ".") == 0 ? "" : s->dir, name);
}

/* A log may have been copied there. */
static void
disturb_beside(struct target *t, const char *path)
{
	struct name *n = map_get(t->found, text_of(path));

	if (n == NULL)
		return;
	n->beside = true;
	name_mark(n);
}

/* A name came or went where rotated ones of a path are, or of what it leads to.
 */
static void
sibling_event(struct spot *s, const char *name)
{
	struct target *t = s->target;
	char *log = path_in(s, s->name), *path = path_in(s, name);

	if (!t->glob && rotated_is_name(log, t->rotated, path))
		disturb_beside(t, t->pattern);
	free(log);
	free(path);
}

/* A name came or went where files of a glob could be, or their rotated ones. */
static void
leaf_event(struct spot *s, const char *name)
{
	struct target *t = s->target;
	char *path = path_in(s, name), *log = path_in(s, name);
	size_t len = strlen(path), least = len - strlen(name);

	if (paths_match(t->pattern, path))
		disturb(t, path);
	while (len-- > least + 1) {
		if (path[len] != '.' && path[len] != '-')
			continue;
		log[len] = '\0';
		if (rotated_is_name(log, t->rotated, path))
			disturb_beside(t, log);
	}
	free(path);
	free(log);
}

static bool
is_link(const char *dir, const char *name)
{
	char *path = paths_join(dir, name);
	struct stat st;
	bool link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);

	free(path);
	return link;
}

static void
spot_event(enum watch_event event, const char *name, bool is_dir, void *ctx)
{
	struct spot *s = ctx;

	if (event != WATCH_NAME) {
		target_mark(s->target);
		return;
	}
	switch (s->kind) {
	case PATHS_SELF:
		break;
	case PATHS_NAME:
		if (strcmp(name, s->name) != 0) {
			sibling_event(s, name);
			break;
		}
		target_mark(s->target);
		if (!s->target->glob)
			disturb(s->target, s->target->pattern);
		break;
	case PATHS_LEAVES:
		if (!is_dir)
			leaf_event(s, name);
		break;
	case PATHS_DIRS:
		if (is_dir || is_link(s->dir, name))
			target_mark(s->target);
		break;
	}
}

/* A directory that cannot be watched: gone again, so that the walk was for
 * nothing; closed to us, which is no matter where only its own move counts; or
 * for good. */
static void
spot_failed(struct spot *s)
{
	struct target *t = s->target;

	if (errno == ENOENT || errno == ENOTDIR) {
		t->again = true;
		return;
	}
	if (errno == EACCES && s->kind == PATHS_SELF)
		return;
	t->polled = true;
	if (!t->names->poll_said)
		log_warning("directory cannot be watched, looking every "
			    "second dir=%s reason=%s%s",
		    s->dir, strerror(errno),
		    errno == ENOSPC
			? " (raise sysctl fs.inotify.max_user_watches)"
			: "");
	t->names->poll_said = true;
}

static void
visit_dir(enum paths_watch kind, const char *dir, const char *name, void *ctx)
{
	struct target *t = ctx;
	struct spot *s = mem_new(1, sizeof *s);
	enum watch_dir what =
	    kind == PATHS_SELF ? WATCH_DIR_SELF : WATCH_DIR_NAMES;

	s->target = t;
	s->kind = kind;
	s->dir = mem_text(dir);
	s->name = mem_text(name);
	if (t->attributes)
		what = WATCH_DIR_ATTRIB;
	s->watch = watch_dir(t->names->watcher, dir, what, spot_event, s);
	if (s->watch == NULL)
		spot_failed(s);
	else if (kind != PATHS_SELF && watch_is_deaf_dir(dir))
		t->polled = true;
	TAILQ_INSERT_TAIL(&t->spots, s, link);
}

static void
visit_file(const char *path, uint64_t inode, void *ctx)
{
	struct target *t = ctx;

	(void)inode;
	if (t->glob)
		find_name(t, path);
}

static void
mark_name(struct text key, void *value, void *ctx)
{
	(void)key;
	(void)ctx;
	name_mark(value);
}

static void
target_walk(struct target *t)
{
	const struct paths_visitor visitor = { visit_dir, visit_file, t };
	struct spots old = TAILQ_HEAD_INITIALIZER(old);

	TAILQ_CONCAT(&old, &t->spots, link);
	t->polled = false;
	if (!paths_visit(t->pattern, &visitor) && !t->cut_short) {
		log_warning("too many directories or names, some are left out "
			    "path=%s",
		    t->pattern);
		t->cut_short = true;
	}
	spots_free(&old);
	map_each(t->found, mark_name, NULL);
}

/* Walks until nothing comes between; what will not hold still is left to
 * polling. */
static void
target_look(struct target *t)
{
	STAILQ_REMOVE_HEAD(&t->names->walks, walk);
	t->marked = false;
	for (unsigned i = 0; i < WALKS_MAX; i++) {
		t->again = false;
		target_walk(t);
		if (!t->again)
			return;
	}
	t->polled = true;
}

struct name *
names_next(struct names *ns)
{
	struct name *n;

	while (!STAILQ_EMPTY(&ns->walks))
		target_look(STAILQ_FIRST(&ns->walks));
	n = TAILQ_FIRST(&ns->marked);
	if (n != NULL) {
		TAILQ_REMOVE(&ns->marked, n, link);
		n->marked = false;
	}
	return n;
}

bool
names_waiting(const struct names *ns)
{
	return !STAILQ_EMPTY(&ns->walks) || !TAILQ_EMPTY(&ns->marked);
}

static void
mark_beside(struct text key, void *value, void *ctx)
{
	struct name *n = value;

	(void)key;
	(void)ctx;
	n->beside = true;
}

void
names_mark_all(struct names *ns)
{
	struct target *t;

	for (t = STAILQ_FIRST(&ns->targets); t != NULL;
	     t = STAILQ_NEXT(t, link)) {
		map_each(t->found, mark_beside, NULL);
		target_mark(t);
	}
}

void
name_mark(struct name *n)
{
	if (n->marked)
		return;
	n->marked = true;
	TAILQ_INSERT_TAIL(&n->target->names->marked, n, link);
}

void
name_mind_attributes(struct name *n)
{
	if (n->target->attributes)
		return;
	n->target->attributes = true;
	target_mark(n->target);
}

void
name_retry(struct name *n)
{
	n->target->polled = true;
}

void
name_drop(struct name *n)
{
	map_remove(n->target->found, text_of(n->path));
}

struct name *
names_find(struct names *ns, size_t source, const char *path)
{
	struct target *t;

	for (t = STAILQ_FIRST(&ns->targets); t != NULL;
	     t = STAILQ_NEXT(t, link)) {
		struct name *n = map_get(t->found, text_of(path));

		if (t->source == source && n != NULL)
			return n;
	}
	return NULL;
}

bool
names_polled(const struct names *ns)
{
	struct target *t;

	for (t = STAILQ_FIRST(&ns->targets); t != NULL;
	     t = STAILQ_NEXT(t, link))
		if (t->polled)
			return true;
	return false;
}

void
names_poll(struct names *ns)
{
	struct target *t;

	for (t = STAILQ_FIRST(&ns->targets); t != NULL;
	     t = STAILQ_NEXT(t, link))
		if (t->polled)
			target_mark(t);
}
