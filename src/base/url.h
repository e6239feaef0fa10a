/* SPDX-License-Identifier: MIT */
/**
 * URLs of http and https, and those of mail servers, as far as they are looked
 * at before libcurl is.
 */
#ifndef LOGWATCH_BASE_URL_H
#define LOGWATCH_BASE_URL_H

#include "base/str.h"

#include <stdbool.h>

/** Its host, without the end of an address in brackets; empty where it has
 * none, or is of another kind. */
struct text url_host(const char *url);
/** What is wrong with it, in words that follow 'the url' and do not show it,
 * for it may be a secret; NULL: nothing. */
const char *url_fault(const char *url);
/** The same for a mail server: smtp or smtps, a host, perhaps a port, and no
 * more. */
const char *url_smtp_fault(const char *url);
/** Whether its host is this machine by name or number: what is sent there goes
 * over no wire. */
bool url_is_local(const char *url);

#endif
