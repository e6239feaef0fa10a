/* SPDX-License-Identifier: MIT */
/*
 * Lent and growing text.
 */
#include "base/str.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

struct text
text_of(const char *text)
{
	return (struct text){ text, text == NULL ? 0 : strlen(text) };
}

struct text
str_text(const struct str *s)
{
	return (struct text){ s->data, s->len };
}

bool
text_equal(struct text a, struct text b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
text_is(struct text a, const char *b)
{
	return text_equal(a, text_of(b));
}

char *
str_reserve(struct str *s, size_t len)
{
	size_t need = s->len + len + 1;

	if (need > s->capacity) {
		s->capacity =
		    need < s->capacity * 2 ? s->capacity * 2 : need + 16;
		s->data = mem_resize(s->data, s->capacity, 1);
	}
	return s->data + s->len;
}

void
str_add(struct str *s, const char *data, size_t len)
{
	char *end = str_reserve(s, len);

	if (len > 0)
		memcpy(end, data, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void
str_add_text(struct str *s, struct text text)
{
	str_add(s, text.data, text.len);
}

void
str_puts(struct str *s, const char *text)
{
	str_add(s, text, strlen(text));
}

void
str_putc(struct str *s, char c)
{
	str_add(s, &c, 1);
}

void
str_printf(struct str *s, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return;
	va_start(args, format);
	vsnprintf(str_reserve(s, (size_t)len), (size_t)len + 1, format, args);
	va_end(args);
	s->len += (size_t)len;
}

void
str_clear(struct str *s)
{
	s->len = 0;
	if (s->data != NULL)
		s->data[0] = '\0';
}

char *
str_take(struct str *s)
{
	char *data = s->data != NULL ? s->data : mem_copy("", 0);

	*s = (struct str){ 0 };
	return data;
}

void
str_free(struct str *s)
{
	free(s->data);
	*s = (struct str){ 0 };
}
