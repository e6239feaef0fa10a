/* SPDX-License-Identifier: MIT */
#include "targets.h"

#include "base/mem.h"
#include "base/template.h"
#include "base/utf8.h"
#include "conf/diag.h"
#include "event/clean.h"
#include "event/event.h"
#include "event/object.h"
#include "event/stamp.h"
#include "match/literal.h"
#include "match/pattern.h"
#include "ruleset.h"
#include "tail/block.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(holds) check((holds), #holds, __LINE__)

static void
check(bool holds, const char *what, int line)
{
	if (holds)
		return;
	fprintf(stderr, "targets.c:%d: does not hold: %s\n", line, what);
	abort();
}

/* Takes a number off the front of an input. */
static unsigned
number(struct text *input)
{
	unsigned n = 0;

	if (input->len > 0) {
		n = (unsigned char)input->data[0];
		input->data++;
		input->len--;
	}
	return n;
}

/* Lines: whatever pieces they come in, each is told once, at its place. */

struct cutting {
	struct text input;
	size_t max_line;
	size_t at; /* the next line */
	int64_t line;
	bool cut; /* the last line goes on, for all that is known */
};

/* The next line of the input; its newline is not counted. */
static struct text
next_line(const struct cutting *l, bool *ended)
{
	const char *p = l->input.data + l->at;
	size_t left = l->input.len - l->at;
	const char *newline = memchr(p, '\n', left);

	*ended = newline != NULL;
	return (
	    struct text){ p, newline != NULL ? (size_t)(newline - p) : left };
}

/* One line of a block. */
static void
check_line(struct cutting *l, struct text line, bool has_end, bool truncated)
{
	bool ended;
	struct text want;

	CHECK(l->at < l->input.len);
	want = next_line(l, &ended);
	CHECK(truncated == (want.len > l->max_line));
	if (truncated) {
		CHECK(!has_end && line.len == l->max_line);
		CHECK(memcmp(line.data, want.data, line.len) == 0);
	} else {
		CHECK(has_end == ended && text_equal(line, want));
	}
	l->cut = truncated && !ended;
	l->at += want.len + ended;
	l->line++;
}

static void
on_block(const struct block *block, void *ctx)
{
	struct cutting *l = ctx;
	const char *p = block->data, *end = p + block->len;

	CHECK(block->offset == (int64_t)l->at && block->line == l->line);
	CHECK(block->len > 0 && !(block->truncated && block->unfinished));
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline != NULL ? newline : end;

		CHECK(newline != NULL || block->truncated || block->unfinished);
		check_line(l, (struct text){ p, (size_t)(stop - p) },
		    newline != NULL, newline == NULL && block->truncated);
		p = newline != NULL ? newline + 1 : end;
	}
}

static void
run_lines(struct text input)
{
	const struct block_origin origin = { .path = "a.log", .line = 1 };
	size_t max_line = 1 + number(&input) % 40;
	size_t piece = 1 + number(&input) % 70;
	struct cutting l = { input, max_line, 0, 1, false };
	struct blocks *bs = blocks_new(&origin, max_line, on_block, &l);
	int64_t offset, line;

	while (input.len > 0) {
		size_t room;
		char *p = blocks_room_for(bs, piece, &room);
		size_t len = input.len < piece ? input.len : piece;

		CHECK(room > 0);
		if (len > room)
			len = room;
		memcpy(p, input.data, len);
		blocks_feed(bs, len);
		input.data += len;
		input.len -= len;
		if (len % 3 == 0)
			blocks_rest(bs);
	}
	blocks_end(bs);
	CHECK(l.at == l.input.len);
	blocks_position(bs, &offset, &line);
	CHECK(offset == (int64_t)l.at || (l.cut && offset < (int64_t)l.at));
	blocks_free(bs);
}

/* Cleaning: a block at once gives what its lines give one by one. */

static void
run_clean(struct text input)
{
	unsigned options = number(&input);
	bool strip = options & 1;
	struct cleaner *cl = cleaner_new();
	struct text clean = cleaner_run(cl, input, false, strip);
	const char *p = input.data, *end = p + input.len;
	struct str want = { 0 }, scratch = { 0 };

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline != NULL ? newline : end;
		struct text raw = { p, (size_t)(stop - p) };

		CHECK(cleaner_raw(cl, want.len) == (size_t)(p - input.data) ||
		      want.len == clean.len);
		str_add_text(&want, event_clean(raw, strip, &scratch));
		if (newline != NULL)
			str_putc(&want, '\n');
		p = newline != NULL ? newline + 1 : end;
	}
	CHECK(text_equal(clean, str_text(&want)));
	CHECK(utf8_valid(clean) == clean.len);
	str_free(&want);
	str_free(&scratch);
	cleaner_free(cl);
}

