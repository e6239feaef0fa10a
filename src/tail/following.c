/* SPDX-License-Identifier: MIT */
/*
 * A file is read when it is ready and what came before it has been read to its
 * end.  Of many files only some are open: the others are parked.
 */
#include "tail/following.h"

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
#include "tail/succession.h"
#include "tail/texts.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#define SHARE (1 << 20)    /* bytes of one file in one turn */
#define DELETED_MS 5000    /* a deleted file is held without growth */
#define ROTATED_MS 120000  /* one that was rotated away */
#define POLL_MS 1000       /* where inotify cannot serve */
#define RELEASED_MAX 20000 /* files remembered that are no longer held */
#define DENIED_MAX 1000    /* rotated files that wait for permission */
#define REPEAT_MS 60000    /* the same message about one file */
#define RESERVE 32         /* descriptors at least that are not for files */

struct text
identity_key(const struct identity *i)
{
	return (struct text){ (const char *)i, sizeof *i };
}

static const char *
source_name(const struct following *all, size_t source)
{
	return all->sources[source].name;
}

/* A part of the descriptors is for all else. */
static size_t
open_max(void)
{
	struct rlimit limit;
	size_t reserve;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	reserve = (size_t)limit.rlim_cur / 4;
	if (reserve < RESERVE)
		reserve = RESERVE;
	return limit.rlim_cur > reserve ? (size_t)limit.rlim_cur - reserve : 1;
}

void
following_init(struct following *all, const struct tail_source *sources,
    size_t count, const struct tail_callbacks *callbacks)
{
	all->sources = sources;
	all->count = count;
	all->callbacks = *callbacks;
	all->seen_ms = mem_new(count, sizeof *all->seen_ms);
	all->by_identity = map_new(SIZE_MAX, NULL);
	all->known = map_new(SIZE_MAX, position_free);
	all->released = map_new(RELEASED_MAX, position_free);
	all->gone = map_new(SIZE_MAX, position_free);
	all->texts = texts_new(all->gone);
	all->kept = map_new(SIZE_MAX, position_free);
	all->denied = map_new(DENIED_MAX, succession_denied_free);
	TAILQ_INIT(&all->all);
	TAILQ_INIT(&all->ready);
	TAILQ_INIT(&all->dirty);
	TAILQ_INIT(&all->held);
	TAILQ_INIT(&all->open);
	all->open_max = open_max();
}

static void followed_free(struct followed *f);

void
following_clear(struct following *all)
{
	struct followed *f, *next;

	for (f = TAILQ_FIRST(&all->all); f != NULL; f = next) {
		next = TAILQ_NEXT(f, link);
		followed_free(f);
	}
	free(all->seen_ms);
	map_free(all->by_identity);
	map_free(all->known);
	map_free(all->released);
	texts_free(all->texts);
	map_free(all->gone);
	map_free(all->kept);
	map_free(all->denied);
}

void
followed_ready(struct followed *f)
{
	if (f->ready || f->after != NULL)
		return;
	f->ready = true;
	TAILQ_INSERT_TAIL(&f->all->ready, f, ready_link);
}

void
followed_dirty(struct followed *f)
{
	f->all->changed = true;
	if (f->dirty)
		return;
	f->dirty = true;
	TAILQ_INSERT_TAIL(&f->all->dirty, f, dirty_link);
}

void
following_ask_poll(struct following *all)
{
	if (all->poll)
		return;
	all->poll = true;
	all->poll_at_ms = clock_now_ms() + POLL_MS;
}

void
following_lose(struct following *all, size_t source, const char *path,
    const char *why, int64_t bytes)
{
	const struct tail_loss loss = { source, path, why, bytes };
	char count[32] = "unknown";

	if (bytes > 0)
		snprintf(count, sizeof count, "%" PRId64, bytes);
	log_error("lines lost: %s source=%s path=%s bytes=%s", why,
	    source_name(all, source), path, count);
	if (all->callbacks.lost != NULL)
		all->callbacks.lost(&loss, all->callbacks.ctx);
}

