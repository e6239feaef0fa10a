/* SPDX-License-Identifier: MIT */
/*
 * A file is known by its number, and where that does not help by what stands
 * at its start and before the position.  What was never seen is known by when
 * it was made and written: after the last look.
 */
#include "tail/succession.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/loop.h"
#include "store/store.h"
#include "tail/archive.h"
#include "tail/file.h"
#include "tail/inotify.h"
#include "tail/names.h"
#include "tail/position.h"
#include "tail/rotated.h"
#include "tail/texts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel stamps files with the time of its last tick. */
#define TICK_NS INT64_C(10000000)
#define LOOKS_MAX 8 /* in a row, while names come and go */

static const char *const *
globs_of(const struct following *all, size_t source)
{
	return all->sources[source].rotated;
}

static struct identity
identity_of_rotated(size_t source, const struct rotated_file *r)
{
	return (struct identity){ source, r->device, r->inode };
}

static bool
is_file(const struct rotated_file *r, const struct identity *i)
{
	return i != NULL && r->device == i->device && r->inode == i->inode;
}

/* A descriptor of what stands under a rotated name still, or -1.  What does not
 * has another name by now, or is compressed. */
static int
open_rotated(struct following *all, const struct rotated_file *r, bool *denied)
{
	struct stat st;
	enum file_opening opening;
	int fd;

	opening = file_open(r->path, &fd, &st, NULL);
	*denied = opening == FILE_DENIED;
	if (opening == FILE_OPENED && st.st_dev == r->device &&
	    st.st_ino == r->inode)
		return fd;
	if (opening == FILE_OPENED)
		close(fd);
	if (opening == FILE_OPENED || opening == FILE_MISSING)
		all->vanished = true;
	return -1;
}

/* Whether to look again, for a name vanished between two looks. */
static bool
look_again(struct following *all, struct rotated *r, unsigned *looks)
{
	bool again = all->vanished && ++*looks < LOOKS_MAX;

	all->vanished = false;
	if (again)
		rotated_renew(r);
	return again;
}

static bool
is_packed(int fd)
{
	char head[COMPRESSION_HEAD];
	ssize_t n = pread(fd, head, sizeof head, 0);

	return n > 0 && compression_is((struct text){ head, (size_t)n });
}

/* Whether two times at which a file was made are not the same, for sure. */
static bool
is_born_else(int64_t a_ns, int64_t b_ns)
{
	return a_ns != 0 && b_ns != 0 && a_ns != b_ns;
}

/* The position of a compressed file is that of what it was made of. */
bool
succession_is_reused(int fd, const struct position *p)
{
	return is_born_else(rotated_born_ns(fd), position_born_ns(p)) &&
	       !is_packed(fd) && !watch_is_layered(fd);
}

/* Whether a position is of that file, or of what it was compressed from. */
static bool
is_at(int fd, const struct position *p)
{
	/* Nothing of it was read: its number may be by chance that of another.
	 */
	if (p->offset == 0)
		return !is_born_else(position_born_ns(p), rotated_born_ns(fd));
	return is_packed(fd) ? position_is_packed(fd, p) : position_is(fd, p);
}

/* The same, but not by chance: files that begin with the same lines may follow
 * each other under one number. */
static bool
is_its(int fd, const struct position *p)
{
	return is_at(fd, p) && !succession_is_reused(fd, p);
}

/* Follows a file that has no name of ours any more, or a compressed one, from a
 * position on or, where that is NULL, from its start. */
static struct followed *
follow(struct following *all, const struct identity *identity, int fd,
    const char *path, const struct position *p)
{
	struct file_spec spec = {
		.fd = fd,
		.source = identity->source,
		.path = path,
		.offset = p == NULL ? 0 : p->offset,
		.line = p == NULL ? 1 : p->line,
		.position = p,
		.packed = is_packed(fd),
	};
	struct followed *f = map_get(all->by_identity, identity_key(identity));
	const struct position *kept =
	    map_get(all->known, identity_key(identity));

	if (f != NULL) {
		followed_unpack(f, fd, path, p);
		return f;
	}
	/* Of a file that is gone, by chance with the same number: what it held
	 * is told all the same. */
	if (kept != NULL && (p == NULL || p->inode != kept->inode))
		texts_add(all->texts, identity->source, kept);
	f = followed_new(all, identity, &spec);
	followed_hold(f, true);
	return f;
}

