/* SPDX-License-Identifier: MIT */
#include "base/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *
url_after_scheme(const char *url)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return url + 8;
	return strncasecmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

struct text
url_host(const char *url)
{
	const char *host = url_after_scheme(url);
	const char *at;
	size_t len;

	if (host == NULL)
		return (struct text){ NULL, 0 };
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	if (at != NULL)
		host = at + 1;
	if (host[0] == '[')
		return (struct text){ host, strcspn(host, "]/?#") };
	return (struct text){ host, strcspn(host, ":/?#") };
}

/* What stands behind a host, up to its path. */
static bool
port_is_good(const char *p, bool in_brackets)
{
	const char *end = p + strcspn(p, "/?#");
	char *rest;

	if (in_brackets && *p++ != ']')
		return false;
	if (p >= end)
		return true;
	if (*p != ':' || !isdigit((unsigned char)p[1]))
		return false;
	return strtoul(p + 1, &rest, 10) <= UINT16_MAX && rest == end;
}

const char *
url_fault(const char *url)
{
	struct text host = url_host(url);

	if (host.data == NULL)
		return "must start with https:// or http://";
	if (host.len == 0)
		return "names no host";
	if (!port_is_good(host.data + host.len, host.data[0] == '['))
		return "has a port that is none, or no end of its [address]";
	for (; *url != '\0'; url++)
		if ((unsigned char)*url <= ' ' || *url == 0x7f)
			return "holds a blank or a control character";
	return NULL;
}