void
followed_suspect(struct followed *f, struct followed *original)
{
	if (f->original != NULL)
		f->original->copies--;
	f->original = original;
	f->copy = f->kept = f->maybe = f->dropped = false;
	f->copied = 0;
	if (original != NULL)
		original->copies++;
}

void
followed_suspect_maybe(struct followed *f, struct followed *original)
{
	followed_suspect(f, original);
	f->maybe = true;
}

void
followed_drop(struct followed *f)
{
	followed_suspect(f, NULL);
	f->dropped = true;
}

/* Places. */

static void
place_take(struct place *place, const struct followed *f)
{
	struct position p;

	file_read_position(f->file, &place->print, &p);
	place->offset = p.offset;
	place->line = p.line;
	place->read = file_read_offset(f->file);
}

/* Whether an open file holds what was read up to a place, and more. */
static bool
place_is_in(const struct place *place, const struct followed *f, int fd,
    struct position *p)
{
	struct stat st;

	*p = (struct position){
		.source = source_name(f->all, f->source),
		.path = file_path(f->file),
		.offset = place->offset,
		.line = place->line,
		.head = { place->print.head, sizeof place->print.head },
		.anchor = { place->print.anchor, sizeof place->print.anchor },
	};
	if (place->read == 0 || fstat(fd, &st) != 0)
		return false;
	return packed_is(fd) ? position_is_packed(fd, p)
	                     : st.st_size > place->read && position_is(fd, p);
}

/* Of what was read at last, nobody knows which text it was of. */
bool
followed_place_in(
    struct followed *f, int fd, struct place *place, struct position *p)
{
	place_take(place, f);
	if (place_is_in(place, f, fd, p))
		return true;
	*place = f->before;
	return f->before_round + 1 >= f->all->round &&
	       place_is_in(place, f, fd, p);
}

/* Open and parked. */

static void
mark_open(struct followed *f)
{
	f->open = true;
	TAILQ_INSERT_TAIL(&f->all->open, f, open_link);
	f->all->open_count++;
}

static void
mark_closed(struct followed *f)
{
	if (!f->open)
		return;
	f->open = false;
	TAILQ_REMOVE(&f->all->open, f, open_link);
	f->all->open_count--;
}

/* One that can be found again; a held one costs a look. */
static bool
may_park(const struct followed *f, bool held)
{
	int fd;

	if (f->held != held || f->deleted || f->original != NULL ||
	    f->copies > 0 || file_is_packed(f->file))
		return false;
	if (!held)
		return true;
	if (!succession_find(f, &fd))
		return false;
	if (fd >= 0)
		close(fd);
	return true;
}

/* Parks what was read longest ago. */
void
following_make_room(struct following *all)
{
	for (int held = 0; held < 2; held++) {
		struct followed *f = TAILQ_FIRST(&all->open), *next;

		for (; f != NULL && all->open_count >= all->open_max;
		     f = next) {
			next = TAILQ_NEXT(f, open_link);
			if (!may_park(f, held))
				continue;
			file_park(f->file);
			mark_closed(f);
		}
	}
}

static bool
is_it(const struct followed *f, const struct stat *st)
{
	return st->st_dev == f->identity.device &&
	       st->st_ino == f->identity.inode;
}

/* Under one of its names. */
static enum file_opening
open_named(struct followed *f, int *fd, struct stat *st, struct err *err)
{
	enum file_opening opening = FILE_MISSING;
	struct name *n;

	err_set(err, "it has been renamed");
	LIST_FOREACH(n, &f->names, others)
	{
		opening = file_open(n->path, fd, st, err);
		if (opening == FILE_OPENED && is_it(f, st))
			return FILE_OPENED;
		if (opening == FILE_OPENED)
			close(*fd);
		if (opening == FILE_OPENED || opening == FILE_REFUSED ||
		    opening == FILE_DIR)
			opening = FILE_MISSING;
	}
	return opening;
}

static void
cannot_open(struct followed *f, const struct err *err)
{
	if (!f->broken)
		log_warning("log cannot be opened again, trying every second "
			    "source=%s path=%s reason=%s",
		    source_name(f->all, f->source), file_path(f->file),
		    err->text);
	f->broken = true;
	following_ask_poll(f->all);
}