/* Templates: what is filled in is never parsed again. */

static struct text
value_of(const char *name, void *ctx)
{
	(void)ctx;
	return *name == 'x' ? TEXT("{{y}}") : text_of(name);
}

static void
run_template(struct text input)
{
	size_t offset = 0;
	struct err err;
	struct template *t = template_parse(input, &offset, &err);
	struct str out = { 0 };

	if (t == NULL) {
		CHECK(offset <= input.len && err.text[0] != '\0');
		return;
	}
	CHECK(template_count(t) <= TEMPLATE_NAMES_MAX);
	for (size_t i = 0; i < template_count(t); i++) {
		const char *name = template_name(t, i);

		CHECK(template_offset(t, i) + strlen(name) <= input.len);
		CHECK(memcmp(input.data + template_offset(t, i), name,
			  strlen(name)) == 0);
	}
	template_write(t, value_of, NULL, NULL, &out);
	str_free(&out);
	template_free(t);
}

/* Patterns: what a match is said to hold, it holds.  The first line is the
 * pattern, the rest what it is held to. */

static bool
holds(const struct literals *ls, struct text text)
{
	for (size_t i = 0; i < ls->count; i++) {
		const struct literal *l = &ls->v[i];

		for (size_t k = 0; k + l->len <= text.len; k++)
			if ((l->caseless ? strncasecmp(
					       text.data + k, l->bytes, l->len)
					 : memcmp(text.data + k, l->bytes,
					       l->len)) == 0)
				return true;
	}
	return false;
}

/* In either case some letters beyond ASCII match one of ASCII. */
static bool
is_ascii(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

static void
run_pattern(struct text input)
{
	const char *newline =
	    input.len > 0 ? memchr(input.data, '\n', input.len) : NULL;
	size_t len =
	    newline != NULL ? (size_t)(newline - input.data) : input.len;
	struct text subject = { input.data + len + (newline != NULL),
		input.len - len - (newline != NULL) };
	struct literal_choices cs;
	struct reach reach;
	size_t offset = 0;
	struct err err;
	struct pattern *p;

	if (utf8_valid(input) < input.len || len > 200)
		return;
	p = pattern_compile((struct text){ input.data, len }, &offset, &err);
	if (p == NULL) {
		CHECK(offset <= len && err.text[0] != '\0');
		return;
	}
	literals_find(pattern_text(p), &cs);
	CHECK(cs.count <= LITERAL_CHOICES);
	/* How far it got is within both, and at the bounds of characters. */
	(void)pattern_reach(p, subject, &reach);
	CHECK(reach.start <= reach.end && reach.end <= subject.len);
	CHECK(reach.want + reach.want_len <= len);
	CHECK(utf8_valid((struct text){ subject.data + reach.end,
		  subject.len - reach.end }) == subject.len - reach.end);
	if (is_ascii(subject) &&
	    pattern_match(p, subject, NULL, NULL) == MATCH_YES)
		for (size_t i = 0; i < cs.count; i++)
			CHECK(holds(&cs.v[i], subject));
	pattern_free(p);
}

/* Time stamps: what is read can be trusted, and is read again as it was. */

static void
run_stamp(struct text input)
{
	static char format[] = "%Y-%m-%d %H:%M:%S.%f %z";
	const struct stamp_spec specs[] = { { .kind = STAMP_AUTO },
		{ .kind = STAMP_AUTO, .order = ORDER_DAY },
		{ .kind = STAMP_FORMAT, .format = format } };
	const int64_t now_ms = INT64_C(1760702400000); /* 2025-10-17T12:00 */

	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct stamper *st = stamper_new(&specs[i]);
		int64_t first = 0, second = 0;

		if (stamper_read(st, input, now_ms, &first)) {
			CHECK(first >= INT64_C(946684800000));
			CHECK(first <= now_ms + INT64_C(86400000));
			CHECK(stamper_read(st, input, now_ms, &second));
			CHECK(first == second);
		}
		stamper_free(st);
	}
}

/* JSON objects: what jansson takes is taken, and means the same. */

static bool
check_field(struct text name, struct text value, void *ctx)
{
	struct text line = *(const struct text *)ctx;

	(void)name;
	CHECK(value.data > line.data && value.len > 0);
	CHECK(value.data + value.len < line.data + line.len);
	return true;
}

