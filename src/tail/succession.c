/* SPDX-License-Identifier: MIT */
/*
 * What was never seen is known by when it was made and written: after the last
 * look.
 */
#include "tail/succession.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/store.h"
#include "tail/archive.h"
#include "tail/candidate.h"
#include "tail/file.h"
#include "tail/inotify.h"
#include "tail/names.h"
#include "tail/position.h"
#include "tail/rotated.h"
#include "tail/texts.h"
#include "tail/told.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The position that is kept under the number of a file that is not followed. */
static const struct position *
position_of(const struct following *all, const struct identity *i)
{
	const struct position *p = map_get(all->known, identity_key(i));

	return p != NULL ? p : map_get(all->released, identity_key(i));
}

struct followed *
succession_follow(struct following *all, const struct identity *identity,
    int fd, const char *path, const struct position *p)
{
	/* What is lent may go with the texts that make room here. */
	struct position *from = p == NULL ? NULL : position_copy(p);
	struct file_spec spec = {
		.fd = fd,
		.source = identity->source,
		.path = path,
		.offset = p == NULL ? 0 : p->offset,
		.line = p == NULL ? 1 : p->line,
		.position = from,
		.packed = packed_is(fd),
	};
	struct followed *f = map_get(all->by_identity, identity_key(identity));
	const struct position *kept = position_of(all, identity);

	if (f != NULL) {
		followed_unpack(f, fd, path, from);
		goto out;
	}
	/* Of a file that is gone, by chance with the same number, or truncated:
	 * what it held is told all the same. */
	if (kept != NULL && (p == NULL || p->inode != kept->inode))
		texts_add(all->texts, identity->source, kept);
	f = followed_new(all, identity, &spec);
	followed_hold(f, true);
out:
	position_free(from);
	return f;
}

/* A rotated file for which there was no permission when it was looked for. */
struct denied {
	char *path;
	struct position *position; /* of the old one */
	struct position *text;     /* as in between */
	struct between between;
	int64_t born_ns; /* of it; 0: not known */
	bool again;      /* there is none still */
};

void
succession_denied_free(void *denied)
{
	struct denied *d = denied;

	free(d->path);
	position_free(d->position);
	position_free(d->text);
	free(d);
}

static struct denied *
denied_new(const struct between *b)
{
	struct denied *d = mem_new(1, sizeof *d);

	d->path = mem_text(b->path);
	d->position = position_copy(b->position);
	d->between = *b;
	d->between.path = d->path;
	d->between.position = d->position;
	d->between.was = d->between.next = NULL;
	d->between.text = NULL;
	return d;
}

void
succession_deny(struct following *all, const struct rotated_file *r,
    const struct between *b, const struct position *text)
{
	struct identity identity = candidate_identity(b->source, r);
	struct denied *d = map_get(all->denied, identity_key(&identity));
	bool is_new = d == NULL;

	following_ask_poll(all);
	if (is_new) {
		log_warning("rotated file cannot be read, waiting for "
			    "permission; till then its lines are missing "
			    "source=%s path=%s is=%s",
		    all->sources[b->source].name, b->path, r->path);
		d = denied_new(b);
		d->born_ns = r->born_ns;
		map_put(all->denied, identity_key(&identity), d);
	}
	d->again = true;
	if (text != NULL && text->offset > 0 && d->text == NULL) {
		d->text = position_copy(text);
		d->between.text = d->text;
	} else if (!is_new) {
		return;
	}
	following_keep(
	    all, &identity, d->path, d->text, r->born_ns, d->between.since_ms);
}

/* A file that holds what another one does may yet grow: short ones may be the
 * same by chance.  Until that is read so far, it is but taken for a copy of it:
 * that may be written anew before. */
static void
follow_told(struct following *all, const struct identity *identity, int fd,
    const char *path, struct followed *holder, int64_t size)
{
	struct followed *f;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return;
	f = succession_follow(all, identity, fd, path, NULL);
	if (file_read_offset(holder->file) < size) {
		followed_suspect(f, holder);
		f->kept = true;
		return;
	}
	file_skip(f->file, size);
	f->fresh = false;
}

bool
succession_is_told(struct following *all, const struct identity *identity,
    int fd, const struct between *b, const struct position **from)
{
	struct followed *holder;
	int64_t size;

	if (!told_is(all, fd, b, &holder, &size, from))
		return false;
	if (holder != NULL && !packed_is(fd))
		follow_told(all, identity, fd, b->path, holder, size);
	return true;
}

