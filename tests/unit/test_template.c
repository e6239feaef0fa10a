/* SPDX-License-Identifier: MIT */
/*
 * Text with names in it, filled in.
 */
#include "base/template.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* a is 'A', brace is a template, nul holds a NUL; any other is empty. */
static struct text
value(const char *name, void *ctx)
{
	size_t *calls = ctx;

	++*calls;
	if (strcmp(name, "a") == 0)
		return TEXT("A");
	if (strcmp(name, "brace") == 0)
		return TEXT("{{a}}");
	if (strcmp(name, "nul") == 0)
		return TEXT("x\0y");
	return (struct text){ NULL, 0 };
}

static void
shout(struct text text, struct str *out)
{
	str_puts(out, "<");
	str_add_text(out, text);
	str_puts(out, ">");
}

static void
check(struct text in, template_escape_fn *escape, struct text expected)
{
	struct template *t = template_parse(in, NULL, NULL);
	struct str out = { 0 };
	size_t calls = 0;

	assert_non_null(t);
	template_write(t, value, &calls, escape, &out);
	assert_int_equal(calls, template_count(t));
	assert_int_equal(out.len, expected.len);
	assert_memory_equal(out.data, expected.data, expected.len);
	str_free(&out);
	template_free(t);
}

static void
names_are_filled_in(void **state)
{
	(void)state;
	check(TEXT(""), NULL, TEXT(""));
	check(TEXT("no name"), NULL, TEXT("no name"));
	check(TEXT("{{a}}"), NULL, TEXT("A"));
	check(TEXT("{{a}}{{a}}"), NULL, TEXT("AA"));
	check(TEXT("x {{ a }} y {{\ta}}\nz"), NULL, TEXT("x A y A\nz"));
	check(TEXT("[{{other.name-1}}]"), NULL, TEXT("[]"));
	check(TEXT("{ } }} {a}"), NULL, TEXT("{ } }} {a}"));
	check(TEXT("b\0{{nul}}"), NULL, TEXT("b\0x\0y"));
}

static void
what_is_filled_in_is_not_parsed_again(void **state)
{
	(void)state;
	check(TEXT("{{brace}}"), NULL, TEXT("{{a}}"));
}

static void
only_values_are_escaped(void **state)
{
	(void)state;
	check(TEXT("<b>{{a}}{{none}}</b>"), shout, TEXT("<b><A><></b>"));
}

static void
names_can_be_looked_through_with_their_places(void **state)
{
	struct template *t =
	    template_parse(TEXT("x{{a}} {{  b.c }}"), NULL, NULL);

	(void)state;
	assert_int_equal(template_count(t), 2);
	assert_string_equal(template_name(t, 0), "a");
	assert_int_equal(template_offset(t, 0), 3);
	assert_string_equal(template_name(t, 1), "b.c");
	assert_int_equal(template_offset(t, 1), 11);
	template_free(t);
}

static void
what_is_wrong_is_said_with_its_place(void **state)
{
	static const struct {
		struct text in;
		size_t offset;
		const char *why;
	} wrong[] = {
		{ TEXT("ab {{"), 3, "'{{' without '}}' behind it" },
		{ TEXT("ab {{a}"), 3, "'{{' without '}}' behind it" },
		{ TEXT("{{a {{a}}"), 0, "'{{' without '}}' behind it" },
		{ TEXT("{{a}} {{{{a}}"), 6, "'{{' without '}}' behind it" },
		{ TEXT("a {{}}"), 2, "no name between '{{' and '}}'" },
		{ TEXT("a {{ \t }}"), 2, "no name between '{{' and '}}'" },
		{ TEXT("{{ a b }}"), 4,
		    "'a b' is no name (letters, digits, '_', '.' and '-')" },
		{ TEXT("{{a|b}}"), 3,
		    "'a|b' is no name (letters, digits, '_', '.' and '-')" },
		{ TEXT("{{{a}}}"), 2,
		    "'{a' is no name (letters, digits, '_', '.' and '-')" },
		{ TEXT("{{\xc3\xa9}}"), 2,
		    "'\xc3\xa9' is no name (letters, digits, '_', '.' and "
		    "'-')" },
		{ TEXT("{{a\0}}"), 3,
		    "'a' is no name (letters, digits, '_', '.' and '-')" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct err err = { "" };
		size_t offset = 99;

		assert_null(template_parse(wrong[i].in, &offset, &err));
		assert_string_equal(err.text, wrong[i].why);
		assert_int_equal(offset, wrong[i].offset);
	}
}

static void
a_template_has_at_most_200_names(void **state)
{
	struct str text = { 0 };
	struct err err = { "" };
	struct template *t;
	size_t offset = 0;

	(void)state;
	for (size_t i = 0; i < TEMPLATE_NAMES_MAX; i++)
		str_puts(&text, "{{a}}");
	t = template_parse(str_text(&text), NULL, NULL);
	assert_non_null(t);
	template_free(t);
	str_puts(&text, "{{a}}");
	assert_null(template_parse(str_text(&text), &offset, &err));
	assert_string_equal(err.text, "more than 200 names");
	assert_int_equal(offset, 1000);
	str_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_filled_in),
		cmocka_unit_test(what_is_filled_in_is_not_parsed_again),
		cmocka_unit_test(only_values_are_escaped),
		cmocka_unit_test(names_can_be_looked_through_with_their_places),
		cmocka_unit_test(what_is_wrong_is_said_with_its_place),
		cmocka_unit_test(a_template_has_at_most_200_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
