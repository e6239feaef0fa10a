/* SPDX-License-Identifier: MIT */
/*
 * Only the steps that matching a log takes, with nothing around them: read,
 * take colours out, count newlines, look for all patterns at once, ask PCRE2
 * about the lines found.  What logwatch's speed is held against.
 *
 *   bare PATTERNS LOG    a pattern a line; prints how many lines each matched,
 *                        and how many any of them did
 */
#include "event/clean.h"
#include "tail/block.h"

#include <errno.h>
#include <fcntl.h>
#include <hs/hs.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define ROOM (256 * 1024)
#define PATTERNS_MAX 1000

static struct bare {
	pcre2_code *code[PATTERNS_MAX];
	pcre2_match_data *data[PATTERNS_MAX];
	char *texts[PATTERNS_MAX];
	unsigned flags[PATTERNS_MAX], ids[PATTERNS_MAX], count;
	hs_database_t *db;
	hs_scratch_t *scratch;

	struct text text;
	const char *from, *to; /* the line of the last match */
	const char *asked[PATTERNS_MAX], *matched;
	uint64_t hits[PATTERNS_MAX], lines_hit, lines;
} b;

static void
fail(const char *what)
{
	fprintf(stderr, "bare: %s\n", what);
	exit(1);
}

static void
add(char *text)
{
	int number;
	PCRE2_SIZE at;
	unsigned i = b.count++;

	if (b.count == PATTERNS_MAX)
		fail("too many patterns");
	text[strcspn(text, "\n")] = '\0';
	b.texts[i] = strdup(text);
	b.ids[i] = i;
	b.flags[i] = HS_FLAG_MULTILINE | HS_FLAG_UTF8;
	b.code[i] = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_MULTILINE, &number, &at, NULL);
	if (b.code[i] == NULL)
		fail(text);
	pcre2_jit_compile(b.code[i], PCRE2_JIT_COMPLETE);
	b.data[i] = pcre2_match_data_create_from_pattern(b.code[i], NULL);
}

static void
prepare(const char *path)
{
	char text[4096];
	hs_compile_error_t *error;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		fail(strerror(errno));
	while (fgets(text, sizeof text, f) != NULL)
		add(text);
	fclose(f);
	if (hs_compile_multi((const char *const *)b.texts, b.flags, b.ids,
		b.count, HS_MODE_BLOCK, NULL, &b.db, &error) != HS_SUCCESS)
		fail(error->message);
	if (hs_alloc_scratch(b.db, &b.scratch) != HS_SUCCESS)
		fail("no scratch space");
}

static int
on_match(unsigned id, unsigned long long from, unsigned long long to,
    unsigned flags, void *ctx)
{
	const char *at = b.text.data + to, *end = b.text.data + b.text.len;

	(void)from;
	(void)flags;
	(void)ctx;
	if (b.from == NULL || at <= b.from || at > b.to) {
		const char *p = memrchr(b.text.data, '\n', to - 1);

		b.from = p != NULL ? p + 1 : b.text.data;
		p = memchr(at, '\n', (size_t)(end - at));
		b.to = p != NULL ? p : end;
	}
	if (b.asked[id] == b.from)
		return 0;
	b.asked[id] = b.from;
	if (pcre2_jit_match(b.code[id], (PCRE2_SPTR)b.from,
		(size_t)(b.to - b.from), 0, 0, b.data[id], NULL) < 0)
		return 0;
	b.hits[id]++;
	b.lines_hit += b.matched != b.from;
	b.matched = b.from;
	return 0;
}

static void
scan(struct cleaner *cl, struct text block, bool first)
{
	b.lines += (uint64_t)newlines_count(block.data, block.len);
	b.text = cleaner_run(cl, block, first, true);
	b.from = b.matched = NULL;
	memset(b.asked, 0, sizeof b.asked);
	hs_scan(b.db, b.text.data, (unsigned)b.text.len, 0, b.scratch, on_match,
	    NULL);
}

int
main(int argc, char **argv)
{
	static char buf[2 * ROOM];
	struct cleaner *cl = cleaner_new();
	size_t len = 0;
	bool first = true;
	ssize_t n;
	int fd;

	if (argc != 3)
		fail("usage: bare PATTERNS LOG");
	prepare(argv[1]);
	fd = open(argv[2], O_RDONLY);
	while ((n = read(fd, buf + len, sizeof buf - len)) > 0) {
		char *last;

		len += (size_t)n;
		last = memrchr(buf, '\n', len);
		if (last == NULL)
			continue;
		scan(cl, (struct text){ buf, (size_t)(last + 1 - buf) }, first);
		first = false;
		len -= (size_t)(last + 1 - buf);
		memmove(buf, last + 1, len);
	}
	for (unsigned i = 0; i < b.count; i++)
		printf("%u\t%" PRIu64 "\n", i, b.hits[i]);
	printf("lines\t%" PRIu64 "\n", b.lines_hit);
	cleaner_free(cl);
	return 0;
}
