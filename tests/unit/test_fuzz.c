/* SPDX-License-Identifier: MIT */
/*
 * The targets of tests/fuzz on what random changes make of their seeds: what
 * `make fuzz` does for hours, for some seconds.
 *
 *   SEED=N ROUNDS=N tests/unit/test_fuzz
 */
#include "../fuzz/targets.h"

#include "base/mem.h"

#include "dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 3000
#define CHANGES 6
#define INPUT_MAX 4000 /* bytes */

static const char *const tokens[] = { "\n", "\r\n", "\x1b[", "m", "\xff",
	"\xc3\xa4", "{{", "}}", "(?", ")", "[", "]", "\\", "|", "*", "{2}", "'",
	"\"", ": ", "- ", "&a ", "*a", "  ", "#", "\xef\xbb\xbf", "0", "x" };

static void
insert(struct str *s, size_t at, const char *data, size_t len)
{
	char *copy = mem_copy(data, len);
	size_t rest = s->len - at;

	str_reserve(s, len);
	memmove(s->data + at + len, s->data + at, rest);
	memcpy(s->data + at, copy, len);
	s->len += len;
	free(copy);
}

static void
change(struct str *s, const struct fuzz_target *t, size_t seeds)
{
	size_t at = dice((unsigned)s->len + 1);
	size_t len = dice((unsigned)(s->len - at) + 1);
	const char *token = tokens[dice(sizeof tokens / sizeof *tokens)];
	const char *other = t->seeds[dice((unsigned)seeds)];

	switch (dice(6)) {
	case 0:
		if (at < s->len)
			s->data[at] = (char)dice(256);
		break;
	case 1:
	case 2:
		insert(s, at, token, strlen(token));
		break;
	case 3: /* something goes */
		memmove(s->data + at, s->data + at + len, s->len - at - len);
		s->len -= len;
		break;
	case 4: /* something comes twice */
		if (s->len + len < INPUT_MAX)
			insert(s, at, s->data + at, len);
		break;
	case 5: /* it ends as another does */
		s->len = at;
		str_puts(s, other + dice((unsigned)strlen(other) + 1));
		break;
	}
}

static uint64_t
number_of(const char *name, uint64_t otherwise)
{
	const char *given = getenv(name);

	return given != NULL ? strtoull(given, NULL, 10) : otherwise;
}

static void
run(const struct fuzz_target *t, uint64_t rounds)
{
	struct str input = { 0 };
	size_t seeds = 0;

	while (t->seeds[seeds] != NULL)
		seeds++;
	for (size_t i = 0; i < seeds; i++)
		t->run(text_of(t->seeds[i]));
	for (uint64_t i = 0; i < rounds; i++) {
		if (i % 20 == 0 || input.len > INPUT_MAX) {
			str_clear(&input);
			str_puts(&input, t->seeds[dice((unsigned)seeds)]);
		}
		for (unsigned n = 1 + dice(CHANGES); n > 0; n--)
			change(&input, t, seeds);
		t->run(str_text(&input));
	}
	t->run((struct text){ "", 0 });
	str_free(&input);
}

static void
any_bytes_are_taken(void **unused)
{
	uint64_t seed = number_of("SEED", (uint64_t)time(NULL));
	uint64_t rounds = number_of("ROUNDS", ROUNDS);

	(void)unused;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < fuzz_target_count; i++) {
		print_message("%s\n", fuzz_targets[i].name);
		dice_seed(seed);
		run(&fuzz_targets[i], rounds);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
