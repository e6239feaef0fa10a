/* SPDX-License-Identifier: MIT */
/*
 * A walk along the names of a path, from left to right, a directory announced
 * before it is looked into.
 */
#include "tail/paths.h"

#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRS_MAX 10000
#define NAMES_MAX 200000
#define DEPTH_MAX 64 /* of directories below a ** */
#define LINKS_MAX 40 /* as the kernel's */

struct walk {
	const struct paths_visitor *visitor;
	size_t dirs, names, links;
	bool literal; /* within the target of a link: no globs, no files */
	bool cut_short;
};

struct entry {
	char *name;
	uint64_t inode;
	unsigned char type; /* DT_… */
};

struct entries {
	struct entry *at;
	size_t count;
};

enum kind { KIND_NONE, KIND_DIR, KIND_LINK, KIND_OTHER };

static bool
is_wild(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

bool
paths_is_glob(const char *path)
{
	return is_wild(path);
}

char *
paths_join(const char *dir, const char *name)
{
	struct str path = { NULL, 0, 0 };

	str_puts(&path, dir);
	if (path.len > 0 && path.data[path.len - 1] != '/')
		str_putc(&path, '/');
	str_puts(&path, name);
	return str_take(&path);
}

/* How long the next name of a path is, 0 for none; *p goes to its start.
 * Slashes and "." between names are passed over. */
static size_t
name_len(const char **p)
{
	for (;;) {
		size_t len;

		*p += strspn(*p, "/");
		len = strcspn(*p, "/");
		if (len != 1 || **p != '.')
			return len;
		++*p;
	}
}

/* The next name of a path, or NULL; *rest goes behind it. */
static char *
next_name(const char **rest)
{
	const char *name = *rest;
	size_t len = name_len(&name);

	*rest = name + len;
	return len > 0 ? mem_copy(name, len) : NULL;
}

static bool
has_more(const char *rest)
{
	return name_len(&rest) > 0;
}

static enum kind
kind_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return KIND_NONE;
	if (S_ISDIR(st.st_mode))
		return KIND_DIR;
	return S_ISLNK(st.st_mode) ? KIND_LINK : KIND_OTHER;
}

static bool
is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
announce(
    struct walk *w, enum paths_watch watch, const char *dir, const char *name)
{
	const struct paths_visitor *v = w->visitor;

	v->dir(watch, dir[0] == '\0' ? "." : dir, name, v->ctx);
}

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The names in a directory that match, sorted. */
static struct entries
list(struct walk *w, const char *dir, const char *glob)
{
	struct entries es = { NULL, 0 };
	DIR *d = opendir(dir[0] == '\0' ? "." : dir);
	size_t capacity = 0;
	struct dirent *e;

	if (d == NULL)
		return es; /* gone or closed to us: its watcher says so */
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 ||
		    fnmatch(glob, e->d_name, FNM_PERIOD) != 0)
			continue;
		if (w->names >= NAMES_MAX) {
			w->cut_short = true;
			break;
		}
		w->names++;
		if (es.count == capacity) {
			capacity = capacity * 2 + 16;
			es.at = mem_resize(es.at, capacity, sizeof *es.at);
		}
		es.at[es.count++] = (struct entry){
			.name = mem_text(e->d_name),
			.inode = e->d_ino,
			.type = e->d_type,
		};
	}
	closedir(d);
	if (es.count > 1)
		qsort(es.at, es.count, sizeof *es.at, compare_entries);
	return es;
}

static void
entries_free(struct entries *es)
{
	for (size_t i = 0; i < es->count; i++)
		free(es->at[i].name);
	free(es->at);
}

static bool
may_enter(struct walk *w)
{
	if (++w->dirs <= DIRS_MAX)
		return true;
	w->cut_short = true;
	return false;
}

static void visit(
    struct walk *w, const char *dir, const char *rest, unsigned depth);

/* What a symbolic link stands for is decided along the path that it holds. */
static void
visit_link(struct walk *w, const char *path)
{
	bool literal = w->literal;
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof target - 1);
	const char *slash = strrchr(path, '/');
	char *dir;

	if (len <= 0 || ++w->links > LINKS_MAX)
		return;
	target[len] = '\0';
	if (target[0] == '/')
		dir = mem_text("/");
	else if (slash == NULL)
		dir = mem_text("");
	else
		dir = mem_copy(path, (size_t)(slash - path) + 1);
	w->literal = true;
	visit(w, dir, target, 0);
	w->literal = literal;
	free(dir);
}

/* A name without wildcards, on the way to others. */
static void
visit_step(struct walk *w, const char *dir, const char *name, const char *path,
    const char *rest, unsigned depth)
{
	enum kind kind = kind_of(path);

	if (kind != KIND_DIR) {
		announce(w, PATHS_NAME, dir, name);
		kind = kind_of(path); /* it may have come before the watch */
	}
	if (kind == KIND_LINK)
		visit_link(w, path);
	if (kind == KIND_NONE || !is_dir(path))
		return;
	announce(w, PATHS_SELF, path, NULL);
	visit(w, path, rest, depth);
}

