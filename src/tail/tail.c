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
#include "io/mounts.h"
#include "io/timer.h"
#include "store/store.h"
#include "tail/file.h"
#include "tail/following.h"
#include "tail/inotify.h"
#include "tail/names.h"
#include "tail/paths.h"
#include "tail/position.h"
#include "tail/resume.h"
#include "tail/rotated.h"
#include "tail/succession.h"
#include "tail/texts.h"
#include "tail/told.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/queue.h>
#include <unistd.h>

/* What was found at a name, and what comes before it. */
struct turnover {
	STAILQ_ENTRY(turnover) link;
	size_t source;
	char *path;
	struct followed *old;  /* what was there before; what is there again */
	struct position *was;  /* or: where its file was read to, before it was
	                          truncated; neither: nothing was */
	struct followed *next; /* what is there */
	bool beside; /* it is what was there: something came beside it */
};

struct tail {
	struct following all;
	struct loop *loop;
	bool **started; /* of each source, its paths: before this start */
	bool told;      /* that they are */
	struct turn *turn;
	struct timer *timer;
	struct watcher *watcher;
	struct mounts *mounts;
	struct names *names;
	STAILQ_HEAD(, turnover) turnovers; /* of this look */

	bool starting;
	bool polled;    /* what cannot be watched is looked at in this round */
	bool found;     /* a file that was not followed, in this round */
	bool caught_up; /* as last told */
};

static const char *
source_name(const struct tail *t, size_t source)
{
	return t->all.sources[source].name;
}

static struct identity
identity_of(size_t source, const struct stat *st)
{
	return (struct identity){ source, st->st_dev, st->st_ino };
}

/* Names. */

static void
tell_state(const struct tail *t, const struct name *n,
    enum tail_path_state state, const char *reason)
{
	if (t->all.callbacks.state != NULL)
		t->all.callbacks.state(
		    n->source, n->path, state, reason, t->all.callbacks.ctx);
}

static void
name_leave(const struct tail *t, struct name *n)
{
	struct followed *f = n->file;

	if (f == NULL)
		return;
	n->file = NULL;
	LIST_REMOVE(n, others);
	if (f->broken || f->foreign)
		tell_state(t, n, TAIL_PATH_FOLLOWED, NULL);
	if (LIST_EMPTY(&f->names))
		followed_hold(f, n->glob);
}

static void
name_take(struct name *n, struct followed *f)
{
	n->file = f;
	LIST_INSERT_HEAD(&f->names, n, others);
	followed_unhold(f);
}

/* The file that was at a path before and has not been succeeded yet. */
static struct followed *
predecessor(struct tail *t, const struct name *n)
{
	struct followed *f;

	for (f = TAILQ_FIRST(&t->all.held); f != NULL;
	     f = TAILQ_NEXT(f, held_link))
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
	const struct position *p =
	    map_get(t->all.known, identity_key(identity));
	struct moved_search s = { n, identity, NULL };

	if (p == NULL)
		p = map_get(t->all.released, identity_key(identity));
	if (p == NULL && t->starting)
		map_each(t->all.known, compare_moved, &s);
	return p != NULL ? p : s.found;
}

static struct turnover *
turnover_add(struct tail *t, const struct name *n, struct followed *old,
    const struct position *was, struct followed *next)
{
	struct turnover *o = mem_new(1, sizeof *o);

	o->source = n->source;
	o->path = mem_text(n->path);
	o->old = old;
	o->was = was == NULL ? NULL : position_copy(was);
	o->next = next;
	STAILQ_INSERT_TAIL(&t->turnovers, o, link);
	return o;
}

