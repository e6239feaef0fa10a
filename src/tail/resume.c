/* SPDX-License-Identifier: MIT */
/*
 * All positions of one path are taken together, for one's file may hold what
 * another's did, and each is read before the next.
 */
#include "tail/resume.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/store.h"
#include "tail/archive.h"
#include "tail/candidate.h"
#include "tail/file.h"
#include "tail/following.h"
#include "tail/names.h"
#include "tail/position.h"
#include "tail/rotated.h"
#include "tail/succession.h"
#include "tail/texts.h"
#include "tail/told.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A position whose file was not found under a name. */
struct stray {
	struct position *position;
	struct identity identity;
	struct followed *file; /* NULL: it was not found at all */
	bool denied;           /* it was found, but may not be read yet */
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

	stray->position = position_copy(value);
	memcpy(&stray->identity, key.data, sizeof stray->identity);
	stray->file = NULL;
	stray->denied = false;
}

/* By source and path, the oldest of each first. */
static int
stray_compare(const void *a, const void *b)
{
	const struct stray *x = a, *y = b;
	int64_t born_x = position_born_ns(x->position);
	int64_t born_y = position_born_ns(y->position);
	int order = strcmp(x->position->path, y->position->path);

	if (x->identity.source != y->identity.source)
		return x->identity.source < y->identity.source ? -1 : 1;
	if (order != 0)
		return order;
	if (born_x != 0 && born_y != 0 && born_x != born_y)
		return born_x < born_y ? -1 : 1;
	return x->position->seen_ms < y->position->seen_ms
	           ? -1
	           : x->position->seen_ms > y->position->seen_ms;
}

static bool
is_taken(const struct following *all, const struct identity *identity)
{
	struct followed *f = map_get(all->by_identity, identity_key(identity));

	return f != NULL && !candidate_may_unpack(f);
}

/* Whether a file may be looked into for what it holds.  What was read to its
 * end is only asked for where it was written to since that was made. */
static bool
may_be_copy(
    struct following *all, const struct stray *s, const struct rotated_file *r)
{
	struct identity identity = candidate_identity(s->identity.source, r);
	const struct position *p = s->position;

	return p->offset > 0 &&
	       (!position_is_done(p) ||
		   r->written_ns >= position_born_ns(p) - CANDIDATE_TICK_NS) &&
	       !is_taken(all, &identity);
}

/* Whether an open file has a position of its own, not only the number of one.
 */
static bool
has_position(
    struct following *all, size_t source, const struct rotated_file *r, int fd)
{
	struct identity identity = candidate_identity(source, r);
	const struct position *p = map_get(all->known, identity_key(&identity));

	return p != NULL && told_is_its(fd, p);
}

/* The file of a position under a rotated name: by its number. */
static const struct rotated_file *
find_numbered(struct following *all, struct stray *s,
    const struct rotated_file *files, size_t count, int *fd)
{
	const struct position *p = s->position;
	const struct between b = {
		.path = p->path,
		.source = s->identity.source,
		.since_ms = all->seen_ms[s->identity.source],
		.position = p,
	};
	bool denied;

	for (size_t i = count; i-- > 0;) {
		const struct rotated_file *r = &files[i];

		if (r->inode != p->inode || r->device != p->device)
			continue;
		*fd = candidate_open(all, r, &denied);
		if (denied) {
			s->denied = true;
			succession_deny(all, r, &b, p);
		}
		if (*fd < 0)
			continue;
		/* What was compressed may have the number of another by chance.
		 */
		if (told_is_its(*fd, p) &&
		    !(packed_is(*fd) &&
			told_further(all, s->identity.source, *fd, p)))
			return r;
		close(*fd);
	}
	return NULL;
}

/* The same as a copy that was made elsewhere, by what it holds.  Most that lost
 * their number were compressed: others may only begin with the same lines. */
