/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Up to three bytes as four characters. */
static void
group_add(const unsigned char *data, size_t len, struct str *out)
{
	uint32_t bits = (uint32_t)data[0] << 16;
	char group[4] = { '=', '=', '=', '=' };

	if (len > 1)
		bits |= (uint32_t)data[1] << 8;
	if (len > 2)
		bits |= data[2];
	group[0] = alphabet[bits >> 18];
	group[1] = alphabet[bits >> 12 & 63];
	if (len > 1)
		group[2] = alphabet[bits >> 6 & 63];
	if (len > 2)
		group[3] = alphabet[bits & 63];
	str_add(out, group, sizeof group);
}

void
base64_add(struct text data, struct str *out)
{
	for (size_t i = 0; i < data.len; i += 3)
		group_add(
		    (const unsigned char *)data.data + i, data.len - i, out);
}

/* Without its padding, where that is as long as it has to be. */
static struct text
text_unpadded(struct text text)
{
	size_t padded = text.len;

	while (
	    padded > 0 && padded + 2 > text.len && text.data[padded - 1] == '=')
		padded--;
	if (text.len % 4 == 0)
		text.len = padded;
	return text;
}

bool
base64_read(struct text text, struct str *out)
{
	uint32_t bits = 0;
	int count = 0;

	text = text_unpadded(text);
	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.data[i] != '\0'
		                     ? strchr(alphabet, text.data[i])
		                     : NULL;

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		str_putc(out, (char)(bits >> count & 0xff));
	}
	return count < 6 && (bits & ((1u << count) - 1)) == 0;
}