/* Those that came and went since the look before were never open. */
static void
turn_over(struct tail *t, struct turnover *o, struct rotated *r)
{
	int64_t since_ms =
	    t->starting ? t->all.seen_ms[o->source] : t->all.since_ms;
	struct followed *last;
	bool found;

	if (o->beside) {
		succession_beside(&t->all, r, o->path, o->old, since_ms);
		return;
	}
	if (o->old != NULL && o->old == o->next) {
		succession_away(&t->all, r, o->path, o->old, since_ms);
		return;
	}
	if (o->old != NULL) {
		succession_between(&t->all, r, o->path, o->old, o->next);
		return;
	}
	if (o->was == NULL) {
		succession_begin(
		    &t->all, r, o->source, o->path, o->next, since_ms);
		return;
	}
	last = succession_copied(
	    &t->all, r, o->next->source, o->was, o->was->seen_ms, &found);
	if (last != NULL)
		followed_wait(o->next, last);
	/* Under the number of a file that is gone. */
	if (!found && o->was->offset > 0 && !position_is_done(o->was) &&
	    position_born_ns(o->was) != file_born_ns(o->next->file))
		following_lose(&t->all, o->next->source, o->path,
		    "the file is gone, with what was written to it after "
		    "the position",
		    0);
}

/* The directories are read when all names have been looked at, so that what
 * came last is not taken for what came in between. */
static void
turn_all_over(struct tail *t, struct rotated *r)
{
	struct turnover *o;

	while ((o = STAILQ_FIRST(&t->turnovers)) != NULL) {
		STAILQ_REMOVE_HEAD(&t->turnovers, link);
		turn_over(t, o, r);
		free(o->path);
		position_free(o->was);
		free(o);
	}
}

/* Whether the path or glob of a name was followed before this start. */
static bool
was_started(const struct tail *t, const struct name *n)
{
	const char *const *paths = t->all.sources[n->source].paths;

	for (size_t i = 0; paths[i] != NULL; i++)
		if (paths[i] == n->pattern)
			return t->started[n->source][i];
	return false;
}

/* Where to start in a file that is not followed yet.  Returns its position from
 * before, where it is another text now or may be. */
static struct position *
choose_start(struct tail *t, const struct name *n,
    const struct identity *identity, const struct stat *st,
    struct file_spec *spec)
{
	const struct tail_source *s = &t->all.sources[n->source];
	const struct position *p = position_for(t, n, identity), *before;
	struct position *was = NULL;
	int64_t moved;

	spec->line = 1;
	before = told_text_before(&t->all, n->source, n->path, spec->fd);
	if (p == NULL && before != NULL) {
		log_info("a copy of the log is in its place, reading on in it "
			 "source=%s path=%s offset=%" PRId64,
		    s->name, n->path, before->offset);
		spec->offset = before->offset;
		spec->line = before->line;
	} else if (p != NULL && told_is_reused(spec->fd, p)) {
		was = position_copy(p);
	} else if (p != NULL && position_is(spec->fd, p)) {
		spec->offset = p->offset;
		spec->line = p->line > 0 ? p->line : 0;
		/* Nothing shows whether it was emptied since. */
		if (p->offset == 0)
			was = position_copy(p);
	} else if (p != NULL && p->device == identity->device &&
		   position_is_packed(spec->fd, p)) {
		spec->packed = true;
		spec->offset = p->offset;
		spec->line = p->line;
		spec->position = p;
	} else if (p != NULL && (moved = position_find(spec->fd, p)) >= 0) {
		log_info("the text moved within the file, reading on behind "
			 "it source=%s path=%s was=%" PRId64 " now=%" PRId64,
		    s->name, n->path, p->offset, moved);
		spec->offset = moved;
		spec->line = 0;
	} else if (p != NULL) {
		log_warning("file was rewritten, reading from its start "
			    "source=%s path=%s was=%" PRId64 " now=%" PRId64,
		    s->name, n->path, p->offset, (int64_t)st->st_size);
		was = position_copy(p);
	} else if (t->starting && !was_started(t, n) && !s->from_beginning) {
		spec->offset = st->st_size;
		spec->line = st->st_size > 0 ? 0 : 1;
	}
	if (p != NULL && p->device != identity->device)
		following_forget(&t->all, n->source, p);
	return was;
}

/* The log of which a name is a rotated one, such that is followed where there
 * is one; NULL: of none. */