static const struct rotated_file *
find_copied(struct following *all, struct stray *s,
    const struct rotated_file *files, size_t count, bool packed, int *fd)
{
	const struct position *p = s->position;
	const struct between b = { .path = p->path };
	bool denied;

	for (size_t i = count; i-- > 0;) {
		const struct rotated_file *r = &files[i];

		if (!may_be_copy(all, s, r))
			continue;
		*fd = candidate_open(all, r, &denied);
		if (*fd < 0)
			continue;
		if (packed_is(*fd) == packed && told_is_at(*fd, p) &&
		    !told_is_half(r->path, *fd, &b) &&
		    !has_position(all, s->identity.source, r, *fd) &&
		    !told_further(all, s->identity.source, *fd, p))
			return r;
		close(*fd);
	}
	return NULL;
}

/* Where the log itself goes on with the text of a position, having been written
 * anew with it; -1: it is another text. */
static int64_t
find_in_log(const struct stray *s, const struct followed *log)
{
	const struct position *p = s->position;

	if (s->file != NULL || s->denied || p->offset == 0)
		return -1;
	return position_is(file_fd(log->file), p)
	           ? p->offset
	           : position_find(file_fd(log->file), p);
}

/* Of the positions whose files were not found, that which the log goes furthest
 * on from. */
static void
find_rewritten(const struct strays *s, size_t from, size_t to, struct name *n)
{
	struct followed *log = n == NULL ? NULL : n->file;
	struct stray *best = NULL;
	int64_t best_offset = 0;

	if (log == NULL || !log->fresh || file_read_offset(log->file) > 0)
		return;
	for (size_t i = from; i < to; i++) {
		int64_t offset = find_in_log(&s->at[i], log);

		if (offset > best_offset) {
			best = &s->at[i];
			best_offset = offset;
		}
	}
	if (best == NULL)
		return;
	best->file = log;
	file_seek(log->file, best_offset, 0);
	followed_dirty(log);
	log->fresh = false;
	log_info("the file was written anew with the same text, reading on "
		 "behind it path=%s offset=%" PRId64,
	    best->position->path, best_offset);
}

/* A log that is not there, nor anything in its place, may yet come back: a
 * disk that is mounted late. */
static bool
may_come(const struct name *n)
{
	return n != NULL && n->file == NULL;
}

static bool
is_unknown(const struct following *all, const struct identity *identity)
{
	return map_get(all->known, identity_key(identity)) == NULL &&
	       map_get(all->denied, identity_key(identity)) == NULL;
}

/* One that is closed to us may be that of a position which is not found, nor
 * comes back any more: it is waited for instead. */
static void
stray_deny(struct following *all, struct stray *s, const struct rotated_file *r,
    const struct between *b)
{
	succession_deny(all, r, b, s->position);
	following_forget(all, s->identity.source, s->position);
	s->denied = true;
}

/* A file of which nothing was read shows in no text that it was compressed: it
 * is one that is not known and was not written before that was made.  Nor does
 * one that could not be looked into: it may have been written anew.  It may
 * begin with a text that was told before, its own or that of a file that was
 * done: it is read on from there then (NULL: from its start). */
static const struct rotated_file *
find_packed(struct following *all, struct stray *s,
    const struct rotated_file *files, size_t count, int *fd,
    const struct position **from)
{
	const struct position *p = s->position;
	const struct between b = {
		.path = p->path,
		.source = s->identity.source,
		.position = p,
	};
	const struct rotated_file *closed = NULL;
	bool denied;

	if ((p->offset > 0 && !position_is_guess(p)) ||
	    position_born_ns(p) == 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct rotated_file *r = &files[i];
		struct identity identity = candidate_identity(b.source, r);

		if (r->written_ns < position_born_ns(p) - CANDIDATE_TICK_NS ||
		    is_taken(all, &identity))
			continue;
		*fd = candidate_open(all, r, &denied);
		if (denied && closed == NULL && is_unknown(all, &identity))
			closed = r;
		if (*fd < 0)
			continue;
		if (packed_is(*fd) && !has_position(all, b.source, r, *fd) &&
		    !told_is_half(r->path, *fd, &b) &&
		    !succession_is_told(all, &identity, *fd, &b, from) &&
		    (*from == NULL || position_is_text(*from) ||
			position_is_done(*from)))
			return r;
		close(*fd);
	}
	if (closed != NULL &&
	    !may_come(names_find(all->names, b.source, p->path)))
		stray_deny(all, s, closed, &b);
	return NULL;
}