static void
visit_plain(struct walk *w, const char *dir, const char *name, const char *rest,
    unsigned depth)
{
	char *path = paths_join(dir, name);

	if (has_more(rest)) {
		visit_step(w, dir, name, path, rest, depth);
		goto out;
	}
	announce(w, PATHS_NAME, dir, name);
	switch (kind_of(path)) {
	case KIND_NONE:
	case KIND_DIR:
		goto out;
	case KIND_LINK:
		visit_link(w, path);
		break;
	case KIND_OTHER:
		break;
	}
	if (!w->literal)
		w->visitor->file(path, 0, w->visitor->ctx);
out:
	free(path);
}

static void
visit_leaf(struct walk *w, const char *path, const struct entry *e)
{
	if (e->type == DT_DIR || (e->type != DT_REG && is_dir(path)))
		return;
	if (kind_of(path) == KIND_LINK)
		visit_link(w, path);
	w->visitor->file(path, e->inode, w->visitor->ctx);
}

static void
visit_leaves(struct walk *w, const char *dir, const char *glob)
{
	struct entries es;

	announce(w, PATHS_LEAVES, dir, NULL);
	es = list(w, dir, glob);
	for (size_t i = 0; i < es.count; i++) {
		char *path = paths_join(dir, es.at[i].name);

		w->links = 0;
		visit_leaf(w, path, &es.at[i]);
		free(path);
	}
	entries_free(&es);
}

static void
visit_dirs(struct walk *w, const char *dir, const char *glob, const char *rest,
    unsigned depth)
{
	struct entries es;

	announce(w, PATHS_DIRS, dir, NULL);
	es = list(w, dir, glob);
	for (size_t i = 0; i < es.count; i++) {
		char *path = paths_join(dir, es.at[i].name);

		w->links = 0;
		if (es.at[i].type == DT_LNK)
			visit_link(w, path);
		if ((es.at[i].type == DT_DIR || is_dir(path)) && may_enter(w))
			visit(w, path, rest, depth);
		free(path);
	}
	entries_free(&es);
}

/* A double asterisk: what is behind it, here and in all directories below. */
static void
visit_deep(struct walk *w, const char *dir, const char *rest, unsigned depth)
{
	struct entries es;

	announce(w, PATHS_DIRS, dir, NULL);
	visit(w, dir, has_more(rest) ? rest : "*", depth);
	if (depth == DEPTH_MAX) {
		w->cut_short = true;
		return;
	}
	es = list(w, dir, "*");
	for (size_t i = 0; i < es.count; i++) {
		char *path = paths_join(dir, es.at[i].name);

		if ((es.at[i].type == DT_DIR || es.at[i].type == DT_UNKNOWN) &&
		    kind_of(path) == KIND_DIR && may_enter(w))
			visit_deep(w, path, rest, depth + 1);
		free(path);
	}
	entries_free(&es);
}

static void
visit(struct walk *w, const char *dir, const char *rest, unsigned depth)
{
	char *name = next_name(&rest);

	if (name == NULL)
		return;
	if (w->literal || !is_wild(name))
		visit_plain(w, dir, name, rest, depth);
	else if (strcmp(name, "**") == 0)
		visit_deep(w, dir, rest, depth);
	else if (has_more(rest))
		visit_dirs(w, dir, name, rest, depth);
	else
		visit_leaves(w, dir, name);
	free(name);
}

bool
paths_visit(const char *path, const struct paths_visitor *visitor)
{
	struct walk w = { .visitor = visitor };

	visit(&w, path[0] == '/' ? "/" : "", path, 0);
	return !w.cut_short;
}

static bool match(const char *glob, const char *path);

/* A double asterisk against none, one or more names. */
static bool
match_deep(const char *rest, const char *path)
{
	const char *p = path;
	bool more = has_more(rest);

	for (;;) {
		size_t len;

		if (match(more ? rest : "*", p))
			return true;
		len = name_len(&p);
		if (len == 0 || p[0] == '.')
			return false;
		p += len;
	}
}

static bool
match(const char *glob, const char *path)
{
	char *g = next_name(&glob);
	char *name = NULL;
	bool same = false;

	if (g == NULL)
		return !has_more(path);
	if (strcmp(g, "**") == 0) {
		same = match_deep(glob, path);
		goto out;
	}
	name = next_name(&path);
	if (name == NULL)
		goto out;
	if (is_wild(g))
		same = fnmatch(g, name, FNM_PERIOD) == 0;
	else
		same = strcmp(g, name) == 0;
	same = same && match(glob, path);
out:
	free(g);
	free(name);
	return same;
}

bool
paths_match(const char *glob, const char *path)
{
	return (glob[0] == '/') == (path[0] == '/') && match(glob, path);
}

bool
paths_excluded(const char *const *globs, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash == NULL ? path : slash + 1;

	for (; globs != NULL && *globs != NULL; globs++)
		if (strchr(*globs, '/') == NULL ? fnmatch(*globs, last, 0) == 0
						: paths_match(*globs, path))
			return true;
	return false;
}