static const struct name *
log_of(struct tail *t, const struct name *n)
{
	const char *const *globs = t->all.sources[n->source].rotated;
	size_t len = strlen(n->path);
	char *path = mem_text(n->path);
	const struct name *log = NULL;

	while (n->glob && len-- > 1 && path[len] != '/' &&
	       (log == NULL || log->file == NULL)) {
		const struct name *other;

		if (path[len] != '.' && path[len] != '-')
			continue;
		path[len] = '\0';
		other = names_find(t->names, n->source, path);
		if (other != NULL && rotated_is_name(path, globs, n->path))
			log = other;
	}
	free(path);
	return log;
}

/* The file of which that at a rotated name may be a copy. */
static struct followed *
original_of(struct tail *t, const struct name *n)
{
	const struct name *log = log_of(t, n);

	return log == NULL ? NULL : log->file;
}

/* Whether a file of which something was read may have had another name
 * meanwhile: the kernel stamps what is renamed. */
static bool
may_have_been_away(
    const struct tail *t, const struct followed *f, const struct stat *st)
{
	return t->starting && file_read_offset(f->file) > 0 &&
	       t->all.seen_ms[f->source] > 0 &&
	       (int64_t)st->st_ctim.tv_sec * 1000 + 1000 >=
	           t->all.seen_ms[f->source];
}

/* Whether a name was looked at before, so that whatever came to it since is to
 * be read; what comes to the rotated name of another log is that one's. */
static bool
is_watched(struct tail *t, const struct name *n)
{
	return (!t->starting || was_started(t, n)) && log_of(t, n) == NULL;
}

/* Whether a file was written anew between the look for its position and what
 * it is held against from now on. */
static bool
is_rewritten(const struct followed *f, const struct position *p)
{
	return p != NULL && p->offset > 0 &&
	       file_read_offset(f->file) == p->offset &&
	       !file_is_packed(f->file) && !position_is(file_fd(f->file), p);
}

static struct followed *
follow_new(struct tail *t, struct name *n, const struct identity *identity,
    int fd, const struct stat *st, const struct followed *old)
{
	struct file_spec spec = {
		.fd = fd,
		.source = n->source,
		.path = n->path,
	};
	const struct position *p = position_for(t, n, identity);
	struct position *known = p == NULL ? NULL : position_copy(p);
	struct position *was = choose_start(t, n, identity, st, &spec);
	struct followed *f;

	if (n->glob && t->starting) /* there may be thousands */
		log_debug("following source=%s path=%s offset=%" PRId64,
		    source_name(t, n->source), n->path, spec.offset);
	else
		log_info("following source=%s path=%s offset=%" PRId64,
		    source_name(t, n->source), n->path, spec.offset);
	t->found = true;
	f = followed_new(&t->all, identity, &spec);
	if (was == NULL && is_rewritten(f, known)) {
		file_seek(f->file, 0, 1);
		f->fresh = true;
		was = known;
		known = NULL;
	}
	position_free(known);
	if (was != NULL) {
		turnover_add(t, n, NULL, was, f);
		texts_add(t->all.texts, n->source, was);
	} else if (may_have_been_away(t, f, st)) {
		turnover_add(t, n, f, NULL, f);
	} else if (f->fresh && old == NULL && is_watched(t, n)) {
		turnover_add(t, n, NULL, NULL, f);
	}
	if (f->fresh && (was == NULL || was->offset == 0))
		followed_suspect(f, original_of(t, n));
	position_free(was);
	return f;
}

/* The file at a name is another than before: the old one is held and read to
 * its end, and only then the new one. */
static void
name_follow(struct tail *t, struct name *n, int fd, const struct stat *st)
{
	struct identity identity = identity_of(n->source, st);
	struct followed *f =
	    map_get(t->all.by_identity, identity_key(&identity));
	struct followed *old = n->file != NULL ? n->file : predecessor(t, n);
	bool is_new = f == NULL;

	name_leave(t, n);
	if (is_new)
		f = follow_new(t, n, &identity, fd, st, old);
	else
		close(fd);
	is_new = is_new || f->fresh;
	name_take(n, f);
	if (old == f) /* it was away for a time */
		turnover_add(t, n, f, NULL, f);
	if (old == NULL || old == f)
		return;
	log_info("log rotated, the old file is read to its end first "
		 "source=%s path=%s",
	    source_name(t, n->source), n->path);
	followed_succeed(old);
	/* Also where an older one came back. */
	turnover_add(t, n, old, NULL, is_new ? f : NULL);
}

