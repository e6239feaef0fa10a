/* SPDX-License-Identifier: MIT */
/*
 * Events only mark what to look at and what to read; a round looks first and
 * then reads, so that it does not matter in which order events came.
 */
#include "tail/tail.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "store/store.h"
#include "tail/file.h"
#include "tail/inotify.h"
#include "tail/names.h"
#include "tail/paths.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/queue.h>
#include <unistd.h>

#define SHARE (1 << 20)    /* bytes of one file in one turn */
#define DELETED_MS 5000    /* a deleted file is held without growth */
#define ROTATED_MS 120000  /* one that was rotated away */
#define POLL_MS 1000       /* where inotify cannot serve */
#define RELEASED_MAX 20000 /* files remembered that are no longer held */
#define REPEAT_MS 60000    /* the same message about one file */

struct source {
	const struct tail_source *spec;
	bool resumed; /* it was started before */
	bool told;    /* that it was */
};

/* What tells files apart, once a source; without holes, for it is a key. */
struct identity {
	uint64_t source, device, inode;
};

struct followed {
	struct tail *tail;
	struct file *file;
	struct identity identity;
	uint64_t id;
	size_t source;
	struct watch *watch; /* NULL: it is polled */
	LIST_HEAD(, name) names;
	TAILQ_ENTRY(followed) link; /* of all */

	bool ready; /* to be read */
	TAILQ_ENTRY(followed) ready_link;
	bool dirty; /* its position is to be told */
	TAILQ_ENTRY(followed) dirty_link;

	struct followed *after; /* not read before that one was, to its end */
	unsigned waiting;       /* how many are after this one */

	bool held; /* it has no name any more */
	TAILQ_ENTRY(followed) held_link;
	bool succeeded; /* its place is taken, or will not be */
	bool deleted;   /* no directory has it any more */
	int64_t grown_ms;

	bool broken;           /* reading failed; said */
	int64_t truncated_ms;  /* when it was last said, 0: never */
	uint64_t truncations;  /* since then */
	int64_t long_lines_ms; /* likewise */
	uint64_t long_lines;   /* told of so far */
};

TAILQ_HEAD(all_files, followed);

struct tail {
	struct loop *loop;
	struct tail_callbacks callbacks;
	struct source *sources;
	size_t count;
	struct turn *turn;
	struct timer *timer;
	struct watcher *watcher;
	struct names *names;
	uint64_t last_id;

	struct map *by_identity; /* struct followed, not owned */
	struct all_files all, ready, dirty, held;

	struct map *known;    /* struct position: not found yet */
	struct map *released; /* struct position: let go, but still there */
	struct map *gone;     /* struct position: to be forgotten */

	bool starting;
	bool found;     /* a file that was not followed, in this round */
	bool changed;   /* something is to be told at the end of the round */
	bool caught_up; /* as last told */
	bool poll;
	bool poll_said;
	int64_t poll_at_ms;
};

static const char *
source_name(const struct tail *t, size_t source)
{
	return t->sources[source].spec->name;
}

static struct text
identity_key(const struct identity *i)
{
	return (struct text){ (const char *)i, sizeof *i };
}

static struct identity
identity_of(size_t source, const struct stat *st)
{
	return (struct identity){ source, st->st_dev, st->st_ino };
}

/* Reading. */

static void
make_ready(struct followed *f)
{
	if (f->ready || f->after != NULL)
		return;
	f->ready = true;
	TAILQ_INSERT_TAIL(&f->tail->ready, f, ready_link);
}

static void
make_dirty(struct followed *f)
{
	f->tail->changed = true;
	if (f->dirty)
		return;
	f->dirty = true;
	TAILQ_INSERT_TAIL(&f->tail->dirty, f, dirty_link);
}

static void
ask_poll(struct tail *t)
{
	if (t->poll)
		return;
	t->poll = true;
	t->poll_at_ms = clock_now_ms() + POLL_MS;
}

static void
file_block(const struct block *block, void *ctx)
{
	struct followed *f = ctx;

	f->tail->changed = true;
	f->tail->callbacks.block(block, f->tail->callbacks.ctx);
}

