/* SPDX-License-Identifier: MIT */
/*
 * A mark is the hash of the bytes before a place.  When there are many, every
 * second one goes, so that they cost the same however long the text is.
 */
#include "tail/marks.h"

#include "base/mem.h"
#include "tail/position.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKS 32
#define BYTES 64
#define FIRST_STEP 256

struct mark {
	int64_t end;
	uint64_t hash;
};

void
marks_free(struct marks *m)
{
	free(m->at);
	*m = (struct marks){ NULL, 0, 0 };
}

static void
thin(struct marks *m)
{
	size_t kept = 0;

	m->step *= 2;
	for (size_t i = 0; i < m->count; i++)
		if (m->at[i].end % m->step == 0)
			m->at[kept++] = m->at[i];
	m->count = kept;
}

/* The next place behind one that is to be marked. */
static int64_t
next(const struct marks *m, int64_t place)
{
	return (place + m->step - 1) / m->step * m->step;
}

/* The hash of the bytes before a place, `in` bytes into data. */
static uint64_t
hash_before(struct text before, struct text data, size_t in)
{
	char bytes[BYTES];
	size_t missing = in < BYTES ? BYTES - in : 0;

	if (missing == 0)
		return position_hash(
		    (struct text){ data.data + in - BYTES, BYTES });
	memcpy(bytes, before.data + before.len - missing, missing);
	memcpy(bytes + missing, data.data, BYTES - missing);
	return position_hash((struct text){ bytes, BYTES });
}

void
marks_add(struct marks *m, struct text before, struct text data, int64_t offset)
{
	int64_t end;

	if (m->step == 0) {
		m->at = mem_new(MARKS, sizeof *m->at);
		m->step = FIRST_STEP;
	}
	end = next(m, offset + 1);
	while (end <= offset + (int64_t)data.len) {
		size_t in = (size_t)(end - offset);

		if (before.len + in < BYTES) {
			end += m->step;
			continue;
		}
		if (m->count == MARKS) {
			thin(m);
			end = next(m, end);
			continue;
		}
		m->at[m->count++] =
		    (struct mark){ end, hash_before(before, data, in) };
		end += m->step;
	}
}

void
marks_cut(struct marks *m, int64_t offset)
{
	while (m->count > 0 && m->at[m->count - 1].end > offset)
		m->count--;
}

int64_t
marks_find(const struct marks *m, int fd, int64_t size)
{
	const struct mark *last = NULL;
	char buf[BYTES];

	for (size_t i = 0; i < m->count && m->at[i].end <= size; i++)
		last = &m->at[i];
	if (last == NULL || pread(fd, buf, BYTES, last->end - BYTES) != BYTES ||
	    position_hash((struct text){ buf, BYTES }) != last->hash)
		return -1;
	return last->end;
}