bool
followed_open(struct followed *f)
{
	struct following *all = f->all;
	struct stat st;
	struct err err;
	int fd;

	if (f->lost)
		return false;
	if (f->open) { /* to the end: it was used last */
		TAILQ_REMOVE(&all->open, f, open_link);
		TAILQ_INSERT_TAIL(&all->open, f, open_link);
		return true;
	}
	following_make_room(all);
	switch (open_named(f, &fd, &st, &err)) {
	case FILE_OPENED:
		break;
	case FILE_MISSING:
		if (succession_find(f, &fd)) {
			if (fd >= 0)
				break;
			err_set(&err, "%m");
			cannot_open(f, &err);
			return false;
		}
		following_lose(all, f->source, file_path(f->file),
		    "the file was removed while it was not open", 0);
		followed_hold(f, false);
		f->lost = f->deleted = true;
		return false;
	default:
		cannot_open(f, &err);
		return false;
	}
	file_unpark(f->file, fd);
	mark_open(f);
	return true;
}

/* Reading. */

static void
file_block(const struct block *block, void *ctx)
{
	struct followed *f = ctx;

	f->all->changed = true;
	f->all->callbacks.block(block, f->all->callbacks.ctx);
}

/* Those that waited for f to be read to its end may go on. */
static void
let_go_on(struct followed *f)
{
	struct followed *other = TAILQ_FIRST(&f->all->all);

	for (; f->waiting > 0 && other != NULL;
	     other = TAILQ_NEXT(other, link)) {
		if (other->after != f)
			continue;
		other->after = NULL;
		f->waiting--;
		succession_go_on(other, f);
		followed_ready(other);
	}
}

/* Nobody waits for itself: of two that wait for each other the later order
 * counts. */
static void
break_circle(struct followed *f, struct followed *before)
{
	while (before != NULL && before->after != f)
		before = before->after;
	if (before == NULL)
		return;
	before->after = NULL;
	f->waiting--;
	followed_ready(before);
}

void
followed_wait(struct followed *f, struct followed *before)
{
	if (f->after != NULL || f == before)
		return;
	break_circle(f, before);
	if (f->ready)
		TAILQ_REMOVE(&f->all->ready, f, ready_link);
	f->ready = false;
	f->after = before;
	before->waiting++;
	followed_ready(before);
}

static void
say_truncated(struct followed *f, int64_t was)
{
	int64_t now_ms = clock_now_ms();
	struct stat st = { .st_size = 0 };

	f->truncations++;
	if (f->truncated_ms != 0 && now_ms - f->truncated_ms < REPEAT_MS)
		return;
	fstat(file_fd(f->file), &st);
	log_warning("file truncated, reading from its start "
		    "source=%s path=%s was=%" PRId64 " now=%" PRId64
		    " times=%" PRIu64,
	    source_name(f->all, f->source), file_path(f->file), was,
	    (int64_t)st.st_size, f->truncations);
	f->truncated_ms = now_ms;
	f->truncations = 0;
}

/* What was not read when a file was truncated is in the copy that was made of
 * it before, or nowhere. */
static void
truncated(struct followed *f, const struct position *was, int64_t read,
    int64_t unread)
{
	struct rotated *r = rotated_new();
	bool found;

	say_truncated(f, read);
	found = succession_copy(f, r, was);
	rotated_free(r);
	if (!found && unread > 0)
		following_lose(f->all, f->source, file_path(f->file),
		    "the file was truncated before it was read", unread);
}

static void
changed(struct followed *f)
{
	int64_t read = file_read_offset(f->file);
	int64_t unread = file_unread(f->file);
	uint64_t newest = f->all->last_id;
	struct position now, *was;

	followed_position(f, &now);
	was = position_copy(&now);
	followed_dirty(f);
	f->all->callbacks.end(f->id, f->all->callbacks.ctx);
	succession_copies(f, was, newest);
	switch (file_recover(f->file)) {
	case FILE_ANEW:
		truncated(f, was, read, unread);
		break;
	case FILE_MOVED:
		log_info("the text moved within the file, reading on behind "
			 "it source=%s path=%s was=%" PRId64 " now=%" PRId64,
		    source_name(f->all, f->source), file_path(f->file), read,
		    file_offset(f->file));
		break;
	case FILE_CUT:
		log_warning("file truncated to a part of it, reading on there "
			    "source=%s path=%s was=%" PRId64 " now=%" PRId64,
		    source_name(f->all, f->source), file_path(f->file), read,
		    file_offset(f->file));
		break;
	}
	succession_copies(f, NULL, newest);
	was->seen_ms = clock_wall_ms();
	texts_add(f->all->texts, f->source, was);
	position_free(was);
}

