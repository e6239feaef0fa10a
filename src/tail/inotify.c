/* SPDX-License-Identifier: MIT */
/*
 * The kernel has one mark for an inode; ours hang on it.  A number of a mark
 * that was removed may come again while events of the old one are queued:
 * they end with IN_IGNORED, and until it came they count for nobody.
 */
#include "tail/inotify.h"

#include "base/map.h"
#include "base/mem.h"
#include "io/loop.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/vfs.h>
#include <unistd.h>

#define READS_MAX 16 /* in one turn */

#define FILE_MASK (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define SELF_MASK (IN_MOVE_SELF | IN_DELETE_SELF)
#define NAME_MASK (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

struct mark {
	int wd;
	unsigned stale; /* IN_IGNORED still to come, of earlier marks */
	LIST_HEAD(, watch) watches;
};

struct watch {
	struct watcher *watcher;
	struct mark *mark; /* NULL: the kernel dropped it */
	LIST_ENTRY(watch) link;
	uint32_t mask;
	watch_fn *fn;
	void *ctx;
};

struct watcher {
	int fd;
	struct on_readable *readable;
	struct map *marks; /* by wd */
	struct watcher_callbacks callbacks;
};

static struct text
mark_key(const int *wd)
{
	return (struct text){ (const char *)wd, sizeof *wd };
}

static void
mark_free(void *mark)
{
	free(mark);
}

static enum watch_event
event_kind(const struct inotify_event *e)
{
	if (e->mask & (IN_UNMOUNT | IN_IGNORED | SELF_MASK))
		return WATCH_SELF;
	if (e->len > 0)
		return WATCH_NAME;
	if (e->mask & IN_MODIFY)
		return WATCH_CONTENT;
	return e->mask & IN_ISDIR ? WATCH_SELF : WATCH_ATTRIB;
}

static void
tell(const struct mark *m, const struct inotify_event *e)
{
	enum watch_event kind = event_kind(e);
	const char *name = kind == WATCH_NAME ? e->name : NULL;
	struct watch *watch;

	for (watch = LIST_FIRST(&m->watches); watch != NULL;
	     watch = LIST_NEXT(watch, link))
		if (e->mask & (watch->mask | IN_UNMOUNT | IN_IGNORED))
			watch->fn(
			    kind, name, (e->mask & IN_ISDIR) != 0, watch->ctx);
}

/* The kernel has dropped the mark, because its inode is gone. */
static void
mark_drop(struct watcher *w, struct mark *m)
{
	struct watch *watch;

	while ((watch = LIST_FIRST(&m->watches)) != NULL) {
		LIST_REMOVE(watch, link);
		watch->mark = NULL;
	}
	map_remove(w->marks, mark_key(&(int){ m->wd }));
}

static void
take_event(struct watcher *w, const struct inotify_event *e)
{
	struct mark *m = map_get(w->marks, mark_key(&e->wd));

	if (m == NULL)
		return;
	if (m->stale == 0) {
		tell(m, e);
		if (e->mask & IN_IGNORED)
			mark_drop(w, m);
	} else if (e->mask & IN_IGNORED) {
		m->stale--;
		if (m->stale == 0 && LIST_EMPTY(&m->watches))
			mark_drop(w, m);
	}
}

static void
mark_forgive(struct text key, void *value, void *ctx)
{
	struct mark *m = value;

	(void)key;
	m->stale = 0;
	if (LIST_EMPTY(&m->watches))
		mark_drop(ctx, m);
}

/* The IN_IGNORED that marks wait for may be among what was lost; one that comes
 * after all costs a second look. */
static void
take_overflow(struct watcher *w)
{
	map_each(w->marks, mark_forgive, w);
	w->callbacks.overflow(w->callbacks.ctx);
}

/* Returns false where nothing was there. */
static bool
take_events(struct watcher *w)
{
	union {
		struct inotify_event event;
		char bytes[32 * 1024];
	} buf;
	ssize_t len = read(w->fd, &buf, sizeof buf);
	const struct inotify_event *e;

	if (len <= 0)
		return false;
	for (char *p = buf.bytes; p < buf.bytes + len;
	     p += sizeof *e + e->len) {
		e = (const struct inotify_event *)(void *)p;
		if (e->mask & IN_Q_OVERFLOW)
			take_overflow(w);
		else
			take_event(w, e);
	}
	return true;
}

