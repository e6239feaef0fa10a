/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 64

bool
number_read(struct text text, double *out)
{
	char buf[NUMBER_MAX], *end;
	double number;

	if (text.len == 0 || text.len >= sizeof buf)
		return false;
	memcpy(buf, text.data, text.len);
	buf[text.len] = '\0';
	/* Neither nan nor inf, and no 0x10. */
	if (strspn(buf, "+-.0123456789eE") != text.len)
		return false;
	number = strtod(buf, &end);
	if (end == buf || *end != '\0' || !isfinite(number))
		return false;
	*out = number;
	return true;
}

void
number_add(struct str *out, int64_t number)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do
		*--p = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (number < 0)
		*--p = '-';
	str_add(out, p, (size_t)(digits + sizeof digits - p));
}