void
followed_check(struct followed *f)
{
	if (f->lost || file_is_packed(f->file) || !followed_open(f) ||
	    file_is_as_read(f->file))
		return;
	changed(f);
	followed_ready(f);
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
	    source_name(f->all, f->source), file_path(f->file),
	    f->all->sources[f->source].max_line, count);
	f->long_lines += count;
	f->long_lines_ms = now_ms;
}

static void
read_ended(struct followed *f)
{
	bool was_deleted = f->deleted;
	struct stat st;

	if (f->held && fstat(file_fd(f->file), &st) == 0)
		f->deleted = st.st_nlink == 0;
	/* Nobody can open it again, but a copy of it may be made yet. */
	if (f->deleted && !was_deleted)
		followed_dirty(f);
	let_go_on(f);
}

/* What is at its names can be read, or why not. */
static void
tell_state(struct followed *f, const char *reason)
{
	const struct tail_callbacks *c = &f->all->callbacks;
	const struct name *n;

	if (c->state == NULL)
		return;
	LIST_FOREACH(n, &f->names, others)
	c->state(n->source, n->path,
	    reason == NULL ? TAIL_PATH_FOLLOWED : TAIL_PATH_UNREADABLE, reason,
	    c->ctx);
}

static void
read_broken(struct followed *f, const struct err *err)
{
	if (file_is_packed(f->file)) {
		following_lose(
		    f->all, f->source, file_path(f->file), err->text, 0);
		let_go_on(f);
		return;
	}
	if (!f->broken)
		log_warning("log cannot be read, trying again every second "
			    "source=%s path=%s reason=%s",
		    source_name(f->all, f->source), file_path(f->file),
		    err->text);
	if (!f->broken)
		tell_state(f, err->text);
	f->broken = true;
	following_ask_poll(f->all);
	let_go_on(f);
}

static void
read_foreign(struct followed *f, const struct err *err)
{
	if (!f->foreign)
		log_error("file is not read source=%s path=%s reason=%s",
		    source_name(f->all, f->source), file_path(f->file),
		    err->text);
	/* A glob may well name rotated files that were compressed. */
	if (!f->foreign && !LIST_EMPTY(&f->names) &&
	    !LIST_FIRST(&f->names)->glob)
		tell_state(f, err->text);
	f->foreign = true;
	let_go_on(f);
}

/* Whether the original of what was a copy was rewritten, though nothing in it
 * shows: its new text begins with all that was read of the old one. */
static bool
is_rewritten(const struct followed *f, const struct followed *original)
{
	/* With less, all that was seen of it may stand in both texts. */
	if (f->copied > f->told.read)
		return !file_begins_as(f->file, original->file, f->copied);
	return f->maybe &&
	       file_written_ns(original->file) >= file_born_ns(f->file);
}

/* Of what is no copy any more: reads on where the original was read to, when
 * that held the same. */
static bool
read_on_in_copy(struct followed *f, struct followed *original)
{
	int fd = file_fd(f->file);
	struct place place;
	struct position p;

	if (!is_rewritten(f, original))
		return false;
	place_take(&place, original);
	if (!place_is_in(&place, original, fd, &p) &&
	    !(f->copy && place_is_in(&f->told, original, fd, &p)))
		return false;
	log_info("the file was written anew and begins with what was read "
		 "before, reading on in a copy of that source=%s path=%s "
		 "offset=%" PRId64,
	    source_name(f->all, f->source), file_path(f->file), p.offset);
	file_seek(f->file, p.offset, p.line);
	followed_suspect(f, NULL);
	followed_dirty(f);
	followed_ready(f);
	followed_wait(original, f);
	return true;
}

