/* SPDX-License-Identifier: MIT */
/*
 * Slots of one page each: who is killed in a write has written a page whole or
 * not at all.  A checksum tells what a power cut tore, or a disk.
 */
#include "store/intents.h"

#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <unistd.h>

#define SLOTS 16 /* what waits for more than these is not in a hurry */
#define SLOT_BYTES 4096

/* As it lies in the file, in this machine's byte order. */
struct head {
	uint64_t check; /* of all that follows; 0: the slot is free */
	int64_t pid, spawned_ms, started_ms;
	uint32_t incident, rule, action, key; /* lengths of what follows */
};

struct intents {
	int fd;
	char *path;
	bool used[SLOTS];
	char page[SLOT_BYTES];
};

struct intents *
intents_open(const char *path, struct err *err)
{
	int fd = open(
	    path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct intents *is;

	if (fd < 0) {
		err_set(err, "open %s: %m", path);
		return NULL;
	}
	is = mem_new(1, sizeof *is);
	is->fd = fd;
	is->path = mem_text(path);
	/* There is room then also where the disk is full later.  Where there
	 * is none now, a note fails when it is made. */
	(void)posix_fallocate(fd, 0, (off_t)SLOTS * SLOT_BYTES);
	return is;
}

void
intents_close(struct intents *is)
{
	if (is == NULL)
		return;
	close(is->fd);
	free(is->path);
	free(is);
}

/* FNV-1a (Fowler, Noll, Vo), never 0: against mistakes, not against forgers. */
static uint64_t
checksum(const char *page, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = sizeof h; i < len; i++)
		h = (h ^ (unsigned char)page[i]) * 0x100000001b3;
	return h != 0 ? h : 1;
}

static off_t
place(int slot)
{
	return (off_t)(slot - 1) * SLOT_BYTES;
}

static int
free_slot(const struct intents *is)
{
	for (int i = 0; i < SLOTS; i++)
		if (!is->used[i])
			return i + 1;
	return 0;
}

static char *
put_bytes(char *to, struct text text)
{
	if (text.len > 0)
		memcpy(to, text.data, text.len);
	return to + text.len;
}

/* Fills the page.  Returns how many bytes it takes; 0: it does not fit. */
static size_t
encode(struct intents *is, const struct intent_row *row)
{
	const struct text texts[] = { text_of(row->incident),
		text_of(row->rule), text_of(row->action), row->key };
	struct head head = {
		.pid = row->pid,
		.spawned_ms = row->spawned_ms,
		.started_ms = row->started_ms,
		.incident = (uint32_t)texts[0].len,
		.rule = (uint32_t)texts[1].len,
		.action = (uint32_t)texts[2].len,
		.key = (uint32_t)texts[3].len,
	};
	char *to = is->page + sizeof head;
	size_t left = SLOT_BYTES - sizeof head;

	memcpy(is->page, &head, sizeof head);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (texts[i].len > left)
			return 0;
		to = put_bytes(to, texts[i]);
		left -= texts[i].len;
	}
	head.check = checksum(is->page, SLOT_BYTES - left);
	memcpy(is->page, &head.check, sizeof head.check);
	return SLOT_BYTES - left;
}

bool
intents_put(struct intents *is, struct intent_row *row)
{
	int slot = row->slot != 0 ? row->slot : free_slot(is);
	size_t len = slot != 0 ? encode(is, row) : 0;

	if (len == 0 ||
	    pwrite(is->fd, is->page, len, place(slot)) != (ssize_t)len)
		return false;
	is->used[slot - 1] = true;
	row->slot = slot;
	return true;
}

void
intents_delete(struct intents *is, int slot)
{
	const uint64_t none = 0;

	/* Where that fails it stays, and stays in use: at the next start the
	 * ledger knows its incident. */
	if (pwrite(is->fd, &none, sizeof none, place(slot)) ==
	    (ssize_t)sizeof none)
		is->used[slot - 1] = false;
}

static char *
take_text(const char **from, uint32_t len)
{
	char *text = mem_copy(*from, len);

	*from += len;
	return text;
}

static void
tell(const struct intents *is, const struct head *head, int slot,
    store_intent_fn *fn, void *ctx)
{
	const char *from = is->page + sizeof *head;
	char *incident = take_text(&from, head->incident);
	char *rule = take_text(&from, head->rule);
	char *action = take_text(&from, head->action);
	struct intent_row row = {
		.slot = slot,
		.incident = incident,
		.rule = rule,
		.action = action,
		.key = { from, head->key },
		.pid = head->pid,
		.spawned_ms = head->spawned_ms,
		.started_ms = head->started_ms,
	};

	fn(&row, ctx);
	free(incident);
	free(rule);
	free(action);
}

/* Reads a slot into the page.  Returns whether there is an intent in it. */
static bool
read_slot(struct intents *is, int slot, struct head *head)
{
	ssize_t len = pread(is->fd, is->page, SLOT_BYTES, place(slot));
	uint64_t size;

	if (len < (ssize_t)sizeof *head)
		return false;
	memcpy(head, is->page, sizeof *head);
	if (head->check == 0)
		return false;
	size = (uint64_t)sizeof *head + head->incident + head->rule +
	       head->action + head->key;
	if (size <= (uint64_t)len &&
	    head->check == checksum(is->page, (size_t)size))
		return true;
	log_warning("the note of a script's start is damaged; whether it ran "
		    "is unknown path=%s slot=%d",
	    is->path, slot);
	intents_delete(is, slot);
	return false;
}

void
intents_each(struct intents *is, store_intent_fn *fn, void *ctx)
{
	struct head head;

	for (int slot = 1; slot <= SLOTS; slot++)
		if (read_slot(is, slot, &head)) {
			is->used[slot - 1] = true;
			tell(is, &head, slot, fn, ctx);
		}
}
