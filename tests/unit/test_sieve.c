/* SPDX-License-Identifier: MIT */
/*
 * A sieve changes no answer: the hits of random rules on random and nasty
 * lines, cut into blocks at random, with their captures and places, are those
 * of each line held to each pattern.
 *
 *   SEED=N ROUNDS=N tests/unit/test_sieve
 */
#include "base/mem.h"
#include "base/utf8.h"
#include "event/event.h"
#include "match/literal.h"
#include "match/matcher.h"
#include "match/prefilter.h"
#include "match/sieve.h"
#include "tail/block.h"

#include "dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 84 /* of rules, each held to all lines: about 100,000 cases */
#define RULES 12
#define LINES 100

/* Few letters, so that much matches; those whose other case is far away, and
 * what is more than a byte. */
static const char *const letters[] = { "a", "b", "a", "b", "k", "s", "K", "S",
	" ", ":", "1", "_", "\xc3\xa4", "\xc5\xbf" /* long s */,
	"\xe2\x84\xaa" /* Kelvin */, "\xf0\x9f\x98\x80", "\xc2\xa0",
	"\xe2\x80\xa8" /* line separator */, "\x0b", "\r", "\t", "\x1b" };

/* Enough to be looked for in the place of a pattern. */
static const char *const words[] = { "abk", "skab", "Ska:", "b_1ab",
	"a\xc3\xa4" };

static void
add_letter(struct str *out)
{
	if (dice(6) == 0)
		str_puts(out, words[dice(sizeof words / sizeof *words)]);
	else
		str_puts(out, letters[dice(sizeof letters / sizeof *letters)]);
}

static const char *const atoms[] = { ".", "\\d", "\\w", "\\s", "\\D", "\\W",
	"\\S", "\\b", "\\B", "^", "$", "\\A", "\\z", "\\Z", "\\h", "\\v", "\\H",
	"\\V", "\\N", "\\R", "\\G", "\\K", "[ab]", "[^ab]", "[^\\W_]",
	"[[:alpha:]]", "[[:^digit:]]", "[]a]", "[^]a]", "[\\]k]", "\\x61",
	"\\x{e4}", "\\Qa.b\\E", "\\p{L}", "\\pN", "(?i)", "(?-i)", "(?s).",
	"(?m)^", "(?-m)$", "\\1", "\\t", "\\x0b", "\\cA", "\\e", "\\012",
	"[\\x00-k]", "(?#x)", "\\.", "\\[", "(?x) a b", "[a-k]", "[[:space:]]",
	"(?<=a)", "(?<!b)", "(?<*a)", "(?*a)", "(?=a)", "(?!a)", "(?<=^a)",
	"(?<!^)", "(?|a|(b))" };

static const char *const repeats[] = { "*", "+", "?", "*?", "+?", "??", "*+",
	"++", "{2}", "{1,3}", "{0,2}", "{2,}", "{300}", "{,2}" };

static void
add_pattern(struct str *out, unsigned depth)
{
	unsigned parts = 1 + dice(4);

	for (unsigned i = 0; i < parts; i++) {
		switch (dice(depth > 0 ? 9 : 6)) {
		case 0:
		case 1:
		case 2:
			add_letter(out);
			break;
		case 3:
		case 4:
		case 5:
			str_puts(
			    out, atoms[dice(sizeof atoms / sizeof *atoms)]);
			break;
		case 6:
			str_puts(out, dice(2) ? "(" : "(?:");
			add_pattern(out, depth - 1);
			str_puts(out, ")");
			break;
		case 7:
			str_puts(out, "(?:");
			add_pattern(out, depth - 1);
			str_puts(out, "|");
			add_pattern(out, depth - 1);
			str_puts(out, ")");
			break;
		case 8: {
			static const char *const groups[] = { "(?=", "(?!",
				"(?>", "(?<n>", "(?i:", "(?s:", "(?i-s:" };

			str_puts(
			    out, groups[dice(sizeof groups / sizeof *groups)]);
			add_pattern(out, depth - 1);
			str_puts(out, ")");
			break;
		}
		}
		if (dice(4) == 0)
			str_puts(out,
			    repeats[dice(sizeof repeats / sizeof *repeats)]);
	}
}