static void
run_object(struct text input)
{
	json_t *json = json_loadb(input.data, input.len, JSON_ALLOW_NUL, NULL);
	struct str text = { 0 };
	struct text value;
	bool taken = object_read(input, "a", &value);

	/* It takes more: control characters, half a pair, any number. */
	if (json_is_object(json) && input.len < OBJECT_DEPTH_MAX)
		CHECK(taken);
	if (taken && json_is_object(json)) {
		const json_t *a = json_object_get(json, "a");

		CHECK((a != NULL) == (value.data != NULL));
		if (json_is_string(a)) {
			object_value(value, &text);
			CHECK(text_equal(str_text(&text),
			    (struct text){
				json_string_value(a), json_string_length(a) }));
		}
	}
	if (taken)
		object_each(input, check_field, &input);
	str_free(&text);
	json_decref(json);
}

/* Rule files: faults have a place, and nothing else happens. */

static void
run_rules(struct text input)
{
	int fd = memfd_create("rules", MFD_CLOEXEC);
	struct diag *diag = diag_new();
	struct str path = { 0 };
	const char *paths[1];
	struct ruleset *rs;
	struct err err;

	CHECK(fd >= 0);
	CHECK(write(fd, input.data, input.len) == (ssize_t)input.len);
	str_printf(&path, "/proc/self/fd/%d", fd);
	paths[0] = path.data;
	rs = ruleset_read(paths, 1, diag, &err);
	CHECK(rs != NULL || err.text[0] != '\0' || diag_errors(diag) > 0);
	ruleset_free(rs);
	diag_free(diag);
	str_free(&path);
	close(fd);
}

static const char *const lines_seeds[] = { "\x0a\x05one\ntwo\r\n\nthree",
	"\x01\x01\n\n\n", "\x05\x40more than five bytes\nand again more\nx\n",
	NULL };
static const char *const clean_seeds[] = { "\x01\x1b[32m[Nest] 7\x1b[0m\r\nx",
	"\x01\x1b]0;title\a\x1b(B\xc3\xa4\xff\xc3\n\x1b[38;5;3mLOG\x1b[m\r",
	"\x02\x1b[1mkept\r\r\n", NULL };
static const char *const template_seeds[] = { "{{ x }} on {{table}}: {y}",
	"{{a}}{{b}}}}", "{{unclosed", NULL };
static const char *const pattern_seeds[] = {
	"on table \"(?<t>[^\"]+)\" violates\non table \"a\" violates",
	"(?i)abc(?:def|\\Qgh.i\\E)+x{2,3}\nABCdefxx", "a{,3}[[:alpha:]]\\bé\nx",
	NULL
};
static const char *const stamp_seeds[] = {
	"<34>1 2025-10-17T08:00:03.123456+08:00 x", "Oct 17 08:00:03 host x",
	"[Nest] 12  - 2025/10/16\xe2\x80\x89\xe4\xb8\x8b\xe5\x8d\x88"
	"8:00:05     LOG [A] x",
	"[Nest] 12  - 10/17/2025, 8:00:03 AM     LOG [A] x",
	"127.0.0.1 - - [17/Oct/2025:08:00:03 +0200] \"GET /\" 200",
	"{\"a\":{\"ts\":1},\"b\":[\"}\\\"\"],\"ts\":1760688003.5}",
	"2025-10-17 08:00:03.123 UTC [1] x", "Fri Oct 17 08:00:03.5 2025", NULL
};
static const char *const object_seeds[] = {
	"{\"a\":\"x\\u00e4\\n\",\"b\":{\"c\":[1,{}]}}",
	"{\"a\":1,\"a\":\"\\ud83d\\ude00\",\"d\":-1.5e3}", "{\"a\":null} ", NULL
};
static const char *const rules_seeds[] = {
	"version: 1\nsources:\n  app: {path: a.log, multiline: {start: '^x'}}\n"
	"rules:\n  - id: r\n    match: ['a(?<n>b)', c]\n    key: [n]\n"
	"    threshold: {count: 3, within: 1m}\n    actions: [act]\n"
	"actions:\n  act: {exec: [/bin/true, '{{n}}'], timeout: 5s}\n",
	"version: 1\nsettings: {state: s.db, context: {before: 1, after: 2}}\n"
	"sources: &s\n  a: {path: ['*.log', b], exclude: ['*.gz']}\n"
	"rules:\n- {id: x, source: a, match: \"\\\\d+\", resolve: {quiet: 5m}, "
	"followed_by: {match: y, within: 1s}}\n",
	"? [a, b]\n: !!set {}\n---\n...\n%YAML 1.1\n", NULL
};

const struct fuzz_target fuzz_targets[] = {
	{ "lines", run_lines, lines_seeds },
	{ "clean", run_clean, clean_seeds },
	{ "template", run_template, template_seeds },
	{ "pattern", run_pattern, pattern_seeds },
	{ "stamp", run_stamp, stamp_seeds },
	{ "object", run_object, object_seeds },
	{ "rules", run_rules, rules_seeds },
};
const size_t fuzz_target_count = sizeof fuzz_targets / sizeof *fuzz_targets;