/* Those that waited for f to be read to its end may go on. */
static void
let_go_on(struct followed *f)
{
	struct followed *other = TAILQ_FIRST(&f->tail->all);

	for (; f->waiting > 0; other = TAILQ_NEXT(other, link)) {
		if (other->after != f)
			continue;
		other->after = NULL;
		f->waiting--;
		make_ready(other);
	}
}

static void
wait_for(struct followed *f, struct followed *other)
{
	if (f->ready)
		TAILQ_REMOVE(&f->tail->ready, f, ready_link);
	f->ready = false;
	f->after = other;
	other->waiting++;
	make_ready(other);
}

static void
truncated(struct followed *f)
{
	struct tail *t = f->tail;
	int64_t now_ms = clock_now_ms(), was = file_read_offset(f->file);
	struct stat st = { .st_size = 0 };

	fstat(file_fd(f->file), &st);
	f->truncations++;
	if (f->truncated_ms == 0 || now_ms - f->truncated_ms >= REPEAT_MS) {
		log_warning("file truncated, reading from its start "
			    "source=%s path=%s was=%" PRId64 " now=%" PRId64
			    " times=%" PRIu64,
		    source_name(t, f->source), file_path(f->file), was,
		    (int64_t)st.st_size, f->truncations);
		f->truncated_ms = now_ms;
		f->truncations = 0;
	}
	file_restart(f->file);
	make_dirty(f);
	t->callbacks.end(f->id, t->callbacks.ctx);
}

static void
say_long_lines(struct followed *f)
{
	uint64_t count = file_long_lines(f->file) - f->long_lines;
	int64_t now_ms;

	if (count == 0)
		return;
	now_ms = clock_now_ms();
	if (f->long_lines_ms > 0 && now_ms - f->long_lines_ms < REPEAT_MS)
		return;
	log_warning("line too long, matched on its head, the rest is skipped "
		    "source=%s path=%s max_line=%zu times=%" PRIu64,
	    source_name(f->tail, f->source), file_path(f->file),
	    f->tail->sources[f->source].spec->max_line, count);
	f->long_lines += count;
	f->long_lines_ms = now_ms;
}

static void
read_ended(struct followed *f)
{
	struct stat st;

	if (f->held && fstat(file_fd(f->file), &st) == 0)
		f->deleted = st.st_nlink == 0;
	let_go_on(f);
}

static void
read_broken(struct followed *f, const struct err *err)
{
	if (!f->broken)
		log_warning("log cannot be read, trying again every second "
			    "source=%s path=%s reason=%s",
		    source_name(f->tail, f->source), file_path(f->file),
		    err->text);
	f->broken = true;
	ask_poll(f->tail);
	let_go_on(f);
}

/* Reads a share of a file.  Returns how many bytes there were. */
static size_t
read_share(struct followed *f)
{
	int64_t offset = file_offset(f->file);
	struct err err;
	size_t got;

	switch (file_read(f->file, SHARE, &got, &err)) {
	case FILE_MORE:
		make_ready(f);
		break;
	case FILE_TRUNCATED:
		truncated(f);
		make_ready(f);
		break;
	case FILE_END:
		f->broken = false;
		read_ended(f);
		break;
	case FILE_BROKEN:
		read_broken(f, &err);
		break;
	}
	if (got > 0)
		f->grown_ms = clock_now_ms();
	if (file_offset(f->file) != offset)
		make_dirty(f);
	say_long_lines(f);
	file_rest(f->file);
	return got;
}

/* Each file that was ready gets one share. */
static void
read_ready(struct tail *t)
{
	struct followed *last = TAILQ_LAST(&t->ready, all_files), *f = NULL;

	while (f != last) {
		f = TAILQ_FIRST(&t->ready);
		TAILQ_REMOVE(&t->ready, f, ready_link);
		f->ready = false;
		read_share(f);
	}
}

/* Following. */