/* The followed file that is at a path, also where that is closed to us now. */
static struct followed *
find_at(struct following *all, size_t source, const char *path)
{
	const struct name *n = names_find(all->names, source, path);
	struct identity identity = { .source = source };
	struct stat st;

	if (n != NULL && n->file != NULL)
		return n->file;
	if (stat(path, &st) != 0)
		return NULL;
	identity.device = st.st_dev;
	identity.inode = st.st_ino;
	return map_get(all->by_identity, identity_key(&identity));
}

/* A file without a line may be a copy of the log that is being made. */
static void
suspect_copy(struct following *all, struct followed *f, const struct between *b)
{
	struct followed *log = find_at(all, b->source, b->path);

	if (log != NULL && log != f)
		followed_suspect(f, log);
}

/* Whether a followed file is still to be read from its start. */
static bool
is_unread(const struct followed *f)
{
	return f->fresh && !f->at_end && f->after == NULL && f->waiting == 0;
}

/* A rotated file as one to be read; NULL: it is not. */
static struct followed *
take_between(struct following *all, const struct rotated_file *r,
    const struct between *b)
{
	struct identity identity = candidate_identity(b->source, r);
	struct followed *f = map_get(all->by_identity, identity_key(&identity));
	const struct position *kept = position_of(all, &identity), *from;
	bool denied, suspicious;
	int fd;

	if (f != NULL && (!is_unread(f) || !candidate_may_unpack(f)))
		return is_unread(f) ? f : NULL;
	/* One that is known may have been rewritten, however old it is. */
	if (kept != NULL ? !candidate_is_newly_written(r, b)
			 : !candidate_is_later(r, b))
		return NULL;
	fd = candidate_open(all, r, &denied);
	if (denied && (kept == NULL || position_is_guess(kept)))
		succession_deny(all, r, b, kept != NULL ? kept : b->text);
	if (fd < 0)
		return NULL;
	if (kept != NULL && position_is_guess(kept)) {
		close(fd);
		return succession_take_known(all, r, b);
	}
	if (told_is_half(r->path, fd, b) ||
	    (kept != NULL && told_is_its(fd, kept)) ||
	    succession_is_told(all, &identity, fd, b, &from)) {
		close(fd);
		return NULL;
	}
	log_info("log was rotated more than once, this file is read too "
		 "source=%s path=%s is=%s",
	    all->sources[b->source].name, b->path, r->path);
	suspicious = from == NULL && !told_has_line(fd);
	f = succession_follow(all, &identity, fd, b->path, from);
	if (suspicious)
		suspect_copy(all, f, b);
	return f;
}

/* Takes those that are there now, after *last. */
static void
take_all_between(struct following *all, struct rotated *r,
    const struct between *b, struct followed **last)
{
	const struct rotated_file *files;
	size_t count =
	    rotated_list(r, b->path, candidate_globs(all, b->source), &files);

	for (size_t i = 0; i < count; i++) {
		struct followed *f;

		if (b->was != NULL &&
		    candidate_is(&files[i], &b->was->identity))
			continue;
		f = take_between(all, &files[i], b);
		if (f == NULL || f == b->next)
			continue;
		if (*last != NULL)
			followed_wait(f, *last);
		*last = f;
	}
}

struct followed *
succession_read_between(
    struct following *all, struct rotated *r, const struct between *b)
{
	struct followed *last = b->was;
	unsigned looks = 0;

	do
		take_all_between(all, r, b, &last);
	while (candidates_renew(all, r, &looks));
	if (last != b->was && b->was != NULL)
		followed_succeed(b->was);
	return last;
}

void
succession_between(struct following *all, struct rotated *r, const char *path,
    struct followed *old, struct followed *next)
{
	struct position position;
	struct between b = {
		.path = path,
		.source = old->source,
		.old_born_ns = old->since_ns != 0 ? old->since_ns
		                                  : file_born_ns(old->file),
		.since_ms = all->since_ms,
		.was = old,
		.position = &position,
		.next = next,
	};
	bool old_succeeded = old->succeeded;
	struct followed *last;

