/* SPDX-License-Identifier: MIT */
/*
 * A file is known by its number, and where that does not help by what stands
 * at its start and before the position.
 */
#include "tail/told.h"

#include "base/map.h"
#include "base/mem.h"
#include "io/loop.h"
#include "store/store.h"
#include "tail/archive.h"
#include "tail/candidate.h"
#include "tail/file.h"
#include "tail/following.h"
#include "tail/inotify.h"
#include "tail/position.h"
#include "tail/rotated.h"
#include "tail/texts.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The position of a compressed file is that of what it was made of. */
bool
told_is_reused(int fd, const struct position *p)
{
	return position_born_else(rotated_born_ns(fd), position_born_ns(p)) &&
	       !packed_is(fd) && !watch_is_layered(fd);
}

bool
told_is_at(int fd, const struct position *p)
{
	/* Nothing of it was read: its number may be by chance that of another.
	 */
	if (p->offset == 0)
		return !position_born_else(
		    position_born_ns(p), rotated_born_ns(fd));
	return packed_is(fd) ? position_is_packed(fd, p) : position_is(fd, p);
}

bool
told_is_its(int fd, const struct position *p)
{
	return told_is_at(fd, p) && !told_is_reused(fd, p);
}

bool
told_is_half(const char *path, int fd, const struct between *b)
{
	const char *dot = strrchr(path, '.');
	struct stat st;
	char *plain;
	bool half;

	if (dot == NULL || fstat(fd, &st) != 0 ||
	    (st.st_size > 0 && !packed_is(fd)))
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
	return p->offset > 0 && strcmp(p->path, b->path) == 0 &&
	       told_is_at(fd, p);
}

/* Whether it was written to after the old one was read, for sure.  A copy that
 * was made then has all that was read. */
static bool
is_written_since(const struct stat *st, const struct between *b)
{
	int64_t written_ns =
	    (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

	return b->since_ms > 0 &&
	       written_ns > b->since_ms * 1000000 + CANDIDATE_TICK_NS;
}

bool
told_is_part(int fd, const struct between *b)
{
	const struct position *p = b->position;
	char head[POSITION_BYTES];
	struct stat st;
	ssize_t n;

	if (!b->copies || fstat(fd, &st) != 0 || st.st_size > p->offset ||
	    is_written_since(&st, b))
		return false;
	if (st.st_size == p->offset)
		return position_is(fd, p);
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

/* Whether only what was read of a followed file is known of it. */
static bool
is_opaque(const struct followed *f)
{
	return !f->open || file_is_packed(f->file);
}

/* The followed file that holds all that is in another one, so many bytes; or,
 * where it cannot be looked into, of which most was read that stands in that.
 */
static struct followed *
find_holder(
    struct following *all, int fd, const struct between *b, int64_t *size)
{
	struct followed *f, *best = NULL;

	*size = 0;
	TAILQ_FOREACH(f, &all->all, link)
	{
		int64_t held;
		struct position p;

		if (f->source != b->source ||
		    strcmp(file_path(f->file), b->path) != 0)
			continue;
		if (!is_opaque(f)) {
			/* Should it be emptied before it is read, that is to be
			 * seen. */
			file_look(f->file);
			if (file_holds(f->file, fd, &held)) {
				*size = held;
				return f;
			}
			continue;
		}
		followed_position(f, &p);
		if (p.offset > *size && is_left_of(fd, &p, b)) {
			*size = p.offset;
			best = f;
		}
	}
	return best;
}

/* A log is taken for a copy only where it was made before the truncation was
 * seen: many logs begin with the same lines. */
const struct position *
told_text_before(struct following *all, size_t source, const char *path, int fd)
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

bool
told_further(
    struct following *all, size_t source, int fd, const struct position *p)
{
	const struct between b = { .path = p->path, .source = source };
	struct told_search s = { &b, fd, p };

	texts_each(all->texts, source, p->path, consider, &s);
	map_each(all->known, consider_known, &s);
	map_each(all->released, consider_known, &s);
	return s.found != p || is_of_followed(all, fd, &b, p->offset);
}

/* Whether a compressed file goes on with a line behind a place in its text. */
static bool
has_line_behind(int fd, int64_t offset)
{
	char buf[65536];
	struct packed *packed = NULL;
	int64_t at = 0;
	ssize_t n = 1;

	if (lseek(fd, 0, SEEK_SET) == 0)
		packed = packed_open(fd, (struct text){ NULL, 0 }, NULL);
	for (; packed != NULL && n > 0 && at < offset; at += n)
		n = packed_skip(packed, (size_t)(offset - at), NULL);
	while (packed != NULL && n > 0) {
		n = packed_read(packed, buf, sizeof buf, NULL);
		if (n > 0 && memchr(buf, '\n', (size_t)n) != NULL)
			break;
	}
	if (packed == NULL)
		return false;
	packed_free(packed);
	return n > 0;
}

/* Whether a file holds nothing behind a position.  Another one may begin with
 * all that was in one that was done. */
static bool
ends_at(int fd, const struct position *p)
{
	struct stat st;

	if (packed_is(fd))
		return position_is_done(p) && !has_line_behind(fd, p->offset);
	return fstat(fd, &st) != 0 || st.st_size <= p->offset;
}

bool
told_has_line(int fd)
{
	char head[4096];
	ssize_t n = pread(fd, head, sizeof head, 0);

	return n == sizeof head || packed_is(fd) ||
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

bool
told_is(struct following *all, int fd, const struct between *b,
    struct followed **holder, int64_t *size, const struct position **from)
{
	struct told_search s = { b, fd, NULL };

	*from = NULL;
	*holder = told_has_line(fd) ? find_holder(all, fd, b, size) : NULL;
	if (*holder != NULL && !is_opaque(*holder))
		return true;
	if (b->was == NULL)
		consider(b->position, &s);
	add_texts_lost(all, b);
	texts_each(all->texts, b->source, b->path, consider, &s);
	map_each(all->known, consider_known, &s);
	map_each(all->released, consider_known, &s);
	if (*holder != NULL && (s.found == NULL || s.found->offset <= *size))
		return true;
	*holder = NULL;
	*from = s.found;
	return s.found != NULL ? ends_at(fd, s.found)
	                       : b->was == NULL && told_is_part(fd, b);
}