/* Whether a glob's file that nothing can be read of is a compressed log. */
static bool
may_unpack(struct followed *f)
{
	return f->fresh && !file_is_packed(f->file) && followed_open(f) &&
	       is_packed(file_fd(f->file));
}

/* The position that is kept under the number of a file that is not followed. */
static const struct position *
position_of(const struct following *all, const struct identity *i)
{
	const struct position *p = map_get(all->known, identity_key(i));

	return p != NULL ? p : map_get(all->released, identity_key(i));
}

struct between {
	const char *path;
	size_t source;
	int64_t old_born_ns;  /* 0: not known */
	int64_t since_ms;     /* what was written before has been seen */
	struct followed *was; /* read before; NULL: it is gone */
	const struct position *position; /* of the old one */
	struct followed *next;           /* NULL: nothing is there yet */
	bool copies; /* what is there now was there before: they are copies */
	const struct position *text; /* that one that cannot be looked into may
	                                go on with; NULL: none */
};

static bool
is_newly_written(const struct rotated_file *r, const struct between *b)
{
	return r->written_ns >= b->since_ms * 1000000 - TICK_NS;
}

/* Whether a file came after the old one.  Both times are needed: a copy is made
 * late, and a rotated file may be written to late. */
static bool
is_later(const struct rotated_file *r, const struct between *b)
{
	return is_newly_written(r, b) &&
	       (r->born_ns == 0 || b->old_born_ns == 0 ||
		   r->born_ns >= b->old_born_ns);
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

/* It is looked at again until it may be read.  It may hold the text of a
 * position. */
static void
deny(struct following *all, const struct rotated_file *r,
    const struct between *b, const struct position *text)
{
	struct identity identity = identity_of_rotated(b->source, r);
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
	following_keep(all, &identity, d->path, d->text, r->born_ns);
}

/* Whether a file is being compressed, perhaps still empty: until that is done,
 * what it is made of stands beside it. */
static bool
is_half(const char *path, int fd, const struct between *b)
{
	const char *dot = strrchr(path, '.');
	struct stat st;
	char *plain;
	bool half;

	if (dot == NULL || fstat(fd, &st) != 0 ||
	    (st.st_size > 0 && !is_packed(fd)))
		return false;
	plain = mem_copy(path, (size_t)(dot - path));
	half = strcmp(plain, b->path) != 0 && lstat(plain, &st) == 0;
	free(plain);
	return half;
}

/* Whether a file at a path was copied or compressed to another. */
static bool
is_left_of(int fd, const struct position *p, const struct between *b)
{
	return p->offset > 0 && strcmp(p->path, b->path) == 0 && is_at(fd, p);
}

/* Whether it is a copy of less than was read of the old one. */
static bool
is_part(int fd, const struct between *b)
{
	const struct position *p = b->position;
	char head[POSITION_BYTES];
	struct stat st;
	ssize_t n;

	if (!b->copies || fstat(fd, &st) != 0 || st.st_size > p->offset)
		return false;
	n = pread(fd, head, sizeof head, 0);
	return n > 0 && position_head_is(p, (struct text){ head, (size_t)n });
}

/* Of the positions in texts that a file begins with, the last. */
struct told_search {
	const struct between *b;
	int fd;
	const struct position *found;
};

static void
consider(const struct position *p, void *ctx)
{
	struct told_search *s = ctx;

	if ((s->found == NULL || p->offset > s->found->offset) &&
	    is_left_of(s->fd, p, s->b))
		s->found = p;
}

static void
consider_known(struct text key, void *value, void *ctx)
{
	const struct identity *i = (const void *)key.data;
	struct told_search *s = ctx;

	if (i->source == s->b->source)
		consider(value, s);
}

/* The followed file that holds all that is in another one, so many bytes. */
static struct followed *
find_holder(
    struct following *all, int fd, const struct between *b, int64_t *size)
{
	struct followed *f;

	TAILQ_FOREACH(f, &all->all, link)
	{
		struct position p;

		if (f->source != b->source ||
		    strcmp(file_path(f->file), b->path) != 0)
			continue;
		if (f->open && !file_is_packed(f->file)) {
			if (file_holds(f->file, fd, size))
				return f;
			continue;
		}
		followed_position(f, &p);
		*size = p.offset;
		if (is_left_of(fd, &p, b))
			return f;
	}
	return NULL;
}

/* A log is taken for a copy only where it was made before the truncation was
 * seen: many logs begin with the same lines. */
const struct position *
succession_text_before(
    struct following *all, size_t source, const char *path, int fd)
{
	const struct between b = { .path = path, .source = source };
	struct told_search s = { &b, fd, NULL };
	int64_t born_ns = rotated_born_ns(fd);

	texts_each(all->texts, b.source, path, consider, &s);
	if (s.found == NULL || born_ns == 0 ||
	    born_ns > s.found->seen_ms * 1000000)
		return NULL;
	return s.found;
}

/* Whether an open file begins with all that was read of a followed one. */
static bool
is_of_followed(
    struct following *all, int fd, const struct between *b, int64_t longer_than)
{
	struct followed *f;

	TAILQ_FOREACH(f, &all->all, link)
	{
		struct position p;

		if (f->source != b->source ||
		    strcmp(file_path(f->file), b->path) != 0 ||
		    file_read_offset(f->file) <= longer_than)
			continue;
		followed_position(f, &p);
		if (p.offset > longer_than && is_left_of(fd, &p, b))
			return true;
	}
	return false;
}

/* Whether an open file begins with more than the text of a position, all of
 * which was told of another one. */
static bool
is_of_longer(
    struct following *all, size_t source, int fd, const struct position *p)
{
	const struct between b = { .path = p->path, .source = source };
	struct told_search s = { &b, fd, p };

	texts_each(all->texts, source, p->path, consider, &s);
	map_each(all->known, consider_known, &s);
	map_each(all->released, consider_known, &s);
	return s.found != p || is_of_followed(all, fd, &b, p->offset);
}

/* It may yet grow: short files may be the same by chance. */
static void
follow_grown(struct following *all, const struct identity *identity, int fd,
    const char *path, int64_t size)
{
	struct followed *f;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return;
	f = follow(all, identity, fd, path, NULL);
	file_skip(f->file, size);
	f->fresh = false;
}

/* Whether a file holds nothing behind a position. */
static bool
ends_at(int fd, const struct position *p)
{
	struct stat st;

	if (is_packed(fd))
		return position_is_done(p);
	return fstat(fd, &st) != 0 || st.st_size <= p->offset;
}

/* Whether a file has a line in it: with less, many are the same. */
static bool
has_line(int fd)
{
	char head[4096];
	ssize_t n = pread(fd, head, sizeof head, 0);

	return n == sizeof head || is_packed(fd) ||
	       (n > 0 && memchr(head, '\n', (size_t)n) != NULL);
}

/* Those that stand in a followed file no more, though that was not noticed yet.
 */
static void
add_texts_lost(struct following *all, const struct between *b)
{
	struct followed *f;

	TAILQ_FOREACH(f, &all->all, link)
	{
		struct position p;

		if (f->source != b->source || !f->open ||
		    strcmp(file_path(f->file), b->path) != 0 ||
		    file_is_packed(f->file) || file_is_as_read(f->file))
			continue;
		followed_position(f, &p);
		p.seen_ms = clock_wall_ms();
		texts_add(all->texts, f->source, &p);
	}
}

/* Whether what is in a file is or was in another that is read.  Where only its
 * first part is, *from is set to the position behind that; lent. */
static bool
is_told(struct following *all, const struct identity *identity, int fd,
    const struct between *b, const struct position **from)
{
	int64_t size;
	struct followed *holder =
	    has_line(fd) ? find_holder(all, fd, b, &size) : NULL;
	struct told_search s = { b, fd, NULL };

	*from = NULL;
	if (holder != NULL) {
		if (!is_packed(fd) && file_read_offset(holder->file) >= size)
			follow_grown(all, identity, fd, b->path, size);
		return true;
	}
	if (b->was == NULL)
		consider(b->position, &s);
	add_texts_lost(all, b);
	texts_each(all->texts, b->source, b->path, consider, &s);
	map_each(all->known, consider_known, &s);
	map_each(all->released, consider_known, &s);
	*from = s.found;
	return s.found != NULL ? ends_at(fd, s.found)
	                       : b->was == NULL && is_part(fd, b);
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
	struct identity identity = identity_of_rotated(b->source, r);
	struct followed *f = map_get(all->by_identity, identity_key(&identity));
	const struct position *kept = position_of(all, &identity), *from;
	struct position *begin;
	bool denied, suspicious;
	int fd;

	if (f != NULL && (!is_unread(f) || !may_unpack(f)))
		return is_unread(f) ? f : NULL;
	/* One that is known may have been rewritten, however old it is. */
	if (kept != NULL ? !is_newly_written(r, b) : !is_later(r, b))
		return NULL;
	fd = open_rotated(all, r, &denied);
	if (denied && (kept == NULL || position_is_guess(kept)))
		deny(all, r, b, kept != NULL ? kept : b->text);
	if (fd < 0)
		return NULL;
	if (is_half(r->path, fd, b) || (kept != NULL && is_its(fd, kept)) ||
	    is_told(all, &identity, fd, b, &from)) {
		close(fd);
		return NULL;
	}
	log_info("log was rotated more than once, this file is read too "
		 "source=%s path=%s is=%s",
	    all->sources[b->source].name, b->path, r->path);
	/* By chance under the number of one that is gone, or truncated. */
	if (kept != NULL)
		texts_add(all->texts, b->source, kept);
	begin = from == NULL ? NULL : position_copy(from);
	suspicious = begin == NULL && !has_line(fd);
	f = follow(all, &identity, fd, b->path, begin);
	position_free(begin);
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
	    rotated_list(r, b->path, globs_of(all, b->source), &files);

	for (size_t i = 0; i < count; i++) {
		struct followed *f;

		if (b->was != NULL && is_file(&files[i], &b->was->identity))
			continue;
		f = take_between(all, &files[i], b);
		if (f == NULL || f == b->next)
			continue;
		if (*last != NULL)
			followed_wait(f, *last);
		*last = f;
	}
}

/* Returns the last one before next. */
static struct followed *
read_between(struct following *all, struct rotated *r, const struct between *b)
{
	struct followed *last = b->was;
	unsigned looks = 0;

	do
		take_all_between(all, r, b, &last);
	while (look_again(all, r, &looks));
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
		.old_born_ns = file_born_ns(old->file),
		.since_ms = all->since_ms,
		.was = old,
		.position = &position,
		.next = next,
	};
	bool old_succeeded = old->succeeded;
	struct followed *last;

	followed_check(old);
	followed_position(old, &position);
	last = read_between(all, r, &b);
	if (next != NULL)
		followed_wait(next, last);
	else if (last != old)
		last->succeeded = old_succeeded;
}