	followed_check(old);
	followed_position(old, &position);
	last = succession_read_between(all, r, &b);
	if (next != NULL) {
		followed_wait(next, last);
	} else if (last != old) {
		/* A copy may be younger than what comes to the path. */
		last->succeeded = old_succeeded;
		last->since_ns = b.old_born_ns;
	}
}

/* What holds what stood in a log that was rewritten since is read on where that
 * was read to. */
static struct followed *
take_rewritten(struct following *all, const struct rotated_file *r,
    const struct between *b, int fd)
{
	struct identity identity = candidate_identity(b->source, r);
	const struct position *from;
	struct followed *holder;
	struct place place;
	struct position p;
	int64_t size;

	if (file_written_ns(b->was->file) < r->born_ns ||
	    !followed_place_in(b->was, fd, &place, &p) ||
	    told_is(all, fd, b, &holder, &size, &from))
		return NULL;
	if (from == NULL || from->offset < p.offset)
		from = &p;
	log_info("the file was written anew and begins with what was read "
		 "before, reading on in a copy of that source=%s path=%s is=%s "
		 "offset=%" PRId64,
	    all->sources[b->source].name, b->path, r->path, from->offset);
	return succession_follow(all, &identity, fd, b->path, from);
}

/* One that nobody knows beside a log that is there. */
static void
take_beside(struct following *all, const struct rotated_file *r,
    const struct between *b)
{
	struct identity identity = candidate_identity(b->source, r);
	struct followed *log = b->was, *f;
	struct stat st;
	int64_t size;
	bool denied;
	int fd;

	if (map_get(all->by_identity, identity_key(&identity)) != NULL ||
	    position_of(all, &identity) != NULL || !candidate_is_later(r, b))
		return;
	fd = candidate_open(all, r, &denied);
	if (fd < 0)
		return;
	if (told_is_half(r->path, fd, b) || fstat(fd, &st) != 0) {
		close(fd);
	} else if (st.st_size == 0 ||
		   (!packed_is(fd) && file_holds(log->file, fd, &size))) {
		f = succession_follow(all, &identity, fd, b->path, NULL);
		followed_suspect_maybe(f, log);
	} else {
		f = take_rewritten(all, r, b, fd);
		if (f != NULL)
			followed_wait(log, f);
		else
			close(fd);
	}
}

void
succession_beside(struct following *all, struct rotated *r, const char *path,
    struct followed *f, int64_t since_ms)
{
	struct position position;
	struct between b = {
		.path = path,
		.source = f->source,
		.old_born_ns = file_born_ns(f->file),
		.since_ms = since_ms,
		.was = f,
		.position = &position,
	};
	const struct rotated_file *files;
	unsigned looks = 0;

	followed_check(f);
	if (f->lost || file_is_packed(f->file) || !followed_open(f))
		return;
	followed_position(f, &position);
	do {
		size_t count = rotated_list(
		    r, path, candidate_globs(all, b.source), &files);

		for (size_t i = 0; i < count; i++)
			take_beside(all, &files[i], &b);
	} while (candidates_renew(all, r, &looks));
}

void
succession_begin(struct following *all, struct rotated *r, size_t source,
    const char *path, struct followed *next, int64_t since_ms)
{
	const struct position none = { .path = path };
	const struct between b = {
		.path = path,
		.source = source,
		.old_born_ns = since_ms * 1000000 - CANDIDATE_TICK_NS,
		.since_ms = since_ms,
		.position = &none,
		.next = next,
	};
	struct followed *last = succession_read_between(all, r, &b);

	if (next != NULL && last != NULL)
		followed_wait(next, last);
}

void
succession_away(struct following *all, struct rotated *r, const char *path,
    struct followed *f, int64_t since_ms)
{
	struct position position;
	struct between b = {
		.path = path,
		.source = f->source,
		.old_born_ns = file_born_ns(f->file),
		.since_ms = since_ms,
		.was = f,
		.position = &position,
	};

	followed_check(f);
	followed_position(f, &position);
	succession_read_between(all, r, &b);
}

/* Copies. */