static void
file_event(enum watch_event event, const char *name, bool is_dir, void *ctx)
{
	struct followed *f = ctx;
	struct name *n;

	(void)name;
	(void)is_dir;
	make_ready(f);
	if (event == WATCH_CONTENT)
		return;
	for (n = LIST_FIRST(&f->names); n != NULL; n = LIST_NEXT(n, others))
		name_mark(n);
}

static void
watch(struct followed *f)
{
	struct tail *t = f->tail;

	f->watch = watch_file(
	    t->watcher, file_fd(f->file), file_path(f->file), file_event, f);
	if (f->watch != NULL)
		return;
	ask_poll(t);
	if (!t->poll_said)
		log_warning("file cannot be watched, looking every second "
			    "source=%s path=%s reason=%s%s",
		    source_name(t, f->source), file_path(f->file),
		    strerror(errno),
		    errno == ENOSPC
			? " (raise sysctl fs.inotify.max_user_watches)"
			: "");
	t->poll_said = true;
}

static struct followed *
followed_new(
    struct tail *t, const struct identity *identity, struct file_spec *spec)
{
	struct followed *f = mem_new(1, sizeof *f);

	f->tail = t;
	f->identity = *identity;
	f->id = spec->id = ++t->last_id;
	f->source = spec->source;
	LIST_INIT(&f->names);
	spec->max_line = t->sources[spec->source].spec->max_line;
	f->file = file_new(spec, file_block, f);
	TAILQ_INSERT_TAIL(&t->all, f, link);
	map_put(t->by_identity, identity_key(identity), f);
	map_remove(t->known, identity_key(identity));
	map_remove(t->released, identity_key(identity));
	map_remove(t->gone, identity_key(identity));
	watch(f);
	make_ready(f);
	make_dirty(f);
	return f;
}

static void
followed_free(struct followed *f)
{
	struct tail *t = f->tail;
	struct name *n;

	let_go_on(f);
	if (f->after != NULL)
		f->after->waiting--;
	while ((n = LIST_FIRST(&f->names)) != NULL) {
		LIST_REMOVE(n, others);
		n->file = NULL;
	}
	if (f->ready)
		TAILQ_REMOVE(&t->ready, f, ready_link);
	if (f->dirty)
		TAILQ_REMOVE(&t->dirty, f, dirty_link);
	if (f->held)
		TAILQ_REMOVE(&t->held, f, held_link);
	TAILQ_REMOVE(&t->all, f, link);
	map_remove(t->by_identity, identity_key(&f->identity));
	watch_free(f->watch);
	file_free(f->file);
	free(f);
}

static struct position
position_of(struct followed *f)
{
	struct position p = {
		.source = source_name(f->tail, f->source),
		.device = f->identity.device,
		.inode = f->identity.inode,
		.seen_ms = clock_wall_ms(),
	};

	file_position(f->file, &p);
	return p;
}

/* A file that lost its last name is held: whoever writes it may not have
 * noticed yet. */
static void
hold(struct followed *f, bool succeeded)
{
	f->held = true;
	f->succeeded = succeeded;
	f->deleted = false;
	f->grown_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&f->tail->held, f, held_link);
	make_ready(f);
}

static void
unhold(struct followed *f)
{
	if (!f->held)
		return;
	TAILQ_REMOVE(&f->tail->held, f, held_link);
	f->held = f->succeeded = f->deleted = false;
}

/* When a held file is let go: not before what it was, and what comes after it,
 * are known. */
static int64_t
release_due(const struct followed *f)
{
	if (f->ready || f->after != NULL)
		return INT64_MAX;
	if (f->deleted)
		return f->grown_ms + DELETED_MS;
	return f->succeeded ? f->grown_ms + ROTATED_MS : INT64_MAX;
}

static void
release(struct followed *f)
{
	struct tail *t = f->tail;
	struct position p;

	log_info("file let go, it is read to its end source=%s path=%s "
		 "deleted=%s",
	    source_name(t, f->source), file_path(f->file),
	    f->deleted ? "yes" : "no");
	file_end(f->file);
	t->changed = true;
	t->callbacks.end(f->id, t->callbacks.ctx);
	p = position_of(f);
	map_put(t->gone, identity_key(&f->identity), position_copy(&p));
	if (!f->deleted)
		map_put(
		    t->released, identity_key(&f->identity), position_copy(&p));
	unhold(f);
	followed_free(f);
}

