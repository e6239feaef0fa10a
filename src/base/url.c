/* SPDX-License-Identifier: MIT */
#include "base/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind the scheme, of one of two; NULL: it is another. */
static const char *
url_behind(const char *url, const char *one, const char *other)
{
	if (strncasecmp(url, one, strlen(one)) == 0)
		return url + strlen(one);
	if (strncasecmp(url, other, strlen(other)) == 0)
		return url + strlen(other);
	return NULL;
}

static const char *
url_behind_http(const char *url)
{
	return url_behind(url, "https://", "http://");
}

static const char *
url_behind_smtp(const char *url)
{
	return url_behind(url, "smtps://", "smtp://");
}

struct text
url_host(const char *url)
{
	const char *host = url_behind_http(url);
	const char *at;
	size_t len;

	if (host == NULL)
		host = url_behind_smtp(url);
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

static const char *
host_fault(const char *url)
{
	struct text host = url_host(url);

	if (host.len == 0)
		return "names no host";
	if (!port_is_good(host.data + host.len, host.data[0] == '['))
		return "has a port that is none, or no end of its [address]";
	for (; *url != '\0'; url++)
		if ((unsigned char)*url <= ' ' || *url == 0x7f)
			return "holds a blank or a control character";
	return NULL;
}

const char *
url_fault(const char *url)
{
	if (url_behind_http(url) == NULL)
		return "must start with https:// or http://";
	return host_fault(url);
}

const char *
url_smtp_fault(const char *url)
{
	const char *host = url_behind_smtp(url);

	if (host == NULL)
		return "must start with smtps:// or smtp://";
	if (strchr(host, '@') != NULL)
		return "holds a user, which has a key of its own";
	if (host[strcspn(host, "/?#")] != '\0')
		return "must end behind its host and port";
	return host_fault(url);
}

bool
url_is_local(const char *url)
{
	struct text host = url_host(url);

	if (host.len == 9 && strncasecmp(host.data, "localhost", 9) == 0)
		return true;
	if (text_is(host, "[::1"))
		return true;
	for (size_t i = 0; i < host.len; i++)
		if (!isdigit((unsigned char)host.data[i]) &&
		    host.data[i] != '.')
			return false;
	return host.len > 4 && memcmp(host.data, "127.", 4) == 0;
}