static struct followed *
take_copy(struct following *all, const struct rotated_file *r,
    const struct between *b)
{
	const struct position *was = b->position;
	size_t source = b->source;
	bool denied;
	struct identity identity = candidate_identity(source, r);
	struct followed *f = map_get(all->by_identity, identity_key(&identity));
	int fd;

	if (f != NULL && !f->fresh && f->original == NULL)
		return NULL;
	fd = candidate_open(all, r, &denied);
	if (denied && candidate_is_later(r, b))
		succession_deny(all, r, b, was);
	if (fd < 0)
		return NULL;
	if (!told_is_at(fd, was) || told_is_half(r->path, fd, b) ||
	    told_further(all, source, fd, was)) {
		close(fd);
		return NULL;
	}
	log_info("what was not read before the file was truncated is read in "
		 "its copy source=%s path=%s is=%s offset=%" PRId64,
	    all->sources[source].name, was->path, r->path, was->offset);
	if (f == NULL || file_is_packed(f->file) || candidate_may_unpack(f))
		return succession_follow(all, &identity, fd, was->path, was);
	close(fd);
	followed_suspect(f, NULL);
	file_seek(f->file, was->offset, was->line);
	followed_dirty(f);
	followed_ready(f);
	return f;
}

struct followed *
succession_copied(struct following *all, struct rotated *r, size_t source,
    const struct position *was, int64_t since_ms, bool *found)
{
	const struct rotated_file *files;
	size_t count;
	struct between b = {
		.path = was->path,
		.source = source,
		.old_born_ns = since_ms * 1000000 - CANDIDATE_TICK_NS,
		.since_ms = since_ms,
		.position = was,
		.copies = true,
	};
	unsigned looks = 0;
	struct followed *last;

	do {
		count = rotated_list(
		    r, was->path, candidate_globs(all, source), &files);
		for (size_t i = count;
		     i-- > 0 && b.was == NULL && was->offset > 0;)
			if (files[i].inode != was->inode)
				b.was = take_copy(all, &files[i], &b);
	} while (b.was == NULL && candidates_renew(all, r, &looks));
	last = succession_read_between(all, r, &b);
	*found = was->offset > 0 ? b.was != NULL : last != NULL;
	return last;
}

/* Reads on in a file with the number of a position, if it is its.  One that
 * could not be looked into is read wholly if it is not told otherwise.  Takes
 * fd. */
static struct followed *
follow_known(struct following *all, const struct identity *identity, int fd,
    const struct position *p, const struct between *b)
{
	bool guess = position_is_guess(p);
	const struct position *from;

	if (told_is_its(fd, p) &&
	    (!guess || (p->offset > 0 && !told_further(all, b->source, fd, p))))
		return succession_follow(all, identity, fd, p->path, p);
	if (guess && !succession_is_told(all, identity, fd, b, &from))
		return succession_follow(all, identity, fd, p->path, from);
	if (guess)
		following_forget(all, identity->source, p);
	close(fd);
	return NULL;
}

struct followed *
succession_take_known(struct following *all, const struct rotated_file *r,
    const struct between *b)
{
	struct identity identity = candidate_identity(b->source, r);
	const struct position *p = map_get(all->known, identity_key(&identity));
	struct followed *f = NULL;
	struct position *kept;
	bool denied;
	int fd;

	if (p == NULL)
		return NULL;
	fd = candidate_open(all, r, &denied);
	if (denied)
		succession_deny(all, r, b, p);
	if (fd < 0)
		return NULL;
	kept = position_copy(p);
	f = follow_known(all, &identity, fd, kept, b);
	position_free(kept);
	return f;
}

static void
drop_readable(struct text key, void *value, void *ctx)
{
	const struct denied *d = value;

	if (!d->again)
		map_remove(ctx, key);
}

static void
try_again(struct text key, void *value, void *ctx)
{
	const struct identity *i = (const void *)key.data;
	struct following *all = ctx;
	struct denied *d = value;
	struct rotated *r = rotated_new();
	const struct rotated_file *files;
	size_t count =
	    rotated_list(r, d->path, candidate_globs(all, i->source), &files);
	size_t denied = map_count(all->denied);
	struct followed *f = NULL;
	bool there = false;

	d->again = false;
	for (size_t at = 0; at < count; at++) {
		if (!candidate_is(&files[at], i) ||
		    position_born_else(d->born_ns, files[at].born_ns))
			continue;
		f = succession_take_known(all, &files[at], &d->between);
		if (f == NULL && d->position->offset > 0)
			f = take_copy(all, &files[at], &d->between);
		if (f == NULL)
			f = take_between(all, &files[at], &d->between);
		there = true;
		break;
	}
	if (!d->again && map_get(all->by_identity, key) == NULL)
		following_unkeep(all, i);
	/* It may have been compressed, and another have its number. */
	if (f == NULL && !d->again)
		f = succession_read_between(all, r, &d->between);
	if (f == NULL && !there && map_count(all->denied) == denied)
		following_lose(all, i->source, d->path,
		    "a rotated file is gone that could never be read", 0);
	rotated_free(r);
}