static void
release_held(struct tail *t, int64_t now_ms)
{
	struct followed *f, *next;

	for (f = TAILQ_FIRST(&t->held); f != NULL; f = next) {
		next = TAILQ_NEXT(f, held_link);
		/* A last look, for a writer may have gone unheard. */
		if (release_due(f) <= now_ms && read_share(f) == 0 &&
		    release_due(f) <= now_ms)
			release(f);
	}
}

/* Names. */

static void
name_leave(struct name *n)
{
	struct followed *f = n->file;

	if (f == NULL)
		return;
	n->file = NULL;
	LIST_REMOVE(n, others);
	if (LIST_EMPTY(&f->names))
		hold(f, n->glob);
}

static void
name_take(struct name *n, struct followed *f)
{
	n->file = f;
	LIST_INSERT_HEAD(&f->names, n, others);
	unhold(f);
}

/* The file that was at a path before and has not been succeeded yet. */
static struct followed *
predecessor(struct tail *t, const struct name *n)
{
	struct followed *f;

	for (f = TAILQ_FIRST(&t->held); f != NULL; f = TAILQ_NEXT(f, held_link))
		if (f->source == n->source && !f->succeeded &&
		    strcmp(file_path(f->file), n->path) == 0)
			return f;
	return NULL;
}

struct moved_search {
	const struct name *name;
	const struct identity *identity;
	const struct position *found;
};

static void
compare_moved(struct text key, void *value, void *ctx)
{
	const struct identity *i = (const void *)key.data;
	struct moved_search *s = ctx;
	const struct position *p = value;

	if (i->source == s->identity->source &&
	    i->inode == s->identity->inode &&
	    strcmp(p->path, s->name->path) == 0)
		s->found = p;
}

/* The position of a file; also where its device has another number since the
 * machine started, as happens. */
static const struct position *
position_for(
    struct tail *t, const struct name *n, const struct identity *identity)
{
	const struct position *p = map_get(t->known, identity_key(identity));
	struct moved_search s = { n, identity, NULL };

	if (p == NULL)
		p = map_get(t->released, identity_key(identity));
	if (p == NULL && t->starting)
		map_each(t->known, compare_moved, &s);
	return p != NULL ? p : s.found;
}

static void
forget(struct tail *t, size_t source, const struct position *p)
{
	struct identity identity = { source, p->device, p->inode };

	map_put(t->gone, identity_key(&identity), position_copy(p));
	map_remove(t->known, identity_key(&identity));
	t->changed = true;
}

/* Where to start in a file that is not followed yet. */
static void
choose_start(struct tail *t, const struct name *n,
    const struct identity *identity, const struct stat *st,
    struct file_spec *spec)
{
	const struct source *s = &t->sources[n->source];
	const struct position *p = position_for(t, n, identity);

	spec->line = 1;
	if (p != NULL && file_is(spec->fd, p)) {
		spec->offset = p->offset;
		spec->line = p->line > 0 ? p->line : 0;
	} else if (p != NULL) {
		log_warning("file was rewritten, reading from its start "
			    "source=%s path=%s was=%" PRId64 " now=%" PRId64,
		    s->spec->name, n->path, p->offset, (int64_t)st->st_size);
	} else if (t->starting && !s->resumed && !s->spec->from_beginning) {
		spec->offset = st->st_size;
		spec->line = st->st_size > 0 ? 0 : 1;
	}
	if (p != NULL && p->device != identity->device)
		forget(t, n->source, p);
}