/* One that could not be looked into.  Returns whether it still is there. */
static bool
guess_find(struct following *all, struct stray *s,
    const struct rotated_file *files, size_t count)
{
	const struct between b = {
		.path = s->position->path,
		.source = s->identity.source,
		.since_ms = all->seen_ms[s->identity.source],
		.position = s->position,
	};

	for (size_t i = 0; i < count; i++) {
		if (!candidate_is(&files[i], &s->identity) ||
		    position_born_else(
			position_born_ns(s->position), files[i].born_ns))
			continue;
		s->file = succession_take_known(all, &files[i], &b);
		s->denied = true;
		return true;
	}
	return false;
}

/* The file of a position among the rotated ones, as its number or what it holds
 * tell.  Opened, or NULL. */
static const struct rotated_file *
find_stray(struct following *all, struct stray *s,
    const struct rotated_file *files, size_t count, int *fd)
{
	const struct rotated_file *found =
	    find_numbered(all, s, files, count, fd);

	if (found == NULL && !s->denied)
		found = find_copied(all, s, files, count, true, fd);
	if (found == NULL && !s->denied)
		found = find_copied(all, s, files, count, false, fd);
	return found;
}

static void
stray_find(struct following *all, struct rotated *r, struct stray *s)
{
	const struct position *p = s->position, *from = NULL;
	const char *const *globs = candidate_globs(all, s->identity.source);
	const struct rotated_file *files, *found;
	struct identity identity;
	bool sure, again;
	unsigned looks = 0;
	int fd;

	do {
		size_t count = rotated_list(r, p->path, globs, &files);

		if (position_is_guess(p) && guess_find(all, s, files, count))
			return;
		found = find_stray(all, s, files, count, &fd);
		sure = found != NULL;
		if (!sure && !s->denied)
			found = find_packed(all, s, files, count, &fd, &from);
		/* Of what vanished meanwhile, one was perhaps it. */
		again = !sure && candidates_renew(all, r, &looks);
		if (again && found != NULL)
			close(fd);
	} while (again);
	if (found == NULL)
		return;
	/* Else it was written anew: what was read of it is in it no more. */
	if (sure)
		from = p;
	log_info("log was rotated meanwhile, the old file is read to its end "
		 "first path=%s is=%s offset=%" PRId64,
	    p->path, found->path, from == NULL ? 0 : from->offset);
	identity = candidate_identity(s->identity.source, found);
	s->file = succession_follow(all, &identity, fd, p->path, from);
}

/* Whether the file with the number of a position was at the log's path, closed
 * to us: it was written anew, for what it held stands elsewhere. */
static bool
is_closed(const struct stray *s, const struct name *n)
{
	return n != NULL && n->state == NAME_DENIED &&
	       n->device == s->identity.device && n->inode == s->identity.inode;
}

/* A position whose file was found under another number. */
static void
stray_moved(struct following *all, const struct stray *s, const struct name *n)
{
	const struct position *p;

	if (map_get(all->known, identity_key(&s->identity)) == NULL)
		return;
	if (!is_closed(s, n)) {
		following_forget(all, s->identity.source, s->position);
		/* That one may still be there, emptied and written anew. */
		map_put(all->released, identity_key(&s->identity),
		    position_copy(s->position));
		return;
	}
	p = following_keep(all, &s->identity, n->path, NULL, 0,
	    all->seen_ms[s->identity.source]);
	map_put(all->known, identity_key(&s->identity), position_copy(p));
}