static void
name_followed(const struct tail *t, struct name *n)
{
	if (n->state != NAME_FOLLOWED)
		tell_state(t, n, TAIL_PATH_FOLLOWED, NULL);
	n->state = NAME_FOLLOWED;
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
	tell_state(t, n,
	    state == NAME_MISSING ? TAIL_PATH_MISSING : TAIL_PATH_UNREADABLE,
	    err->text);
	n->state = state;
}

static bool
is_unchanged(const struct name *n, const struct stat *st)
{
	struct identity identity = identity_of(n->source, st);

	return n->file != NULL &&
	       memcmp(&identity, &n->file->identity, sizeof identity) == 0;
}

/* Nothing that can be read is there now.  What came since (where something may
 * have come) may be gone again already. */
static void
name_taken(struct tail *t, struct name *n, bool came)
{
	struct followed *old = n->file != NULL ? n->file : predecessor(t, n);

	name_leave(t, n);
	if (old != NULL && old->held)
		turnover_add(t, n, old, NULL, NULL);
	else if (old == NULL && came && is_watched(t, n))
		turnover_add(t, n, NULL, NULL, NULL);
}

/* It may be rotated before it can be read. */
static void
name_keep(struct tail *t, const struct name *n, const struct stat *st)
{
	struct identity identity = identity_of(n->source, st);
	const struct position *p;

	if (!S_ISREG(st->st_mode) || position_for(t, n, &identity) != NULL ||
	    map_get(t->all.by_identity, identity_key(&identity)) != NULL)
		return;
	p = following_keep(&t->all, &identity, n->path, NULL, 0,
	    t->starting ? t->all.seen_ms[n->source] : t->all.since_ms);
	map_put(t->all.known, identity_key(&identity), position_copy(p));
}

/* A glob does not speak of what is not there, nor of directories. */
static void
name_gone(struct tail *t, struct name *n, bool came, enum name_state state,
    const struct err *err)
{
	name_taken(t, n, came);
	/* One that could not be read may have been rotated. */
	t->found = t->found || n->state == NAME_DENIED;
	if (!n->glob) {
		name_say(t, n, state, err);
		return;
	}
	if (n->state != NAME_NEW && n->state != NAME_FOLLOWED)
		tell_state(t, n, TAIL_PATH_MISSING, err->text);
	name_drop(n);
}

static void
name_look(struct tail *t, struct name *n)
{
	struct stat st;
	struct err err;
	int fd;
	bool there = stat(n->path, &st) == 0;
	bool came = n->disturbed || t->starting, beside = n->beside;

	n->beside = false;
	if (there && is_unchanged(n, &st)) {
		name_followed(t, n);
		if (n->disturbed || beside)
			turnover_add(t, n, n->file, NULL, n->file)->beside =
			    !n->disturbed;
		n->disturbed = false;
		return;
	}
	n->disturbed = false;
	following_make_room(&t->all);
	switch (file_open(n->path, &fd, &st, &err)) {
	case FILE_OPENED:
		name_follow(t, n, fd, &st);
		name_followed(t, n);
		return;
	case FILE_MISSING:
		name_gone(t, n, came, NAME_MISSING, &err);
		return;
	case FILE_DIR:
		name_gone(t, n, came, NAME_REFUSED, &err);
		return;
	case FILE_REFUSED:
		name_leave(t, n);
		name_say(t, n, NAME_REFUSED, &err);
		return;
	case FILE_DENIED:
		if (there) { /* another file; not there: who knows */
			n->device = st.st_dev;
			n->inode = st.st_ino;
			name_taken(t, n, came);
			name_keep(t, n, &st);
		}
		name_say(t, n, NAME_DENIED, &err);
		name_mind_attributes(n);
		return;
	case FILE_FAILED:
		name_say(t, n, NAME_FAILED, &err);
		name_retry(n);
		return;
	}
}