static struct followed *
follow_new(struct tail *t, struct name *n, const struct identity *identity,
    int fd, const struct stat *st)
{
	struct file_spec spec = {
		.fd = fd,
		.source = n->source,
		.path = n->path,
	};

	choose_start(t, n, identity, st, &spec);
	if (n->glob && t->starting) /* there may be thousands */
		log_debug("following source=%s path=%s offset=%" PRId64,
		    source_name(t, n->source), n->path, spec.offset);
	else
		log_info("following source=%s path=%s offset=%" PRId64,
		    source_name(t, n->source), n->path, spec.offset);
	t->found = true;
	return followed_new(t, identity, &spec);
}

/* The file at a name is another than before: the old one is held and read to
 * its end, and only then the new one. */
static void
name_follow(struct tail *t, struct name *n, int fd, const struct stat *st)
{
	struct identity identity = identity_of(n->source, st);
	struct followed *f = map_get(t->by_identity, identity_key(&identity));
	struct followed *old = n->file != NULL ? n->file : predecessor(t, n);
	bool is_new = f == NULL;

	name_leave(n);
	if (is_new)
		f = follow_new(t, n, &identity, fd, st);
	else
		close(fd);
	name_take(n, f);
	if (old == NULL || old == f)
		return;
	log_info("log rotated, the old file is read to its end first "
		 "source=%s path=%s",
	    source_name(t, n->source), n->path);
	if (old->held)
		old->succeeded = true;
	if (is_new)
		wait_for(f, old);
}

/* Said when it changes, not at each look. */
static void
name_say(struct tail *t, struct name *n, enum name_state state,
    const struct err *err)
{
	static const char *const words[] = {
		[NAME_MISSING] = "log is not there, waiting for it",
		[NAME_DENIED] = "log cannot be read, waiting for permission",
		[NAME_REFUSED] = "not followed",
		[NAME_FAILED] = "log cannot be opened, trying again",
	};

	if (n->state == state)
		return;
	if (n->state == NAME_FOLLOWED && state == NAME_MISSING)
		log_info("log was moved or removed, waiting for the next "
			 "source=%s path=%s",
		    source_name(t, n->source), n->path);
	else
		log_warning("%s source=%s path=%s reason=%s", words[state],
		    source_name(t, n->source), n->path, err->text);
	n->state = state;
}

static bool
is_unchanged(const struct name *n, const struct stat *st)
{
	struct identity identity = identity_of(n->source, st);

	return n->file != NULL &&
	       memcmp(&identity, &n->file->identity, sizeof identity) == 0;
}

/* A glob does not speak of what is not there, nor of directories. */
static void
name_gone(struct tail *t, struct name *n, enum name_state state,
    const struct err *err)
{
	name_leave(n);
	if (n->glob)
		name_drop(n);
	else
		name_say(t, n, state, err);
}

static void
name_look(struct tail *t, struct name *n)
{
	struct stat st;
	struct err err;
	int fd;
	bool there = stat(n->path, &st) == 0;

	if (there && is_unchanged(n, &st)) {
		n->state = NAME_FOLLOWED;
		return;
	}
	switch (file_open(n->path, &fd, &st, &err)) {
	case FILE_OPENED:
		name_follow(t, n, fd, &st);
		n->state = NAME_FOLLOWED;
		return;
	case FILE_MISSING:
		name_gone(t, n, NAME_MISSING, &err);
		return;
	case FILE_DIR:
		name_gone(t, n, NAME_REFUSED, &err);
		return;
	case FILE_REFUSED:
		name_leave(n);
		name_say(t, n, NAME_REFUSED, &err);
		return;
	case FILE_DENIED:
		if (there) /* another file; not there: who knows */
			name_leave(n);
		name_say(t, n, NAME_DENIED, &err);
		name_mind_attributes(n);
		return;
	case FILE_FAILED:
		name_say(t, n, NAME_FAILED, &err);
		name_retry(n);
		return;
	}
}

/* Rotated while logwatch was not there. */

/* A position whose file was not found under a name. */
struct stray {
	const struct position *position;
	struct identity identity;
	int fd; /* -1: it was not found at all */
	struct stat st;
};

struct strays {
	struct stray *at;
	size_t count;
};

