/* SPDX-License-Identifier: MIT */
/*
 * One line of standard error, written over.
 */
#include "cmd/progress.h"

#include "base/mem.h"
#include "io/loop.h"

#include <inttypes.h>

#define FIRST_MS 500 /* before that nobody wonders */
#define EVERY_MS 100
#define BAR 30 /* characters */

struct progress {
	int64_t total, start_ms, next_ms;
	bool shown, drawn;
};

struct progress *
progress_new(int64_t total, bool shown)
{
	struct progress *p = mem_new(1, sizeof *p);

	p->total = total;
	p->shown = shown;
	p->start_ms = clock_now_ms();
	p->next_ms = p->start_ms + FIRST_MS;
	return p;
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	if (p->drawn)
		fputs("\r\033[K", stderr);
	free(p);
}

static void
draw(const struct progress *p, int64_t done, int64_t now_ms)
{
	static const char full[] = "##############################";
	int64_t rate = done / (now_ms - p->start_ms); /* kB/s */
	int64_t share = p->total > 0 ? done * 100 / p->total : 0;
	int bar;

	if (share > 100) /* it has grown */
		share = 100;
	bar = (int)(share * BAR / 100);
	if (p->total > 0)
		fprintf(stderr,
		    "\r\033[K[%.*s%*s] %" PRId64 " %%, %" PRId64 " MB/s", bar,
		    full, BAR - bar, "", share, rate / 1000);
	else
		fprintf(stderr, "\r\033[K%" PRId64 " MB, %" PRId64 " MB/s",
		    done / 1000000, rate / 1000);
	fflush(stderr);
}

void
progress_at(struct progress *p, int64_t done)
{
	int64_t now_ms;

	if (!p->shown)
		return;
	now_ms = clock_now_ms();
	if (now_ms < p->next_ms)
		return;
	p->next_ms = now_ms + EVERY_MS;
	p->drawn = true;
	draw(p, done, now_ms);
}