/* Rounds. */

/* What happens from now on is seen by a later look only where all that was
 * heard of before is seen by this one. */
static void
hear(struct tail *t)
{
	int64_t now_ms = clock_wall_ms();
	bool all = watcher_take(t->watcher);

	if (all && (t->starting || t->polled || !names_polled(t->names))) {
		t->all.since_ms = t->all.looked_ms;
		t->all.looked_ms = now_ms;
	}
	t->polled = false;
}

static void
look(struct tail *t)
{
	struct rotated *r = NULL;
	struct name *n;

	hear(t);
	while ((n = names_next(t->names)) != NULL)
		name_look(t, n);
	if (!STAILQ_EMPTY(&t->turnovers) || t->starting || t->found)
		r = rotated_new();
	if ((t->starting || t->found) && map_count(t->all.known) > 0)
		resume_all(&t->all, r);
	turn_all_over(t, r);
	rotated_free(r);
	t->found = false;
	if (names_polled(t->names))
		following_ask_poll(&t->all);
}

static void
go_round(void *ctx)
{
	struct tail *t = ctx;
	bool caught_up;

	look(t);
	following_read(&t->all);
	following_release(&t->all, clock_now_ms());
	caught_up = tail_caught_up(t);
	if (!caught_up)
		turn_ask(t->turn);
	/* Nothing wakes it when all is well and quiet. */
	timer_at(t->timer, following_due(&t->all));
	if (t->all.changed || (caught_up && !t->caught_up)) {
		t->all.changed = false;
		t->all.callbacks.turn(t->all.callbacks.ctx);
	}
	t->caught_up = caught_up;
}

static void
poll(struct tail *t)
{
	following_poll(&t->all);
	succession_look_again(&t->all);
	names_poll(t->names);
	t->polled = true;
}

static void
time_came(void *ctx)
{
	struct tail *t = ctx;

	if (t->all.poll && clock_now_ms() >= t->all.poll_at_ms)
		poll(t);
	go_round(t);
}

static void
mark_all(void *ctx)
{
	struct tail *t = ctx;
	struct followed *f;

	names_mark_all(t->names);
	TAILQ_FOREACH(f, &t->all.all, link)
	followed_ready(f);
}

static void
overflow(void *ctx)
{
	log_info("inotify queue overflowed, looking at everything again");
	mark_all(ctx);
}

/* What was mounted over a directory or a log, or comes to light again, has the
 * same names: as after a rotation.  Events of files that are open go on. */
static void
mounts_changed(void *ctx)
{
	struct tail *t = ctx;

	log_debug("mounts changed, looking at all names again");
	names_mark_all(t->names);
	turn_ask(t->turn);
}

/* The tail as a whole. */

struct tail *
tail_new(struct loop *l, const struct tail_source *sources, size_t count,
    const struct tail_callbacks *callbacks)
{
	struct tail *t = mem_new(1, sizeof *t);

	t->loop = l;
	following_init(&t->all, sources, count, callbacks);
	t->started = mem_new(count, sizeof *t->started);
	for (size_t i = 0; i < count; i++) {
		size_t paths = 0;

		while (sources[i].paths[paths] != NULL)
			paths++;
		t->started[i] = mem_new(paths, sizeof **t->started);
	}
	t->turn = turn_new(l, go_round, t);
	t->timer = timer_new(l, time_came, t);
	STAILQ_INIT(&t->turnovers);
	return t;
}

void
tail_free(struct tail *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->all.count; i++)
		free(t->started[i]);
	free(t->started);
	following_clear(&t->all);
	names_free(t->names);
	watcher_free(t->watcher);
	mounts_free(t->mounts);
	turn_free(t->turn);
	timer_free(t->timer);
	free(t);
}