static void
stray_add(struct text key, void *value, void *ctx)
{
	struct strays *s = ctx;
	struct stray *stray = &s->at[s->count++];

	stray->position = value;
	memcpy(&stray->identity, key.data, sizeof stray->identity);
}

/* By path, the newest of each first. */
static int
stray_compare(const void *a, const void *b)
{
	const struct stray *x = a, *y = b;
	int order = strcmp(x->position->path, y->position->path);

	if (order != 0)
		return order;
	if (x->st.st_mtim.tv_sec != y->st.st_mtim.tv_sec)
		return x->st.st_mtim.tv_sec < y->st.st_mtim.tv_sec ? 1 : -1;
	return x->st.st_mtim.tv_nsec < y->st.st_mtim.tv_nsec   ? 1
	       : x->st.st_mtim.tv_nsec > y->st.st_mtim.tv_nsec ? -1
	                                                       : 0;
}

static void
stray_find(struct stray *s, struct paths_listing **listing)
{
	const struct position *p = s->position;
	char *path = paths_rotated(listing, p->path, p->inode);
	struct identity identity;

	s->fd = -1;
	if (path == NULL ||
	    file_open(path, &s->fd, &s->st, NULL) != FILE_OPENED)
		goto out;
	identity = identity_of(s->identity.source, &s->st);
	if (memcmp(&identity, &s->identity, sizeof identity) != 0 ||
	    !file_is(s->fd, p)) {
		close(s->fd);
		s->fd = -1;
	} else {
		log_info("log was rotated meanwhile, the old file is read to "
			 "its end first path=%s is=%s offset=%" PRId64,
		    p->path, path, p->offset);
	}
out:
	free(path);
}

/* Reads on in a rotated file before what came after it. */
static void
stray_follow(struct tail *t, const struct stray *s)
{
	struct name *n =
	    names_find(t->names, s->identity.source, s->position->path);
	struct followed *next = n == NULL ? NULL : n->file, *f;
	struct file_spec spec = {
		.fd = s->fd,
		.source = s->identity.source,
		.path = s->position->path,
		.offset = s->position->offset,
		.line = s->position->line > 0 ? s->position->line : 0,
	};

	if (next == NULL && n != NULL)
		next = predecessor(t, n);
	while (next != NULL && next->after != NULL)
		next = next->after;
	f = followed_new(t, &s->identity, &spec);
	hold(f, next != NULL || n == NULL);
	if (next != NULL)
		wait_for(next, f);
}

/* A log that is not there, nor anything in its place, may yet come back: a
 * disk that is mounted late. */
static bool
may_come(struct tail *t, const struct stray *s)
{
	const struct name *n =
	    names_find(t->names, s->identity.source, s->position->path);

	return n != NULL && n->file == NULL;
}

static void
stray_lost(struct tail *t, const struct stray *s)
{
	const struct position *p = s->position;

	log_warning("file is gone, what was written to it after the position "
		    "is lost source=%s path=%s inode=%" PRIu64
		    " offset=%" PRId64 " line=%" PRId64,
	    p->source, p->path, p->inode, p->offset, p->line);
	forget(t, s->identity.source, p);
}

static void
resume_rotated(struct tail *t)
{
	struct strays s = { mem_new(map_count(t->known), sizeof *s.at), 0 };
	struct paths_listing *listing = NULL;

	map_each(t->known, stray_add, &s);
	for (int i = 0; i < 2; i++) {
		/* By path for the listing; then also by time. */
		qsort(s.at, s.count, sizeof *s.at, stray_compare);
		for (size_t j = 0; i == 0 && j < s.count; j++)
			stray_find(&s.at[j], &listing);
	}
	for (size_t i = 0; i < s.count; i++)
		if (s.at[i].fd >= 0)
			stray_follow(t, &s.at[i]);
		else if (!may_come(t, &s.at[i]))
			stray_lost(t, &s.at[i]);
	paths_listing_free(listing);
	free(s.at);
}

/* Rounds. */

