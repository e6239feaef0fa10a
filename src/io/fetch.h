/* SPDX-License-Identifier: MIT */
/**
 * HTTP requests by libcurl's multi interface on the loop, and mail by its SMTP
 * beside it (io/mailer.h).  http and https only, no redirects, no proxy or
 * .netrc from the environment, answers bounded.
 * libcurl is loaded and set up at the first request, so that who never sends
 * never pays for it; where it cannot be, requests end with that error.
 */
#ifndef LOGWATCH_IO_FETCH_H
#define LOGWATCH_IO_FETCH_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct fetcher;
struct fetch;

/** What a mail has beside its text.  Addresses are bare and ASCII. */
struct fetch_mail {
	const char *from;
	const char *const *to; /* ends with NULL; one that the server does not
	                          take stops it for all */
	const char *user;      /* NULL: does not log in */
	const char *password;
	bool plain; /* smtp:// without TLS; else not without STARTTLS */
};

struct fetch_spec {
	const char *url;
	const char *const *headers; /* "Name: value", ends with NULL; or NULL;
	                               one with a control character in it ends
	                               in an error */
	bool get;                   /* by GET, without a body; else by POST */
	struct text body;           /* sent by POST; copied */
	int64_t timeout_ms;         /* for all of it; connecting has at most
	                               10 s of it */
	size_t answer_max;          /* bytes of the answer kept; the rest is
	                               read over and dropped; one of more than
	                               1 MiB, or 64 KiB of headers, is an error
	                             */
	const char *ca_file;        /* trusted instead of the system's; or
	                               NULL */
	const struct fetch_mail *mail; /* NULL: HTTP; else url is of smtp or
	                               smtps, headers and get are not looked
	                               at, and body is all of the message, its
	                               lines ended by CRLF */
};

struct fetch_end {
	int status;         /* 0: no whole answer, see error; of a mail, 2xx
	                       is sent, else the reply that stopped it */
	bool refused;       /* nobody was asked: it could not be */
	const char *error;  /* libcurl's words, printable ASCII, perhaps with
	                       the host but never more of the URL in them;
	                       NULL where there is a status */
	struct text answer; /* its first answer_max bytes; lent; of a mail the
	                       words of the last reply */
	int64_t retry_after_ms; /* of Retry-After in seconds or as a date,
	                           bounded to one hour; -1: none */
	int64_t duration_ms;
};

typedef void fetch_end_fn(const struct fetch_end *end, void *ctx);

struct fetcher *fetcher_new(struct loop *l);
void fetcher_free(struct fetcher *f); /* free its fetches before; NULL ok */

/** Posts, or gets.  end is told once, never from within this call.  Free with
 * fetch_free(), also after the end. */
struct fetch *fetch_begin(struct fetcher *f, const struct fetch_spec *spec,
    fetch_end_fn *end, void *ctx);
/** Lets go: an unfinished request is given up, no callback comes any more. */
void fetch_free(struct fetch *f); /* NULL does nothing */

#endif