/* It is no copy of its original, which is what it was as far as that shows. */
static void
settle(struct followed *f, struct followed *original)
{
	if (read_on_in_copy(f, original))
		return;
	if (f->maybe) {
		followed_drop(f);
		return;
	}
	if (f->copy &&
	    !(f->kept && file_read_offset(original->file) >= f->copied))
		file_seek(f->file, 0, 1);
	followed_suspect(f, NULL);
}

/* Whether a file under a rotated name is still but a copy, so many bytes. Where
 * its original is another text by now, that decides. */
static bool
is_copy(struct followed *f, int64_t *size)
{
	struct followed *original = f->original;

	if (original == NULL)
		return false;
	/* What it holds now, but for what comes after that. */
	if (original->open)
		file_look(original->file);
	if (file_is_copy(f->file, original->file, size)) {
		if (*size > f->copied)
			f->grown_ms = clock_now_ms();
		f->copy = true;
		f->copied = *size;
		place_take(&f->told, original);
		return true;
	}
	followed_check(original);
	if (f->original == original)
		settle(f, original);
	return false;
}

static void
skip_copy(struct followed *f, int64_t size)
{
	file_skip(f->file, size);
	f->at_end = true;
	read_ended(f);
	followed_dirty(f);
}

/* Whatever was read in it last may have been of another text than before. */
static void
check_copies(struct followed *f)
{
	struct followed *other = TAILQ_FIRST(&f->all->all);
	int64_t size;

	for (; f->copies > 0 && other != NULL;
	     other = TAILQ_NEXT(other, link)) {
		int64_t copied = other->copied;

		if (other->original != f || !(other->copy || other->maybe) ||
		    !followed_open(other))
			continue;
		if (!is_copy(other, &size))
			followed_ready(other);
		else if (size != copied)
			skip_copy(other, size);
	}
}

/* Whether something stands where nothing was seen yet: copies of what perhaps
 * stood there before are looked for first. */
static bool
is_news(struct followed *f)
{
	return !f->held && f->original == NULL && !file_is_packed(f->file) &&
	       file_read_offset(f->file) == 0 && file_unread(f->file) == 0 &&
	       file_look(f->file) > 0;
}

/* Reads a share of a file.  Returns how many bytes there were. */
static size_t
read_share(struct followed *f)
{
	int64_t offset = file_offset(f->file), size;
	int64_t now_ms = clock_wall_ms();
	struct place before;
	struct err err;
	size_t got = 0;

	if (f->dropped)
		return 0;
	if (!followed_open(f)) {
		if (f->lost)
			let_go_on(f);
		return 0;
	}
	if (is_copy(f, &size)) {
		skip_copy(f, size);
		return 0;
	}
	if (f->original != NULL || f->after != NULL || f->dropped) {
		followed_ready(f);
		return 0;
	}
	if (is_news(f)) {
		followed_ready(f);
		return 0;
	}
	place_take(&before, f);
	switch (file_read(f->file, SHARE, &got, &err)) {
	case FILE_MORE:
		followed_ready(f);
		break;
	case FILE_CHANGED:
		changed(f);
		followed_ready(f);
		now_ms = f->read_ms;
		break;
	case FILE_ZEROS:
		f->zeros = true;
		following_ask_poll(f->all);
		read_ended(f);
		break;
	case FILE_END:
		if (f->broken || f->foreign)
			tell_state(f, NULL);
		f->broken = f->foreign = f->zeros = false;
		read_ended(f);
		break;
	case FILE_FOREIGN:
		read_foreign(f, &err);
		break;
	case FILE_BROKEN:
		read_broken(f, &err);
		break;
	}
	if (!f->at_end && !f->ready)
		followed_dirty(f);
	f->at_end = !f->ready;
	f->read_ms = now_ms;
	if (got > 0) {
		f->grown_ms = clock_now_ms();
		f->fresh = false;
		f->before = before;
		f->before_round = f->all->round;
	}
	if (file_offset(f->file) != offset)
		followed_dirty(f);
	say_long_lines(f);
	file_rest(f->file);
	check_copies(f);
	return got;
}

