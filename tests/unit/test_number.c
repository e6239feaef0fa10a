/* SPDX-License-Identifier: MIT */
/*
 * Numbers and URLs as text.
 */
#include "base/number.h"
#include "base/url.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
a_number_is_decimal_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		double number;
	} good[] = {
		{ "7", 7 },
		{ "-2.5", -2.5 },
		{ "+1", 1 },
		{ "1e3", 1000 },
		{ ".5", .5 },
		{ "007", 7 },
	};
	static const char *const bad[] = { "", " ", "7 ", " 7", "nan", "inf",
		"0x10", "1e999", "1.2.3", "-", "e", "1e", "7%",
		"0000000000000000000000000000000000000000000000000000000000000"
		"001" };
	double number;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(number_read(text_of(good[i].text), &number));
		assert_true(number == good[i].number);
	}
	number = 42;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (number_read(text_of(bad[i]), &number))
			fail_msg("'%s' is read as %g", bad[i], number);
	assert_true(number == 42);
	assert_false(number_read((struct text){ "1\0", 2 }, &number));
}

static void
a_url_has_a_host_and_perhaps_a_port(void **state)
{
	static const struct {
		const char *url, *host;
	} good[] = {
		{ "http://h", "h" },
		{ "HTTPS://h.example.com/x?y#z", "h.example.com" },
		{ "http://h:65535/", "h" },
		{ "http://user:pass@h:80?x", "h" },
		{ "http://[::1]", "[::1" },
		{ "http://[::1]:8080/", "[::1" },
		{ "http://h?a@b", "h" },
	};
	static const char *const bad[] = { "", "h", "ftp://h/", "http://",
		"http:///x", "http://?x", "http://:80/", "http://h:/",
		"http://h:65536/", "http://h:x/", "http://h:99999999999999999/",
		"http://[::1", "http://[::1]x/", "http://h/a b", "http://h/\t",
		"http://h/\x7f", "smtp://h" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct text host = url_host(good[i].url);

		assert_null(url_fault(good[i].url));
		assert_int_equal(host.len, strlen(good[i].host));
		assert_memory_equal(host.data, good[i].host, host.len);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (url_fault(bad[i]) == NULL)
			fail_msg("'%s' is taken", bad[i]);
}

static void
a_mail_servers_url_is_a_host_and_a_port(void **state)
{
	static const char *const good[] = { "smtp://h", "smtp://h:25",
		"SMTPS://h.example:465", "smtp://[::1]:25" };
	static const char *const bad[] = { "", "h", "h:25", "http://h",
		"smtp://", "smtp://:25", "smtp://h:", "smtp://h:65536",
		"smtp://h/", "smtp://h?x", "smtp://u@h", "smtp://u:p@h",
		"smtp://h h", "smtp://[::1" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (url_smtp_fault(good[i]) != NULL)
			fail_msg("'%s' is refused", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (url_smtp_fault(bad[i]) == NULL)
			fail_msg("'%s' is taken", bad[i]);
}

static void
a_whole_number_is_written_as_printf_would(void **state)
{
	static const int64_t numbers[] = { 0, 7, 10, -1, -10, 1760688003123,
		INT64_MAX, INT64_MIN };
	struct str got = { 0 }, want = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		number_add(&got, numbers[i]);
		str_printf(&want, "%" PRId64, numbers[i]);
	}
	assert_string_equal(got.data, want.data);
	str_free(&got);
	str_free(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_decimal_and_nothing_else),
		cmocka_unit_test(a_mail_servers_url_is_a_host_and_a_port),
		cmocka_unit_test(a_whole_number_is_written_as_printf_would),
		cmocka_unit_test(a_url_has_a_host_and_perhaps_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