/* Whether a path is one of a source's, or one that its globs name. */
static bool
has_path(const struct tail_source *s, const char *path)
{
	for (size_t i = 0; s->paths[i] != NULL; i++)
		if (strcmp(s->paths[i], path) == 0 ||
		    paths_match(s->paths[i], path))
			return true;
	return false;
}

static void
resume(struct tail *t, size_t source, const struct position *p)
{
	const struct tail_source *s = &t->all.sources[source];
	struct identity identity = { source, p->device, p->inode };

	if (texts_restore(t->all.texts, source, p))
		return;
	if (p->seen_ms > t->all.seen_ms[source])
		t->all.seen_ms[source] = p->seen_ms;
	for (size_t i = 0; p->inode == 0 && s->paths[i] != NULL; i++)
		if (strcmp(s->paths[i], p->path) == 0)
			t->started[source][i] = true;
	if (p->inode != 0)
		map_put(
		    t->all.known, identity_key(&identity), position_copy(p));
}

/* A source that has another name now is still the same. */
static void
resume_renamed(struct tail *t, const struct position *p)
{
	struct identity nobody = { t->all.count, p->device, p->inode };

	for (size_t i = 0; i < t->all.count; i++) {
		struct identity identity = { i, p->device, p->inode };

		if (has_path(&t->all.sources[i], p->path) &&
		    (p->inode == 0 ||
			map_get(t->all.known, identity_key(&identity)) == NULL))
			resume(t, i, p);
	}
	map_put(t->all.gone, identity_key(&nobody), position_copy(p));
}

void
tail_resume(struct tail *t, const struct position *p)
{
	bool found = false;

	for (size_t i = 0; i < t->all.count; i++)
		if (strcmp(source_name(t, i), p->source) == 0) {
			resume(t, i, p);
			found = true;
		}
	if (!found)
		resume_renamed(t, p);
}

static bool
is_followed(const struct tail *t, size_t source, const char *glob)
{
	const struct followed *f;

	TAILQ_FOREACH(f, &t->all.all, link)
	if (f->source == source && paths_match(glob, file_path(f->file)))
		return true;
	return false;
}

/* Likely a slip, at three in the morning at the latest. */
static void
say_empty_globs(const struct tail *t)
{
	for (size_t i = 0; i < t->all.count; i++) {
		const struct tail_source *spec = &t->all.sources[i];

		for (size_t j = 0; spec->paths[j] != NULL; j++)
			if (paths_is_glob(spec->paths[j]) &&
			    !is_followed(t, i, spec->paths[j]))
				log_warning("no file is there that the glob "
					    "names, waiting for one source=%s "
					    "path=%s",
				    spec->name, spec->paths[j]);
	}
}

void
tail_start(struct tail *t)
{
	const struct watcher_callbacks callbacks = { overflow, go_round, t };
	struct err err;

	t->watcher = watcher_new(t->loop, &callbacks, &err);
	if (t->watcher == NULL)
		log_warning("nothing can be watched, looking every second: %s",
		    err.text);
	t->mounts = mounts_new(t->loop, mounts_changed, t);
	t->names = names_new(t->watcher);
	t->all.watcher = t->watcher;
	t->all.poll_said = t->watcher == NULL;
	t->all.names = t->names;
	for (size_t i = 0; i < t->all.count; i++) {
		const struct tail_source *spec = &t->all.sources[i];

		for (size_t j = 0; spec->paths[j] != NULL; j++)
			names_add(t->names, i, spec->paths[j], spec->exclude,
			    spec->rotated);
	}
	t->starting = true;
	look(t);
	t->starting = false;
	say_empty_globs(t);
	turn_ask(t->turn);
}

bool
tail_caught_up(const struct tail *t)
{
	return TAILQ_EMPTY(&t->all.ready) && t->names != NULL &&
	       !names_waiting(t->names);
}