/* A position is of no use any more where its file has another number now. */
static void
stray_done(struct following *all, const struct stray *s, const struct name *n)
{
	const struct position *p = s->position;

	if (s->file != NULL) {
		stray_moved(all, s, n);
		return;
	}
	if (s->denied)
		return;
	/* What it held is told all the same, whoever has its number now. */
	texts_add(all->texts, s->identity.source, p);
	if (map_get(all->by_identity, identity_key(&s->identity)) == NULL)
		map_put(all->released, identity_key(&s->identity),
		    position_copy(p));
	if (position_is_done(p)) {
		log_info("a rotated file is not found, it was read to its "
			 "end path=%s offset=%" PRId64,
		    p->path, p->offset);
		following_forget(all, s->identity.source, p);
		return;
	}
	if (may_come(n)) {
		log_warning("log is not there; if it does not come back, what "
			    "was written to it after the position is lost "
			    "path=%s offset=%" PRId64 " line=%" PRId64,
		    p->path, p->offset, p->line);
		return;
	}
	following_lose(all, s->identity.source, p->path,
	    "the file is gone, with what was written to it after the position",
	    0);
	following_forget(all, s->identity.source, p);
}

/* Since when copies may have been made that were not looked for. */
static int64_t
unseen_since(
    const struct following *all, const struct strays *s, size_t from, size_t to)
{
	int64_t since_ms = all->seen_ms[s->at[from].identity.source];

	for (size_t i = from; i < to; i++) {
		const struct position *p = s->at[i].position;

		if (p->offset == 0 && p->seen_ms < since_ms)
			since_ms = p->seen_ms;
	}
	return since_ms;
}

/* All positions of one path, oldest first: each is read before the next, then
 * those that came later, then what is there now. */
static void
resume_path(struct following *all, struct rotated *r, const struct strays *s,
    size_t from, size_t to)
{
	struct stray *newest = &s->at[to - 1];
	size_t source = newest->identity.source;
	const char *path = newest->position->path;
	struct name *n = names_find(all->names, source, path);
	struct followed *next = n == NULL ? NULL : n->file, *last = NULL;
	struct between b = {
		.path = path,
		.source = source,
		.old_born_ns = position_born_ns(newest->position),
		.since_ms = unseen_since(all, s, from, to),
		.position = newest->position,
		.next = next,
	};

	bool is_new = next == NULL || next->fresh;

	for (size_t i = from; i < to; i++) {
		struct followed *f;

		stray_find(all, r, &s->at[i]);
		f = s->at[i].file;
		if (f == NULL)
			continue;
		if (last != NULL)
			followed_wait(f, last);
		last = f;
	}
	find_rewritten(s, from, to, n);
	b.was = last;
	if (is_new)
		last = succession_read_between(all, r, &b);
	/* Whoever comes at last finds it as what was there before. */
	if (next == NULL && n != NULL && last != NULL) {
		last->succeeded = false;
		last->since_ns = b.old_born_ns;
	}
	while (next != NULL && next->after != NULL)
		next = next->after;
	if (next != NULL && last != NULL && next != last)
		followed_wait(next, last);
	for (size_t i = from; i < to; i++)
		stray_done(all, &s->at[i], n);
}

void
resume_all(struct following *all, struct rotated *r)
{
	struct strays s = { mem_new(map_count(all->known), sizeof *s.at), 0 };
	size_t from = 0;

	map_each(all->known, stray_add, &s);
	if (s.count > 1)
		qsort(s.at, s.count, sizeof *s.at, stray_compare);
	for (size_t i = 1; i <= s.count; i++) {
		const struct stray *a = &s.at[from];

		if (i < s.count &&
		    s.at[i].identity.source == a->identity.source &&
		    strcmp(s.at[i].position->path, a->position->path) == 0)
			continue;
		resume_path(all, r, &s, from, i);
		from = i;
	}
	for (size_t i = 0; i < s.count; i++)
		position_free(s.at[i].position);
	free(s.at);
}