/* What a log has beside letters. */
static const char *const noises[] = { "\x1b[31m", "\x1b[0m", "\x1b]0;t\a",
	"\xff", "\xc3", "\r", "\xef\xbb\xbf", "\x1b" };

static void
add_line(struct str *out)
{
	for (unsigned n = dice(12); n > 0; n--)
		if (dice(16) == 0)
			str_puts(
			    out, noises[dice(sizeof noises / sizeof *noises)]);
		else
			add_letter(out);
	str_puts(out, dice(10) == 0 ? "\r\n" : "\n");
}

static struct pattern *
random_pattern(void)
{
	for (;;) {
		struct str text = { 0 };
		struct pattern *p;

		add_pattern(&text, 3);
		p = pattern_compile(str_text(&text), NULL, NULL);
		str_free(&text);
		if (p != NULL)
			return p;
	}
}

static struct patterns
random_patterns(size_t count)
{
	struct patterns ps = { mem_new(count, sizeof *ps.v), count };

	for (size_t i = 0; i < count; i++)
		ps.v[i] = random_pattern();
	return ps;
}

/* The rules of a round, and what a matcher of them told. */
struct bench {
	struct rule rules[RULES];
	struct event_source source;
	struct str told;
	size_t failed;
};

static bool everywhere[] = { true };

static void
make_rules(struct bench *b)
{
	unsigned joined = dice(4);

	if (joined == 0)
		b->source.start = random_patterns(1);
	else if (joined == 1)
		b->source.cont = random_patterns(1);
	for (size_t i = 0; i < RULES; i++) {
		struct rule *r = &b->rules[i];

		*r = (struct rule){ .sources = everywhere };
		r->parts[PART_MATCH] = random_patterns(dice(8) ? 1 : 2);
		if (dice(4) == 0)
			r->parts[PART_RESOLVE] = random_patterns(1);
		if (dice(4) == 0)
			r->except = random_patterns(1);
	}
}

static void
free_rules(struct bench *b)
{
	patterns_free(&b->source.start);
	patterns_free(&b->source.cont);
	for (size_t i = 0; i < RULES; i++) {
		patterns_free(&b->rules[i].parts[PART_MATCH]);
		patterns_free(&b->rules[i].parts[PART_RESOLVE]);
		patterns_free(&b->rules[i].except);
	}
}

static void
note_hit(const struct hit *hit, void *ctx)
{
	const struct event *e = hit->event;
	struct bench *b = ctx;

	str_printf(&b->told, "rule %zu part %d line %lld byte %lld", hit->index,
	    hit->part, (long long)e->line, (long long)e->offset);
	/* Blocks are cut otherwise, and joined ones begin in another. */
	if (b->source.start.count + b->source.cont.count == 0)
		str_printf(&b->told, " %zu-%zu",
		    (size_t)e->block->offset + e->before,
		    (size_t)e->block->offset + e->after);
	for (size_t i = 0; i < hit->captures->count; i++)
		str_printf(&b->told, " %s=%.*s", hit->captures->v[i].name,
		    (int)hit->captures->v[i].value.len,
		    hit->captures->v[i].value.data);
	str_printf(&b->told, " at %td '%.*s' in '%.*s'\n",
	    hit->span.data - e->text.data, (int)hit->span.len, hit->span.data,
	    (int)e->text.len, e->text.data);
}

/* Where it gives up PCRE2 may have been spared the question: no difference. */
static void
note_failed(size_t index, enum part part, const struct event *event, void *ctx)
{
	struct bench *b = ctx;

	(void)index;
	(void)part;
	(void)event;
	b->failed++;
}

/* How many bytes the next block has: one to a few lines. */
static size_t
block_len(struct text left)
{
	size_t len = 0;

	for (unsigned n = 1 + dice(30); n > 0 && len < left.len; n--) {
		const char *newline =
		    memchr(left.data + len, '\n', left.len - len);

		len = newline != NULL ? (size_t)(newline + 1 - left.data)
		                      : left.len;
	}
	return len;
}