/* Whether it stood there empty and is to be read for the first time: what it
 * was emptied of since is not known by anything that was read before. */
static bool
is_first(struct followed *f)
{
	return !f->held && f->original == NULL && f->round != f->all->round &&
	       file_read_offset(f->file) == 0 && followed_open(f) &&
	       (file_look(f->file) > 0 || f->touched) &&
	       file_is_as_read(f->file);
}

/* Looks for copies of such files, which come before them. */
static void
look_for_copies(struct following *all)
{
	struct rotated *r = NULL;
	struct followed *f;

	TAILQ_FOREACH(f, &all->ready, ready_link)
	{
		f->first = is_first(f);
		if (f->first && r == NULL)
			r = rotated_new();
	}
	for (f = r == NULL ? NULL : TAILQ_FIRST(&all->all); f != NULL;
	     f = TAILQ_NEXT(f, link)) {
		struct position p;

		if (!f->first)
			continue;
		f->first = f->touched = false;
		followed_position(f, &p);
		succession_copy(f, r, &p);
	}
	rotated_free(r);
}

void
following_read(struct following *all)
{
	struct followed *f;
	size_t count = 0;

	look_for_copies(all);
	all->round++;
	TAILQ_FOREACH(f, &all->ready, ready_link)
	count++;
	while (count-- > 0 && !TAILQ_EMPTY(&all->ready)) {
		f = TAILQ_FIRST(&all->ready);
		TAILQ_REMOVE(&all->ready, f, ready_link);
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
	followed_ready(f);
	if (event == WATCH_CONTENT) {
		f->touched = file_read_offset(f->file) == 0;
		return;
	}
	LIST_FOREACH(n, &f->names, others)
	name_mark(n);
}

static void
watch(struct followed *f)
{
	struct following *all = f->all;

	f->watch = watch_file(
	    all->watcher, file_fd(f->file), file_path(f->file), file_event, f);
	if (f->watch != NULL && !f->deaf)
		return;
	following_ask_poll(all);
	if (f->watch == NULL && !all->poll_said) {
		log_warning("file cannot be watched, looking every second "
			    "source=%s path=%s reason=%s%s",
		    source_name(all, f->source), file_path(f->file),
		    strerror(errno),
		    errno == ENOSPC
			? " (raise sysctl fs.inotify.max_user_watches)"
			: "");
		all->poll_said = true;
	}
}

/* What stands in a file that is new may have come since the look before: that
 * nothing of it was emptied meanwhile is known only up to that. */
static int64_t
unread_since(const struct following *all, const struct file_spec *spec)
{
	int64_t since_ms =
	    all->since_ms > 0 ? all->since_ms : all->seen_ms[spec->source];

	return spec->offset == 0 && since_ms > 0 ? since_ms : clock_wall_ms();
}

struct followed *
followed_new(struct following *all, const struct identity *identity,
    struct file_spec *spec)
{
	struct followed *f = mem_new(1, sizeof *f);

	following_make_room(all);
	f->all = all;
	f->identity = *identity;
	f->id = spec->id = ++all->last_id;
	f->source = spec->source;
	f->round = all->round;
	f->fresh = spec->offset == 0;
	f->read_ms = unread_since(all, spec);
	f->deaf = watch_is_deaf(spec->fd);
	LIST_INIT(&f->names);
	spec->max_line = all->sources[spec->source].max_line;
	f->file = file_new(spec, file_block, f);
	mark_open(f);
	TAILQ_INSERT_TAIL(&all->all, f, link);
	map_put(all->by_identity, identity_key(identity), f);
	map_remove(all->known, identity_key(identity));
	map_remove(all->released, identity_key(identity));
	map_remove(all->gone, identity_key(identity));
	map_remove(all->kept, identity_key(identity));
	watch(f);
	followed_ready(f);
	followed_dirty(f);
	return f;
}

void
followed_unpack(
    struct followed *f, int fd, const char *path, const struct position *p)
{
	struct file_spec spec = {
		.fd = fd,
		.id = f->id,
		.source = f->source,
		.path = path,
		.max_line = f->all->sources[f->source].max_line,
		.offset = p == NULL ? 0 : p->offset,
		.line = p == NULL ? 1 : p->line,
		.position = p,
		.packed = true,
	};
	struct file *old = f->file;

	f->file = file_new(&spec, file_block, f);
	file_free(old);
	if (!f->open)
		mark_open(f);
	followed_suspect(f, NULL);
	f->fresh = f->foreign = f->at_end = false;
	followed_dirty(f);
	followed_ready(f);
}

/* Nobody is a copy of what is gone. */
static void
let_copies_go(struct followed *f)
{
	struct followed *other = TAILQ_FIRST(&f->all->all);

	for (; f->copies > 0; other = TAILQ_NEXT(other, link)) {
		if (other->original != f)
			continue;
		if (other->maybe)
			followed_drop(other);
		else
			followed_suspect(other, NULL);
	}
}

static void
followed_free(struct followed *f)
{
	struct following *all = f->all;
	struct name *n;

	let_go_on(f);
	let_copies_go(f);
	followed_suspect(f, NULL);
	if (f->after != NULL)
		f->after->waiting--;
	while ((n = LIST_FIRST(&f->names)) != NULL) {
		LIST_REMOVE(n, others);
		n->file = NULL;
	}
	if (f->ready)
		TAILQ_REMOVE(&all->ready, f, ready_link);
	if (f->dirty)
		TAILQ_REMOVE(&all->dirty, f, dirty_link);
	if (f->held)
		TAILQ_REMOVE(&all->held, f, held_link);
	mark_closed(f);
	TAILQ_REMOVE(&all->all, f, link);
	map_remove(all->by_identity, identity_key(&f->identity));
	watch_free(f->watch);
	file_free(f->file);
	free(f);
}

static enum position_kind
kind_of_position(const struct followed *f)
{
	if (f->original != NULL)
		return POSITION_GUESS;
	return f->held && (f->succeeded || f->deleted) && f->at_end &&
	               file_unread(f->file) == 0
	           ? POSITION_DONE
	           : POSITION_PLAIN;
}

/* Whether it holds what its original does, of which that much was not read yet:
 * should that be written anew before, it is to be read here. */
static bool
is_ahead(const struct followed *f)
{
	return f->original != NULL && f->copy &&
	       file_read_offset(f->original->file) < f->copied;
}

void
followed_position(struct followed *f, struct position *p)
{
	/* Who has it open still may have written to it since. */
	if (f->held && f->open && f->at_end && !file_is_packed(f->file))
		file_look(f->file);
	*p = (struct position){
		.source = source_name(f->all, f->source),
		.device = f->identity.device,
		.inode = f->identity.inode,
		.seen_ms = f->all->looked_ms,
	};
	/* While nothing is read, nothing shows what it was emptied of. */
	if (file_read_offset(f->file) == 0 && f->read_ms < p->seen_ms)
		p->seen_ms = f->read_ms;
	if (is_ahead(f)) {
		p->path = file_path(f->file);
		position_guess(p, &f->all->print, NULL, file_born_ns(f->file));
		return;
	}
	file_position(f->file, kind_of_position(f), p);
}

void
followed_hold(struct followed *f, bool succeeded)
{
	if (f->held)
		return;
	f->held = true;
	f->succeeded = succeeded;
	f->deleted = f->at_end = false;
	f->grown_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&f->all->held, f, held_link);
	followed_ready(f);
}

