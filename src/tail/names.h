/* SPDX-License-Identifier: MIT */
/**
 * The names under which logs are, or will be: watches directories and says
 * which names to look at.  What it says is a hint; a look tells what is there.
 */
#ifndef LOGWATCH_TAIL_NAMES_H
#define LOGWATCH_TAIL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct followed;
struct names;
struct target;
struct watcher;

enum name_state {
	NAME_NEW, /* not looked at yet */
	NAME_FOLLOWED,
	NAME_MISSING,
	NAME_DENIED,
	NAME_REFUSED,
	NAME_FAILED,
};

struct name {
	size_t source;
	char *path;
	const char *pattern; /* the path or glob that it is of, as added */
	bool glob;           /* found by one: it may go for good */

	/* Its user's. */
	enum name_state state;
	struct followed *file;
	uint64_t device, inode;  /* of what was there when it was denied */
	LIST_ENTRY(name) others; /* names of the same file */

	bool disturbed; /* something came to it or went since this was unset */
	bool beside;    /* or to one of its rotated names */

	/* Its maker's. */
	struct target *target;
	bool marked;
	TAILQ_ENTRY(name) link;
};

/** w may be NULL: its maker has said that nothing can be watched. */
struct names *names_new(struct watcher *w);
void names_free(struct names *ns); /* NULL does nothing */

/** Adds a path or glob of a source; all arrays are lent.  exclude and rotated
 * are as in struct tail_source. */
void names_add(struct names *ns, size_t source, const char *pattern,
    const char *const *exclude, const char *const *rotated);

/** The next name to look at, or NULL.  Directories are watched before. */
struct name *names_next(struct names *ns);
/** Whether there is one, as far as is known without looking. */
bool names_waiting(const struct names *ns);

/** Looks at everything again. */
void names_mark_all(struct names *ns);
/** Looks at a name again. */
void name_mark(struct name *n);
/** Looks at a name again whenever attributes change on its way or its own. */
void name_mind_attributes(struct name *n);
/** Looks at a name again at the next names_poll(). */
void name_retry(struct name *n);
/** A name of a glob that is not there; frees it. */
void name_drop(struct name *n);

/** The name of a source with that path; NULL: none. */
struct name *names_find(struct names *ns, size_t source, const char *path);

/** Whether a directory cannot be watched, so that it must be looked at from
 * time to time, by names_poll(). */
bool names_polled(const struct names *ns);
void names_poll(struct names *ns);

#endif