static void
match_rules(
    struct bench *b, size_t rules, struct text lines, uint64_t sieve_after)
{
	struct matcher_spec spec = { .rules = b->rules,
		.rule_count = rules,
		.sources = &b->source,
		.source_count = 1,
		.sieve_after = sieve_after };
	struct matcher_callbacks callbacks = { note_hit, b,
		{ note_failed, NULL, NULL, b } };
	struct matcher *m = matcher_new(&spec, &callbacks);
	struct block block = { .file = 1, .path = "a.log", .line = 1 };

	str_clear(&b->told);
	b->failed = 0;
	for (size_t i = 0; i < rules; i++)
		matcher_want(m, PART_RESOLVE, i, true);
	while (lines.len > 0) {
		block.data = lines.data;
		block.len = block_len(lines);
		block.unfinished = block.data[block.len - 1] != '\n';
		matcher_feed(m, &block, 0, 0);
		block.offset += (int64_t)block.len;
		block.line += newlines_count(block.data, block.len);
		lines.data += block.len;
		lines.len -= block.len;
	}
	matcher_flush(m);
	matcher_free(m);
}

static void
match(struct bench *b, struct text lines, uint64_t sieve_after)
{
	match_rules(b, RULES, lines, sieve_after);
}

static void
show_rules(const struct bench *b)
{
	for (size_t i = 0; i < RULES; i++)
		for (int part = 0; part < PART_COUNT; part++)
			for (size_t k = 0; k < b->rules[i].parts[part].count;
			     k++) {
				struct text t =
				    pattern_text(b->rules[i].parts[part].v[k]);

				print_error("rule %zu part %d: /%.*s/\n", i,
				    part, (int)t.len, t.data);
			}
}

/* Shows the first line in which two texts differ. */
static void
show_difference(const char *plain, const char *sieved)
{
	size_t at = 0;

	for (size_t i = 0; plain[i] == sieved[i]; i++)
		if (plain[i] == '\n')
			at = i + 1;
	print_error("line by line: %.*s\nsieved:       %.*s\n",
	    (int)strcspn(plain + at, "\n"), plain + at,
	    (int)strcspn(sieved + at, "\n"), sieved + at);
}

/* A string that holds a text: what may be escaped perhaps is. */
static void
add_string(struct str *out, struct text text)
{
	str_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '"' || c == '\\')
			str_printf(out, "\\%c", c);
		else if (c < 0x80 && dice(8) == 0)
			str_printf(out, "\\u%04x", c);
		else if (dice(100) == 0)
			str_puts(out, "\\n");
		else
			str_putc(out, (char)c);
	}
	str_putc(out, '"');
}