static void
look(struct tail *t)
{
	struct name *n;

	while ((n = names_next(t->names)) != NULL)
		name_look(t, n);
	if ((t->starting || t->found) && map_count(t->known) > 0)
		resume_rotated(t);
	t->found = false;
	if (names_polled(t->names))
		ask_poll(t);
}

/* Wakes when a held file may be let go or something must be polled, and not at
 * all otherwise. */
static void
arm(struct tail *t)
{
	int64_t at_ms = t->poll ? t->poll_at_ms : INT64_MAX;
	struct followed *f;

	for (f = TAILQ_FIRST(&t->held); f != NULL; f = TAILQ_NEXT(f, held_link))
		if (release_due(f) < at_ms)
			at_ms = release_due(f);
	timer_at(t->timer, at_ms);
}

static void
go_round(void *ctx)
{
	struct tail *t = ctx;
	bool caught_up;

	look(t);
	read_ready(t);
	release_held(t, clock_now_ms());
	caught_up = tail_caught_up(t);
	if (!caught_up)
		turn_ask(t->turn);
	arm(t);
	if (t->changed || (caught_up && !t->caught_up)) {
		t->changed = false;
		t->callbacks.turn(t->callbacks.ctx);
	}
	t->caught_up = caught_up;
}

static void
poll_files(struct tail *t)
{
	struct followed *f;

	t->poll = false;
	names_poll(t->names);
	for (f = TAILQ_FIRST(&t->all); f != NULL; f = TAILQ_NEXT(f, link)) {
		if (f->watch == NULL)
			watch(f);
		else if (!f->broken)
			continue;
		make_ready(f);
	}
}

static void
time_came(void *ctx)
{
	struct tail *t = ctx;

	if (t->poll && clock_now_ms() >= t->poll_at_ms)
		poll_files(t);
	go_round(t);
}

static void
mark_all(void *ctx)
{
	struct tail *t = ctx;
	struct followed *f;

	names_mark_all(t->names);
	for (f = TAILQ_FIRST(&t->all); f != NULL; f = TAILQ_NEXT(f, link))
		make_ready(f);
}

static void
overflow(void *ctx)
{
	log_info("inotify queue overflowed, looking at everything again");
	mark_all(ctx);
}

/* The tail as a whole. */

struct tail *
tail_new(struct loop *l, const struct tail_source *sources, size_t count,
    const struct tail_callbacks *callbacks)
{
	struct tail *t = mem_new(1, sizeof *t);

	t->loop = l;
	t->callbacks = *callbacks;
	t->sources = mem_new(count, sizeof *t->sources);
	t->count = count;
	for (size_t i = 0; i < count; i++)
		t->sources[i].spec = &sources[i];
	t->turn = turn_new(l, go_round, t);
	t->timer = timer_new(l, time_came, t);
	t->by_identity = map_new(SIZE_MAX, NULL);
	t->known = map_new(SIZE_MAX, position_free);
	t->released = map_new(RELEASED_MAX, position_free);
	t->gone = map_new(SIZE_MAX, position_free);
	TAILQ_INIT(&t->all);
	TAILQ_INIT(&t->ready);
	TAILQ_INIT(&t->dirty);
	TAILQ_INIT(&t->held);
	return t;
}

void
tail_free(struct tail *t)
{
	struct followed *f, *next;

	if (t == NULL)
		return;
	for (f = TAILQ_FIRST(&t->all); f != NULL; f = next) {
		next = TAILQ_NEXT(f, link);
		followed_free(f);
	}
	names_free(t->names);
	watcher_free(t->watcher);
	turn_free(t->turn);
	timer_free(t->timer);
	map_free(t->by_identity);
	map_free(t->known);
	map_free(t->released);
	map_free(t->gone);
	free(t->sources);
	free(t);
}

void
tail_resume(struct tail *t, const struct position *p)
{
	for (size_t i = 0; i < t->count; i++) {
		struct identity identity = { i, p->device, p->inode };

		if (strcmp(source_name(t, i), p->source) != 0)
			continue;
		t->sources[i].resumed = true;
		if (p->inode != 0)
			map_put(t->known, identity_key(&identity),
			    position_copy(p));
	}
}

