/* SPDX-License-Identifier: MIT */
/**
 * HTTP on a socket that listens, by libmicrohttpd on the loop: requests and
 * answers as a whole, both bounded.  Knows nothing of incidents.
 */
#ifndef LOGWATCH_SERVE_HTTP_H
#define LOGWATCH_SERVE_HTTP_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

#define HTTP_BODY_MAX 65536 /* bytes of a request's body */
#define HTTP_CLIENTS_MAX 64 /* at once; more wait */

struct http;
struct loop;

/** Lent until the callback returns. */
struct http_request {
	const char *method, *path;
	const char *content_type; /* NULL: none */
	struct text body;
	uid_t uid;         /* of the other end of a unix socket; -1: unknown */
	const void *query; /* for http_query() */
};

/** What to answer. */
struct http_answer {
	int status;
	const char *type;  /* of the body */
	struct str body;   /* taken over */
	const char *allow; /* the methods that there are, of 405; NULL */
};

typedef void http_fn(
    const struct http_request *request, struct http_answer *answer, void *ctx);

/** The value of a parameter behind the path's '?'; NULL: it is not there. */
const char *http_query(const struct http_request *request, const char *name);

/** Whether this program was built with HTTP at all. */
bool http_is_built(void);

/**
 * Answers on a socket, which it takes over, as soon as the loop runs.  The
 * library is loaded at the first connection; where it cannot be, that is said
 * in the log and nobody is answered.
 *
 * Returns a server to free with http_free(); never NULL.
 */
struct http *http_new(struct loop *l, int socket, http_fn *fn, void *ctx);
void http_free(struct http *h); /* NULL does nothing */

#endif