void
followed_succeed(struct followed *f)
{
	if (!f->held || f->succeeded)
		return;
	f->succeeded = true;
	f->at_end = false;
	followed_ready(f);
}

void
followed_unhold(struct followed *f)
{
	if (!f->held)
		return;
	TAILQ_REMOVE(&f->all->held, f, held_link);
	f->held = f->succeeded = f->deleted = false;
	/* In the place of the log: what it goes on with is to be read. */
	f->kept = f->kept || f->maybe;
	f->maybe = f->dropped = false;
}

/* When a held file is let go: not before what it was, and what comes after it,
 * are known. */
static int64_t
release_due(const struct followed *f)
{
	if (f->ready || f->after != NULL || f->dropped)
		return INT64_MAX;
	if (f->deleted)
		return f->grown_ms + DELETED_MS;
	return f->succeeded ? f->grown_ms + ROTATED_MS : INT64_MAX;
}

static void
release(struct followed *f)
{
	struct following *all = f->all;
	struct position p;

	log_info("file let go, it is read to its end source=%s path=%s "
		 "deleted=%s",
	    source_name(all, f->source), file_path(f->file),
	    f->deleted ? "yes" : "no");
	file_end(f->file);
	all->changed = true;
	all->callbacks.end(f->id, all->callbacks.ctx);
	followed_position(f, &p);
	map_put(all->gone, identity_key(&f->identity), position_copy(&p));
	if (!f->deleted)
		map_put(all->released, identity_key(&f->identity),
		    position_copy(&p));
	followed_unhold(f);
	followed_free(f);
}

