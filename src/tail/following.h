/* SPDX-License-Identifier: MIT */
/**
 * The followed files: read in fair shares and in order, held when they lose
 * their names, let go when they are done.  Knows nothing of how names are
 * found; for the files of tail/ only.
 */
#ifndef LOGWATCH_TAIL_FOLLOWING_H
#define LOGWATCH_TAIL_FOLLOWING_H

#include "tail/position.h"
#include "tail/tail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct file;
struct file_spec;
struct map;
struct name;
struct names;
struct texts;
struct watch;
struct watcher;

/* What tells files apart, once a source; without holes, for it is a key. */
struct identity {
	uint64_t source, device, inode;
};

struct text identity_key(const struct identity *i);

/* How far a file was read at a time, and what stood there. */
struct place {
	int64_t offset, line; /* as in a position */
	int64_t read;         /* bytes, with a line that was not whole yet */
	struct fingerprint print;
};

struct followed {
	struct following *all;
	struct file *file;
	struct identity identity;
	uint64_t id;
	size_t source;
	struct watch *watch; /* NULL: it is polled */
	LIST_HEAD(, name) names;

	/* The lists that it is in: of all, to be read, with a position to be
	 * told, not parked, without a name. */
	TAILQ_ENTRY(followed) link;
	TAILQ_ENTRY(followed) ready_link;
	TAILQ_ENTRY(followed) dirty_link;
	TAILQ_ENTRY(followed) open_link;
	TAILQ_ENTRY(followed) held_link;
	bool ready, dirty, open, held;

	bool deaf;      /* its file system does not tell of every write */
	bool fresh;     /* nothing of it was read yet, nor in an earlier life */
	bool touched;   /* it was written to while nothing was read */
	bool first;     /* in this round something of it is read at last */
	bool at_end;    /* it was read to its end */
	bool succeeded; /* held: its place is taken, or will not be */
	bool deleted;   /* held: no directory has it any more */
	bool lost;      /* it cannot be opened any more; said */
	bool broken;    /* reading failed; said */
	bool foreign;   /* it is no text; said */
	bool zeros;     /* at its end: looked at from time to time */
	bool copy;      /* of its original so far: nothing in it is new */
	bool kept;      /* what was a copy stays told, once that is read */
	bool maybe;     /* it is read only if it is a copy of what is gone */
	bool dropped;   /* it was none: to be let go unread */

	int64_t copied;      /* bytes of it that are a copy */
	struct place told;   /* of its original, when that was last so */
	struct place before; /* before something was last read */
	uint64_t before_round;

	unsigned copies;        /* how many may be copies of this one */
	unsigned waiting;       /* how many are after this one */
	struct followed *after; /* not read before that one was, to its end */

	/* Under a rotated name of that one: may be a copy of it. */
	struct followed *original;

	uint64_t round;   /* in which it was found */
	int64_t since_ns; /* what comes after it was made since; 0: since it */
	int64_t grown_ms;
	int64_t read_ms; /* wall time before it was last read as expected */
	int64_t truncated_ms;  /* when it was last said, 0: never */
	uint64_t truncations;  /* since then */
	int64_t long_lines_ms; /* likewise */
	uint64_t long_lines;   /* told of so far */
};

TAILQ_HEAD(all_files, followed);

struct following {
	const struct tail_source *sources;
	size_t count;
	struct tail_callbacks callbacks;
	struct watcher *watcher; /* NULL: there is none, all is polled */
	struct names *names;
	uint64_t last_id;
	uint64_t round; /* rounds of reading so far */

	struct map *by_identity; /* struct followed, not owned */
	struct all_files all, ready, dirty, held, open;
	size_t open_count, open_max;

	struct map *known;        /* struct position: not found yet */
	struct map *released;     /* struct position: let go, but still there */
	struct map *gone;         /* struct position: to be forgotten */
	struct texts *texts;      /* that are in no followed file any more */
	struct map *kept;         /* struct position: of files not open yet */
	struct fingerprint print; /* of a position that was asked for last */
	struct map *denied;       /* rotated files that may not be read yet */