void
succession_look_again(struct following *all)
{
	map_each(all->denied, try_again, all);
	map_each(all->denied, drop_readable, all->denied);
}

bool
succession_copy(
    struct followed *f, struct rotated *r, const struct position *was)
{
	bool found;
	struct followed *copy =
	    succession_copied(f->all, r, f->source, was, f->read_ms, &found);

	if (copy != NULL)
		followed_wait(f, copy);
	return found;
}

/* Whether nothing is new in what was a copy of a text until another took the
 * place of that, or has begun to. */
static bool
is_still_copy(
    struct followed *copy, const struct followed *f, const struct position *was)
{
	const struct between b = { .position = was, .copies = true };
	int64_t size;

	/* Nothing of the original was read: all of it is new. */
	if (was->offset == 0 && copy->copy)
		return false;
	if (copy->copy && file_look(copy->file) == copy->copied)
		return true;
	return told_is_part(file_fd(copy->file), &b) ||
	       (!copy->copy && file_is_copy(copy->file, f->file, &size));
}

/* Of what is behind the position in a copy, nothing is left to be decided. */
static void
settle_copy(
    struct followed *copy, struct followed *f, const struct position *was)
{
	bool done = was == NULL || is_still_copy(copy, f, was);

	if (copy->maybe &&
	    (done || !copy->copy || (was != NULL && was->offset > 0))) {
		followed_drop(copy);
		return;
	}
	if (done) {
		file_skip(copy->file, file_look(copy->file));
	} else if (copy->copy) {
		file_seek(copy->file, 0, 1);
		followed_ready(copy);
	}
	followed_suspect(copy, NULL);
	followed_dirty(copy);
}

void
succession_copies(
    struct followed *f, const struct position *was, uint64_t newest)
{
	struct followed *other = TAILQ_FIRST(&f->all->all), *next;

	for (; f->copies > 0 && other != NULL; other = next) {
		next = TAILQ_NEXT(other, link);
		if (other->original != f || other->id > newest ||
		    !followed_open(other))
			continue;
		/* What is in it behind that is still to be read. */
		if (was != NULL && was->offset > 0 &&
		    position_is(file_fd(other->file), was))
			continue;
		settle_copy(other, f, was);
	}
}

/* Reads on in a copy of what was read before, that came in its place. */
static bool
go_on_in_copy(struct followed *f)
{
	const struct position *was = told_text_before(
	    f->all, f->source, file_path(f->file), file_fd(f->file));

	if (was == NULL)
		return false;
	log_info("a copy of the log is in its place, reading on in it "
		 "source=%s path=%s offset=%" PRId64,
	    f->all->sources[f->source].name, file_path(f->file), was->offset);
	file_seek(f->file, was->offset, was->line);
	followed_dirty(f);
	return true;
}

void
succession_go_on(struct followed *f, const struct followed *old)
{
	struct position was;

	if (!f->fresh || file_read_offset(f->file) > 0 || !followed_open(f) ||
	    file_is_packed(f->file) || go_on_in_copy(f) ||
	    (!old->deleted && !watch_is_layered(file_fd(f->file))))
		return;
	if (!file_go_on(f->file, old->file))
		return;
	followed_dirty(f);
	followed_position(f, &was);
	log_info("the file was written anew with the same text, reading on "
		 "behind it source=%s path=%s offset=%" PRId64,
	    f->all->sources[f->source].name, file_path(f->file), was.offset);
}

bool
succession_find(const struct followed *f, int *fd)
{
	struct rotated *r = rotated_new();
	const struct rotated_file *files;
	size_t count = rotated_list(
	    r, file_path(f->file), candidate_globs(f->all, f->source), &files);
	bool found = false, denied;

	for (size_t i = 0; i < count && !found; i++) {
		found = candidate_is(&files[i], &f->identity);
		if (found)
			*fd = candidate_open(f->all, &files[i], &denied);
	}
	rotated_free(r);
	return found;
}