static bool
is_followed(const struct tail *t, size_t source, const char *glob)
{
	const struct followed *f;

	for (f = TAILQ_FIRST(&t->all); f != NULL; f = TAILQ_NEXT(f, link))
		if (f->source == source &&
		    paths_match(glob, file_path(f->file)))
			return true;
	return false;
}

/* Likely a slip, at three in the morning at the latest. */
static void
say_empty_globs(const struct tail *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct tail_source *spec = t->sources[i].spec;

		for (size_t j = 0; spec->paths[j] != NULL; j++)
			if (paths_is_glob(spec->paths[j]) &&
			    !is_followed(t, i, spec->paths[j]))
				log_warning("no file is there that the glob "
					    "names, waiting for one source=%s "
					    "path=%s",
				    spec->name, spec->paths[j]);
	}
}

int
tail_start(struct tail *t, struct err *err)
{
	const struct watcher_callbacks callbacks = { overflow, go_round, t };

	t->watcher = watcher_new(t->loop, &callbacks, err);
	if (t->watcher == NULL)
		return -1;
	t->names = names_new(t->watcher);
	for (size_t i = 0; i < t->count; i++) {
		const struct tail_source *spec = t->sources[i].spec;

		for (size_t j = 0; spec->paths[j] != NULL; j++)
			names_add(t->names, i, spec->paths[j], spec->exclude);
	}
	t->starting = true;
	look(t);
	t->starting = false;
	say_empty_globs(t);
	turn_ask(t->turn);
	return 0;
}

bool
tail_caught_up(const struct tail *t)
{
	return TAILQ_EMPTY(&t->ready) && t->names != NULL &&
	       !names_waiting(t->names);
}

static void
tell_started(struct tail *t, bool all, tail_position_fn *fn, void *ctx)
{
	for (size_t i = 0; i < t->count; i++) {
		struct source *s = &t->sources[i];
		struct position p = {
			.source = s->spec->name,
			.path = s->spec->paths[0],
			.line = 1,
			.seen_ms = clock_wall_ms(),
		};

		if (t->names != NULL && (all || !s->told))
			fn(0, &p, ctx);
		s->told = t->names != NULL;
	}
}

static void
tell_position(struct followed *f, tail_position_fn *fn, void *ctx)
{
	struct position p = position_of(f);

	fn(f->id, &p, ctx);
	if (f->dirty)
		TAILQ_REMOVE(&f->tail->dirty, f, dirty_link);
	f->dirty = false;
}

void
tail_positions(struct tail *t, bool all, tail_position_fn *fn, void *ctx)
{
	struct followed *f;

	tell_started(t, all, fn, ctx);
	for (f = TAILQ_FIRST(&t->all); all && f != NULL;
	     f = TAILQ_NEXT(f, link))
		tell_position(f, fn, ctx);
	while ((f = TAILQ_FIRST(&t->dirty)) != NULL)
		tell_position(f, fn, ctx);
}

struct gone_call {
	tail_gone_fn *fn;
	void *ctx;
};

static void
tell_gone(struct text key, void *value, void *ctx)
{
	struct gone_call *call = ctx;
	const struct position *p = value;

	(void)key;
	call->fn(p->source, p->device, p->inode, call->ctx);
}

void
tail_gone(struct tail *t, tail_gone_fn *fn, void *ctx)
{
	struct gone_call call = { fn, ctx };

	map_each(t->gone, tell_gone, &call);
}

void
tail_gone_saved(struct tail *t)
{
	map_clear(t->gone);
}

void
tail_sizes(const struct tail *t, tail_size_fn *fn, void *ctx)
{
	const struct followed *f;
	struct stat st;

	for (f = TAILQ_FIRST(&t->all); f != NULL; f = TAILQ_NEXT(f, link))
		if (fstat(file_fd(f->file), &st) == 0)
			fn(f->id, st.st_size, ctx);
}

void
tail_look(struct tail *t)
{
	mark_all(t);
	t->caught_up = false;
	turn_ask(t->turn);
}