/* As if it had never been found. */
static void
forget(struct followed *f)
{
	struct following *all = f->all;
	struct position p;

	followed_position(f, &p);
	map_put(all->gone, identity_key(&f->identity), position_copy(&p));
	all->changed = true;
	followed_unhold(f);
	followed_free(f);
}

static void
let_go(struct followed *f)
{
	if (f->maybe)
		followed_drop(f);
	else
		release(f);
}

void
following_release(struct following *all, int64_t now_ms)
{
	struct followed *f, *next;

	for (f = TAILQ_FIRST(&all->held); f != NULL; f = next) {
		next = TAILQ_NEXT(f, held_link);
		/* A last look, for a writer may have gone unheard. */
		if (release_due(f) <= now_ms && read_share(f) == 0 &&
		    release_due(f) <= now_ms)
			let_go(f);
	}
	for (f = TAILQ_FIRST(&all->held); f != NULL; f = next) {
		next = TAILQ_NEXT(f, held_link);
		if (f->dropped)
			forget(f);
	}
}

int64_t
following_due(const struct following *all)
{
	int64_t at_ms = all->poll ? all->poll_at_ms : INT64_MAX;
	const struct followed *f;

	TAILQ_FOREACH(f, &all->held, held_link)
	if (release_due(f) < at_ms)
		at_ms = release_due(f);
	return at_ms;
}

/* Whether a file that nobody tells of may have changed. */
static bool
may_have_changed(const struct followed *f)
{
	const struct name *n = LIST_FIRST(&f->names);
	struct stat st;

	if (f->open || n == NULL)
		return true;
	return stat(n->path, &st) != 0 || !is_it(f, &st) ||
	       !file_is_still(f->file, &st);
}

void
following_poll(struct following *all)
{
	struct followed *f;

	all->poll = false;
	TAILQ_FOREACH(f, &all->all, link)
	{
		if (f->watch != NULL && !f->deaf && !f->broken && !f->zeros)
			continue;
		following_ask_poll(all);
		if (may_have_changed(f))
			followed_ready(f);
		if (f->watch == NULL && f->open)
			watch(f);
	}
}

void
following_forget(struct following *all, size_t source, const struct position *p)
{
	struct identity identity = { source, p->device, p->inode };

	map_put(all->gone, identity_key(&identity), position_copy(p));
	map_remove(all->known, identity_key(&identity));
	map_remove(all->kept, identity_key(&identity));
	all->changed = true;
}

const struct position *
following_keep(struct following *all, const struct identity *identity,
    const char *path, const struct position *text, int64_t born_ns,
    int64_t since_ms)
{
	struct fingerprint print;
	struct position p = {
		.source = source_name(all, identity->source),
		.device = identity->device,
		.inode = identity->inode,
		.path = path,
		.seen_ms = since_ms > 0 ? since_ms : all->looked_ms,
	};

	position_guess(&p, &print, text, born_ns);
	map_put(all->kept, identity_key(identity), position_copy(&p));
	map_remove(all->gone, identity_key(identity));
	all->changed = true;
	return map_get(all->kept, identity_key(identity));
}

void
following_unkeep(struct following *all, const struct identity *identity)
{
	const struct position *p = map_get(all->kept, identity_key(identity));

	if (p != NULL)
		following_forget(all, identity->source, p);
}