/* Lines as a field of objects; some are none. */
static void
make_objects(struct str *lines)
{
	struct str objects = { 0 };
	const char *p = lines->data, *end = p + lines->len, *stop;

	for (; p < end; p = stop + 1) {
		struct text line;

		stop = memchr(p, '\n', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		line = (struct text){ p, (size_t)(stop - p) };
		switch (dice(6)) {
		case 0:
			str_add_text(&objects, line);
			break;
		case 1:
			str_printf(&objects, "{\"a\": [%u, {}]}", dice(99));
			break;
		case 2:
			str_puts(&objects, "\x1b[32m");
			/* fall through */
		default:
			str_puts(&objects, "{\"b\": {\"m\": 1}, \"m\": ");
			add_string(&objects, line);
			str_printf(&objects, ", \"n\": \"%u\"}", dice(9));
		}
		str_putc(&objects, '\n');
	}
	str_free(lines);
	*lines = objects;
}

static void
round_of(uint64_t seed, size_t *hits)
{
	struct bench b = { .source = { .strip = seed % 4 > 0,
			       .max_lines = 1 + seed % 7,
			       .max_bytes = 1000 } };
	struct str lines = { 0 };
	char *plain, field[] = "m";

	dice_seed(seed);
	make_rules(&b);
	for (int i = 0; i < LINES; i++)
		add_line(&lines);
	if (dice(3) == 0) {
		make_objects(&lines);
		b.source.message = field;
	}
	if (dice(2) == 0)
		lines.len--; /* the last line has no end */
	match(&b, str_text(&lines), UINT64_MAX);
	plain = str_take(&b.told);
	match(&b, str_text(&lines), 0);
	if (strcmp(plain, b.told.data != NULL ? b.told.data : "") != 0) {
		show_rules(&b);
		show_difference(plain, b.told.data != NULL ? b.told.data : "");
		fail_msg("seed %llu", (unsigned long long)seed);
	}
	*hits += (size_t)newlines_count(plain, strlen(plain));
	free(plain);
	str_free(&b.told);
	str_free(&lines);
	free_rules(&b);
}

static uint64_t
number_of(const char *name, uint64_t otherwise)
{
	const char *given = getenv(name);

	return given != NULL ? strtoull(given, NULL, 10) : otherwise;
}

static void
a_sieve_changes_no_answer(void **unused)
{
	uint64_t seed = number_of("SEED", (uint64_t)time(NULL));
	uint64_t rounds = number_of("ROUNDS", ROUNDS);
	size_t hits = 0;

	(void)unused;
	print_message("seeds from %llu\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < rounds; i++)
		round_of(seed + i, &hits);
	print_message("%zu hits\n", hits);
	assert_true(rounds < ROUNDS || hits > rounds * LINES);
}

/* Asked of PCRE2, for what has two cases is its to say. */
static struct pattern *
pattern_of(const struct literals *ls)
{
	struct str text = { 0 };
	struct pattern *p;

	for (size_t i = 0; i < ls->count; i++)
		str_printf(&text, "%s(?%s:\\Q%.*s\\E)", i > 0 ? "|" : "",
		    ls->v[i].caseless ? "i" : "", (int)ls->v[i].len,
		    ls->v[i].bytes);
	p = pattern_compile(str_text(&text), NULL, NULL);
	assert_non_null(p);
	str_free(&text);
	return p;
}

static void
show_literals(struct text pattern, const struct literals *ls, struct text text)
{
	print_error("/%.*s/ holds:\n", (int)pattern.len, pattern.data);
	for (size_t i = 0; i < ls->count; i++)
		print_error(" '%.*s'%s\n", (int)ls->v[i].len, ls->v[i].bytes,
		    ls->v[i].caseless ? " in either case" : "");
	print_error("not in '%.*s'\n", (int)text.len, text.data);
}

/* Whether what each match is said to hold is in a text that matches. */
static void
hold_against(
    struct pattern *p, const struct literal_choices *cs, size_t *matched)
{
	struct str lines = { 0 }, scratch = { 0 };
	struct text text;

	for (unsigned n = 1 + dice(3); n > 0; n--)
		add_line(&lines);
	lines.len--;
	text = event_clean(str_text(&lines), true, &scratch);
	if (pattern_match(p, text, NULL, NULL) == MATCH_YES) {
		(*matched)++;
		for (size_t i = 0; i < cs->count; i++) {
			struct pattern *held = pattern_of(&cs->v[i]);

			if (pattern_match(held, text, NULL, NULL) !=
			    MATCH_YES) {
				show_literals(pattern_text(p), &cs->v[i], text);
				fail();
			}
			pattern_free(held);
		}
	}
	str_free(&lines);
	str_free(&scratch);
}

static void
what_a_pattern_must_hold_is_in_what_it_matches(void **unused)
{
	uint64_t seed = number_of("SEED", (uint64_t)time(NULL));
	uint64_t rounds = number_of("ROUNDS", ROUNDS) * 50;
	size_t matched = 0, found = 0;

	(void)unused;
	dice_seed(seed);
	for (uint64_t i = 0; i < rounds; i++) {
		struct pattern *p = random_pattern();
		struct literal_choices cs;

		literals_find(pattern_text(p), &cs);
		found += cs.count > 0;
		for (int k = 0; k < 200 && cs.count > 0; k++)
			hold_against(p, &cs, &matched);
		pattern_free(p);
	}
	print_message("seed %llu: %zu patterns, %zu matches\n",
	    (unsigned long long)seed, found, matched);
	assert_true(rounds < ROUNDS * 50 || matched > rounds);
}

/* Looks through three lines, two of which match. */
static void
look(struct candidates *cs, size_t expected)
{
	struct text text = TEXT("Job 7 failed on queue a\nJob 8 done on queue "
				"b\nJob 9 failed on queue c\n");
	size_t count;

	assert_int_equal(candidates_find(cs, text, true, true), 0);
	assert_false(candidates_any_open(cs));
	candidates_list(cs, &count);
	assert_int_equal(count, expected);
}

static void
what_is_looked_for_goes_by_the_log(void **unused)
{
	struct pattern *p =
	    pattern_compile(TEXT("Job \\d+ failed"), NULL, NULL);
	struct patterns ps = { &p, 1 };
	const struct patterns *groups[] = { &ps };
	struct str jobs = { 0 }, failures = { 0 };
	struct candidates *early, *late;
	struct sieve *s;
	struct err err;

	(void)unused;
	for (int i = 0; i < 100; i++) {
		str_puts(&jobs, "Job 1 done\n");
		str_puts(&failures, "login failed\n");
	}
	/* Before anything is known: by ' failed', the longest. */
	s = sieve_new(groups, 1, TEXT(""), &err);
	if (s == NULL) {
		print_message("%s\n", err.text);
		skip();
	}
	early = candidates_new(s);
	look(early, 2);
	/* By 'Job ', then. */
	assert_true(sieve_learn(s, str_text(&failures)));
	late = candidates_new(s);
	look(late, 3);
	look(early, 3);
	assert_false(sieve_learn(s, str_text(&failures)));
	assert_true(sieve_learn(s, str_text(&jobs)));
	look(early, 2);
	candidates_free(early);
	/* By the pattern itself. */
	str_add_text(&jobs, str_text(&failures));
	assert_true(sieve_learn(s, str_text(&jobs)));
	look(late, 2);
	candidates_free(late);
	sieve_free(s);
	str_free(&jobs);
	str_free(&failures);
	pattern_free(p);
}

/* What Hyperscan reads otherwise than PCRE2, or did not get whole. */
static void
what_is_read_otherwise_is_found_all_the_same(void **unused)
{
	static const struct {
		struct text pattern, line;
	} cases[] = {
		/* cases of another Unicode */
		{ TEXT("(?i)\xd0\xa2 error"), TEXT("\xe1\xb2\x84 error\n") },
		{ TEXT("(?i)\\x{422} error"), TEXT("\xe1\xb2\x84 error\n") },
		{ TEXT("(?i)[\xe1\x83\x90-\xe1\x83\x95]x"),
		    TEXT("\xe1\xb2\x91x\n") },
		/* a NUL ends the expression */
		{ TEXT("foo\\Qa\0b\\E|barbaz"), TEXT("x barbaz\n") },
		{ TEXT("foo[a\0]|barbaz"), TEXT("x barbaz\n") },
		/* [: that begins no class */
		{ TEXT("^[[:a]*foo\\z|zz:]"), TEXT("foo\n") },
		{ TEXT("[[:a]|\\Afoo|x:]y"), TEXT("foo\n") },
		{ TEXT("[[:^alpha:]]7"), TEXT("77\n") },
		/* nothing is left of the last line */
		{ TEXT("^$"), TEXT("last\n\x1b[0m") },
		{ TEXT("^$"), TEXT("last\n\r") },
		{ TEXT("^(?!last)"), TEXT("last\n\x1b[0m") },
		{ TEXT("a{,3}b"), TEXT("a{,3}b\n") },
		{ TEXT("x{1,2}y"), TEXT("xxy\n") },
	};
	struct rule rule = { .sources = everywhere };

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b = { .source = { .strip = true } };
		struct pattern *p =
		    pattern_compile(cases[i].pattern, NULL, NULL);

		assert_non_null(p);
		rule.parts[PART_MATCH] = (struct patterns){ &p, 1 };
		b.rules[0] = rule;
		match_rules(&b, 1, cases[i].line, 0);
		if (b.told.len == 0)
			fail_msg("case %zu", i);
		pattern_free(p);
		str_free(&b.told);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_a_pattern_must_hold_is_in_what_it_matches),
		cmocka_unit_test(a_sieve_changes_no_answer),
		cmocka_unit_test(what_is_looked_for_goes_by_the_log),
		cmocka_unit_test(what_is_read_otherwise_is_found_all_the_same),
	};
	struct prefilter_want want = { .pattern = TEXT("a") };
	struct err err;
	struct prefilter *p = prefilter_new(&want, 1, &err);

	if (p == NULL)
		print_message("without a sieve: %s\n", err.text);
	prefilter_free(p);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