void
succession_begin(struct following *all, struct rotated *r, size_t source,
    const char *path, struct followed *next, int64_t since_ms)
{
	const struct position none = { .path = path };
	const struct between b = {
		.path = path,
		.source = source,
		.old_born_ns = since_ms * 1000000 - TICK_NS,
		.since_ms = since_ms,
		.position = &none,
		.next = next,
	};
	struct followed *last = read_between(all, r, &b);

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
	read_between(all, r, &b);
}

/* Copies. */

static struct followed *
take_copy(struct following *all, const struct rotated_file *r,
    const struct between *b)
{
	const struct position *was = b->position;
	size_t source = b->source;
	bool denied;
	struct identity identity = identity_of_rotated(source, r);
	struct followed *f = map_get(all->by_identity, identity_key(&identity));
	int fd;

	if (f != NULL && !f->fresh && f->original == NULL)
		return NULL;
	fd = open_rotated(all, r, &denied);
	if (denied && is_later(r, b))
		deny(all, r, b, was);
	if (fd < 0)
		return NULL;
	if (!is_at(fd, was) || is_half(r->path, fd, b) ||
	    is_of_longer(all, source, fd, was)) {
		close(fd);
		return NULL;
	}
	log_info("what was not read before the file was truncated is read in "
		 "its copy source=%s path=%s is=%s offset=%" PRId64,
	    all->sources[source].name, was->path, r->path, was->offset);
	if (f == NULL || file_is_packed(f->file) || may_unpack(f))
		return follow(all, &identity, fd, was->path, was);
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
		.old_born_ns = since_ms * 1000000 - TICK_NS,
		.since_ms = since_ms,
		.position = was,
		.copies = true,
	};
	unsigned looks = 0;
	struct followed *last;

	do {
		count =
		    rotated_list(r, was->path, globs_of(all, source), &files);
		for (size_t i = count;
		     i-- > 0 && b.was == NULL && was->offset > 0;)
			if (files[i].inode != was->inode)
				b.was = take_copy(all, &files[i], &b);
	} while (b.was == NULL && look_again(all, r, &looks));
	last = read_between(all, r, &b);
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

	if ((p->offset > 0 || !guess) && is_its(fd, p))
		return follow(all, identity, fd, p->path, p);
	if (guess && !is_told(all, identity, fd, b, &from))
		return follow(all, identity, fd, p->path, from);
	if (guess)
		following_forget(all, identity->source, p);
	close(fd);
	return NULL;
}