	/* Wall times: what was written before the last look began has been
	 * seen by it; a look itself goes by the one before. */
	int64_t looked_ms, since_ms;
	int64_t *seen_ms; /* of each source, when it was stopped */
	bool changed;     /* something is to be told at the end of the round */
	bool vanished;    /* a rotated file, between two looks */
	bool poll;
	bool poll_said;
	int64_t poll_at_ms;
};

void following_init(struct following *all, const struct tail_source *sources,
    size_t count, const struct tail_callbacks *callbacks);
void following_clear(struct following *all);

/** Takes over spec->fd.  Forgets positions that were kept of that file. */
struct followed *followed_new(struct following *all,
    const struct identity *identity, struct file_spec *spec);

/** What was taken for a log is one that was compressed: reads that from a
 * position on, or from its start.  fd is taken over. */
void followed_unpack(
    struct followed *f, int fd, const char *path, const struct position *p);
/** Looks whether another text stands in it than was read or seen; then decides
 * where to read on, and what its copies are. */
void followed_check(struct followed *f);
/** It is to be read in this round. */
void followed_ready(struct followed *f);
/** Its position is to be told. */
void followed_dirty(struct followed *f);
/** f is not read before `before` has been, to its end. */
void followed_wait(struct followed *f, struct followed *before);
/** It has lost its last name: whoever writes it may not have noticed yet.
 * succeeded: no other file will come in its place. */
void followed_hold(struct followed *f, bool succeeded);
/** Its place is taken. */
void followed_succeed(struct followed *f);
/** Under a rotated name of that one (NULL: of none) it may be a copy of it. */
void followed_suspect(struct followed *f, struct followed *original);
/** It has a name again. */
void followed_unhold(struct followed *f);
/** The same of one that was found beside that: it is read only where that was
 * rewritten and nothing in it shows. */
void followed_suspect_maybe(struct followed *f, struct followed *original);
/** What was taken for a copy perhaps is none, or one of which all is told. */
void followed_drop(struct followed *f);
/**
 * Where to read on in an open file that holds what stood in f, which was
 * rewritten since with the same first bytes: how far f was read.
 *
 * Returns false where it holds something else.  p lives as long as place.
 */
bool followed_place_in(
    struct followed *f, int fd, struct place *place, struct position *p);
/** Its position; the fingerprints live until the next call. */
void followed_position(struct followed *f, struct position *p);
/** Opens a parked file again.  False: it cannot be now, or is lost. */
bool followed_open(struct followed *f);

/** Makes room for one more open file. */
void following_make_room(struct following *all);
/** Each file that is ready gets one share. */
void following_read(struct following *all);
/** Lets go of held files whose time has come. */
void following_release(struct following *all, int64_t now_ms);
/** When that is next, or the next poll; INT64_MAX: not at all. */
int64_t following_due(const struct following *all);
/** Asks for a poll a second from now. */
void following_ask_poll(struct following *all);
/** Makes ready what no event would tell of. */
void following_poll(struct following *all);

/** Remembers over a stop a file that cannot be looked into yet.
 *
 * text      what it may go on with; NULL: not known
 * born_ns   since 1970; 0: not known
 * since_ms  since 1970: what was written before had been seen, so that it may
 *           be known under another number by when it was written; 0: not known
 *
 * Returns its position; lent until it is followed or forgotten. */
const struct position *following_keep(struct following *all,
    const struct identity *identity, const char *path,
    const struct position *text, int64_t born_ns, int64_t since_ms);
void following_unkeep(struct following *all, const struct identity *identity);

/** A position that is of no use any more. */
void following_forget(
    struct following *all, size_t source, const struct position *p);
/** Says that bytes are lost, in the log and to whoever is to know. */
void following_lose(struct following *all, size_t source, const char *path,
    const char *why, int64_t bytes);

#endif