static void
readable(int fd, void *ctx)
{
	struct watcher *w = ctx;

	(void)fd;
	w->callbacks.ready(w->callbacks.ctx);
}

bool
watcher_take(struct watcher *w)
{
	for (unsigned i = 0; w != NULL && i < READS_MAX; i++)
		if (!take_events(w))
			return true;
	return w == NULL;
}

struct watcher *
watcher_new(
    struct loop *l, const struct watcher_callbacks *callbacks, struct err *err)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watcher *w;

	if (fd < 0) {
		err_set(err, "inotify: %m%s",
		    errno == EMFILE
			? " (raise sysctl fs.inotify.max_user_instances)"
			: "");
		return NULL;
	}
	w = mem_new(1, sizeof *w);
	w->fd = fd;
	w->callbacks = *callbacks;
	w->marks = map_new(SIZE_MAX, mark_free);
	w->readable = on_readable_new(l, fd, readable, w);
	return w;
}

void
watcher_free(struct watcher *w)
{
	if (w == NULL)
		return;
	on_readable_free(w->readable);
	close(w->fd);
	map_free(w->marks);
	free(w);
}

static struct watch *
watch_new(struct watcher *w, const char *path, uint32_t mask, uint32_t flags,
    watch_fn *fn, void *ctx)
{
	struct watch *watch;
	struct mark *m;
	int wd;

	if (w == NULL) {
		errno = EMFILE;
		return NULL;
	}
	/* Added to what others want of that inode, never instead of it. */
	wd = inotify_add_watch(w->fd, path, mask | flags | IN_MASK_ADD);
	if (wd < 0)
		return NULL;
	m = map_get(w->marks, mark_key(&wd));
	if (m == NULL) {
		m = mem_new(1, sizeof *m);
		m->wd = wd;
		LIST_INIT(&m->watches);
		map_put(w->marks, mark_key(&wd), m);
	}
	watch = mem_new(1, sizeof *watch);
	watch->watcher = w;
	watch->mark = m;
	watch->mask = mask;
	watch->fn = fn;
	watch->ctx = ctx;
	LIST_INSERT_HEAD(&m->watches, watch, link);
	return watch;
}

struct watch *
watch_dir(struct watcher *w, const char *path, enum watch_dir what,
    watch_fn *fn, void *ctx)
{
	static const uint32_t masks[] = {
		[WATCH_DIR_SELF] = SELF_MASK,
		[WATCH_DIR_NAMES] = SELF_MASK | NAME_MASK,
		[WATCH_DIR_ATTRIB] = SELF_MASK | NAME_MASK | IN_ATTRIB,
	};

	return watch_new(w, path, masks[what], IN_ONLYDIR, fn, ctx);
}

struct watch *
watch_file(struct watcher *w, int fd, const char *path, watch_fn *fn, void *ctx)
{
	char proc[64];
	struct watch *watch;

	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	watch = watch_new(w, proc, FILE_MASK, 0, fn, ctx);
	if (watch == NULL && errno == ENOENT)
		watch = watch_new(w, path, FILE_MASK, 0, fn, ctx);
	return watch;
}

void
watch_free(struct watch *watch)
{
	struct mark *m;

	if (watch == NULL)
		return;
	m = watch->mark;
	if (m != NULL) {
		LIST_REMOVE(watch, link);
		if (LIST_EMPTY(&m->watches)) {
			inotify_rm_watch(watch->watcher->fd, m->wd);
			m->stale++;
		}
	}
	free(watch);
}

static bool
is_deaf(const struct statfs *fs)
{
	switch ((unsigned long)fs->f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case V9FS_MAGIC:
	case FUSE_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case OVERLAYFS_SUPER_MAGIC: /* a file of a lower layer */
		return true;
	default:
		return false;
	}
}

bool
watch_is_deaf(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && is_deaf(&fs);
}

bool
watch_is_deaf_dir(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type != OVERLAYFS_SUPER_MAGIC &&
	       is_deaf(&fs);
}

bool
watch_is_layered(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}