/* Reads on in a rotated file whose position is still waiting for it. */
static struct followed *
take_known(struct following *all, const struct rotated_file *r,
    const struct between *b)
{
	struct identity identity = identity_of_rotated(b->source, r);
	const struct position *p = map_get(all->known, identity_key(&identity));
	struct followed *f = NULL;
	struct position *kept;
	bool denied;
	int fd;

	if (p == NULL)
		return NULL;
	fd = open_rotated(all, r, &denied);
	if (denied)
		deny(all, r, b, p);
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
	    rotated_list(r, d->path, globs_of(all, i->source), &files);
	size_t denied = map_count(all->denied);
	bool there = false;

	d->again = false;
	for (size_t at = 0; at < count; at++) {
		struct followed *f;

		if (!is_file(&files[at], i) ||
		    is_born_else(d->born_ns, files[at].born_ns))
			continue;
		f = take_known(all, &files[at], &d->between);
		if (f == NULL && d->position->offset > 0)
			f = take_copy(all, &files[at], &d->between);
		if (f == NULL)
			take_between(all, &files[at], &d->between);
		there = true;
		break;
	}
	if (!d->again && map_get(all->by_identity, key) == NULL)
		following_unkeep(all, i);
	/* It may have been compressed. */
	if (!there && read_between(all, r, &d->between) == NULL &&
	    map_count(all->denied) == denied)
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
	return is_part(file_fd(copy->file), &b) ||
	       (!copy->copy && file_is_copy(copy->file, f->file, &size));
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
		if (was == NULL || is_still_copy(other, f, was)) {
			file_skip(other->file, file_look(other->file));
		} else if (other->copy) {
			file_seek(other->file, 0, 1);
			followed_ready(other);
		}
		followed_suspect(other, NULL);
		followed_dirty(other);
	}
}