static void
tell_started(struct tail *t, bool all, tail_position_fn *fn, void *ctx)
{
	if (t->names == NULL || (t->told && !all))
		return;
	t->told = true;
	for (size_t i = 0; i < t->all.count; i++) {
		const struct tail_source *s = &t->all.sources[i];

		for (size_t j = 0; s->paths[j] != NULL; j++) {
			struct position p = {
				.source = s->name,
				.path = s->paths[j],
				.device = position_hash(text_of(s->paths[j])),
				.line = 1,
				.seen_ms = t->all.looked_ms,
			};

			p.device &= INT64_MAX; /* as SQLite has it */
			fn(0, &p, ctx);
		}
	}
}

static void
tell_position(struct followed *f, tail_position_fn *fn, void *ctx)
{
	struct position p;

	followed_position(f, &p);
	/* Of one that was but found nothing is known yet. */
	if (!f->dropped && !(f->maybe && f->copied == 0))
		fn(f->id, &p, ctx);
	if (f->dirty)
		TAILQ_REMOVE(&f->all->dirty, f, dirty_link);
	f->dirty = false;
}

struct position_call {
	tail_position_fn *fn;
	void *ctx;
};

static void
tell_text(const struct position *p, void *ctx)
{
	const struct position_call *call = ctx;

	call->fn(0, p, call->ctx);
}

static void
tell_kept(struct text key, void *value, void *ctx)
{
	(void)key;
	tell_text(value, ctx);
}

void
tail_positions(struct tail *t, bool all, tail_position_fn *fn, void *ctx)
{
	struct position_call call = { fn, ctx };
	struct followed *f;

	tell_started(t, all || map_count(t->all.gone) > 0, fn, ctx);
	if (all)
		TAILQ_FOREACH(f, &t->all.all, link)
	tell_position(f, fn, ctx);
	while ((f = TAILQ_FIRST(&t->all.dirty)) != NULL)
		tell_position(f, fn, ctx);
	texts_tell(t->all.texts, all, tell_text, &call);
	map_each(t->all.kept, tell_kept, &call);
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

	map_each(t->all.gone, tell_gone, &call);
}

void
tail_gone_saved(struct tail *t)
{
	map_clear(t->all.gone);
}

void
tail_sizes(const struct tail *t, tail_size_fn *fn, void *ctx)
{
	const struct followed *f;
	struct stat st;

	TAILQ_FOREACH(f, &t->all.all, link)
	if (f->open && fstat(file_fd(f->file), &st) == 0)
		/* Places in what was compressed are those of its text. */
		fn(f->id, file_is_packed(f->file) ? INT64_MAX : st.st_size,
		    (int64_t)st.st_mtim.tv_sec * 1000 +
			st.st_mtim.tv_nsec / 1000000,
		    ctx);
	else
		fn(f->id, file_read_offset(f->file), clock_wall_ms(), ctx);
}

void
tail_each(const struct tail *t, tail_file_fn *fn, void *ctx)
{
	const struct followed *f;
	struct stat st;

	TAILQ_FOREACH(f, &t->all.all, link)
	{
		const struct name *n = LIST_FIRST(&f->names);
		struct tail_file file = {
			.source = f->source,
			.path = n != NULL ? n->path : NULL,
			.offset = file_read_offset(f->file),
			.size = -1,
			.watched = f->watch != NULL && !f->deaf,
		};
		bool open = f->open && !file_is_packed(f->file);

		if (open ? fstat(file_fd(f->file), &st) == 0
			 : file.path != NULL && stat(file.path, &st) == 0)
			file.size = st.st_size;
		fn(&file, ctx);
	}
}

ssize_t
tail_end(
    const struct tail *t, uint64_t file, int64_t size, char *to, size_t len)
{
	const struct followed *f;
	struct stat st;

	TAILQ_FOREACH(f, &t->all.all, link)
	if (f->id == file)
		break;
	if (f == NULL || !f->open || file_is_packed(f->file) ||
	    fstat(file_fd(f->file), &st) != 0)
		return -1;
	if (size > st.st_size)
		size = st.st_size;
	if ((int64_t)len > size)
		len = (size_t)size;
	return pread(file_fd(f->file), to, len, size - (int64_t)len);
}

void
tail_look(struct tail *t)
{
	mark_all(t);
	t->caught_up = false;
	turn_ask(t->turn);
}