/* Reads on in a copy of what was read before, that came in its place. */
static bool
go_on_in_copy(struct followed *f)
{
	const struct position *was = succession_text_before(
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
	    r, file_path(f->file), globs_of(f->all, f->source), &files);
	bool found = false, denied;

	for (size_t i = 0; i < count && !found; i++) {
		found = is_file(&files[i], &f->identity);
		if (found)
			*fd = open_rotated(f->all, &files[i], &denied);
	}
	rotated_free(r);
	return found;
}

/* Rotated while logwatch was not there. */

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

	return f != NULL && !may_unpack(f);
}

/* Whether a file may be looked into for what it holds.  What was read to its
 * end is only asked for where it was written to since that was made. */
static bool
may_be_copy(
    struct following *all, const struct stray *s, const struct rotated_file *r)
{
	struct identity identity = identity_of_rotated(s->identity.source, r);
	const struct position *p = s->position;

	return p->offset > 0 &&
	       (!position_is_done(p) ||
		   r->written_ns >= position_born_ns(p) - TICK_NS) &&
	       !is_taken(all, &identity);
}

/* Whether an open file has a position of its own, not only the number of one.
 */
static bool
has_position(
    struct following *all, size_t source, const struct rotated_file *r, int fd)
{
	struct identity identity = identity_of_rotated(source, r);
	const struct position *p = map_get(all->known, identity_key(&identity));

	return p != NULL && is_its(fd, p);
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
		*fd = open_rotated(all, r, &denied);
		if (denied) {
			s->denied = true;
			deny(all, r, &b, p);
		}
		if (*fd < 0)
			continue;
		if (is_its(*fd, p))
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
		*fd = open_rotated(all, r, &denied);
		if (*fd < 0)
			continue;
		if (is_packed(*fd) == packed && is_at(*fd, p) &&
		    !is_half(r->path, *fd, &b) &&
		    !has_position(all, s->identity.source, r, *fd) &&
		    !is_of_longer(all, s->identity.source, *fd, p))
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

/* A file of which nothing was read shows in no text that it was compressed: it
 * is one that is not known and was not written before that was made. */
static const struct rotated_file *
find_packed(struct following *all, struct stray *s,
    const struct rotated_file *files, size_t count, int *fd)
{
	const struct position *p = s->position;
	const struct between b = {
		.path = p->path,
		.source = s->identity.source,
		.position = p,
	};
	const struct position *from;
	bool denied;

	if (p->offset > 0 || position_born_ns(p) == 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct rotated_file *r = &files[i];
		struct identity identity = identity_of_rotated(b.source, r);

		if (r->written_ns < position_born_ns(p) - TICK_NS ||
		    is_taken(all, &identity))
			continue;
		*fd = open_rotated(all, r, &denied);
		if (*fd < 0)
			continue;
		if (is_packed(*fd) && !has_position(all, b.source, r, *fd) &&
		    !is_half(r->path, *fd, &b) &&
		    !is_told(all, &identity, *fd, &b, &from) && from == NULL)
			return r;
		close(*fd);
	}
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
		if (!is_file(&files[i], &s->identity) ||
		    is_born_else(
			position_born_ns(s->position), files[i].born_ns))
			continue;
		s->file = take_known(all, &files[i], &b);
		s->denied = true;
		return true;
	}
	return false;
}

/* The file of a position among the rotated ones.  Opened, or NULL. */
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
	if (found == NULL && !s->denied)
		found = find_packed(all, s, files, count, fd);
	return found;
}

static void
stray_find(struct following *all, struct rotated *r, struct stray *s)
{
	const struct position *p = s->position;
	const char *const *globs = globs_of(all, s->identity.source);
	const struct rotated_file *files, *found;
	struct identity identity;
	unsigned looks = 0;
	int fd;

	do {
		size_t count = rotated_list(r, p->path, globs, &files);

		if (position_is_guess(p) && guess_find(all, s, files, count))
			return;
		found = find_stray(all, s, files, count, &fd);
	} while (found == NULL && look_again(all, r, &looks));
	if (found == NULL)
		return;
	log_info("log was rotated meanwhile, the old file is read to its end "
		 "first path=%s is=%s offset=%" PRId64,
	    p->path, found->path, p->offset);
	identity = identity_of_rotated(s->identity.source, found);
	s->file = follow(all, &identity, fd, p->path, p);
}

/* A log that is not there, nor anything in its place, may yet come back: a
 * disk that is mounted late. */
static bool
may_come(const struct name *n)
{
	return n != NULL && n->file == NULL;
}

/* A position is of no use any more where its file has another number now. */
static void
stray_done(struct following *all, const struct stray *s, const struct name *n)
{
	const struct position *p = s->position;

	if (s->file != NULL) {
		if (map_get(all->known, identity_key(&s->identity)) != NULL)
			following_forget(all, s->identity.source, p);
		return;
	}
	if (s->denied)
		return;
	/* What it held is told all the same. */
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
		last = read_between(all, r, &b);
	/* Whoever comes at last finds it as what was there before. */
	if (next == NULL && n != NULL && last != NULL)
		last->succeeded = false;
	while (next != NULL && next->after != NULL)
		next = next->after;
	if (next != NULL && last != NULL && next != last)
		followed_wait(next, last);
	for (size_t i = from; i < to; i++)
		stray_done(all, &s->at[i], n);
}

void
succession_resume(struct following *all, struct rotated *r)
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
