/* SPDX-License-Identifier: MIT */
/**
 * Asks the URLs that rules name from time to time whether they answer: `http`.
 */
#ifndef LOGWATCH_DETECT_HTTPS_H
#define LOGWATCH_DETECT_HTTPS_H

#include "detect/condition.h"
#include "match/pattern.h"

struct fetcher;
struct https;
struct loop;
struct node;

#define HTTP_STATUSES_MAX 16

/** What is asked, and which answers are good. */
struct http_spec {
	char *url;
	int64_t every_ms, timeout_ms;
	int64_t statuses[HTTP_STATUSES_MAX];
	size_t status_count; /* 0: 200 to 299 */
};

/** Reads `http` and the keys that go with it of a rule's map; owner is for the
 * texts of faults. */
void http_spec_read(
    struct http_spec *s, const struct node *map, const char *owner);
void http_spec_free(struct http_spec *s); /* what is in it */
bool http_is_good(const struct http_spec *s, int status);

/** Names of what is captured, NULL-ended: the status, 0 where there was no
 * answer, and why there was none. */
extern const char *const http_captures[];

typedef void http_seen_fn(size_t rule, enum sight sight,
    const struct captures *captures, struct text says, void *ctx);

/**
 * specs  of each rule; NULL: it is of another kind; lent
 *
 * Returns one to free with https_free(), before the fetcher; never NULL.
 */
struct https *https_new(struct loop *loop, struct fetcher *fetcher,
    const struct http_spec *const *specs, size_t count, http_seen_fn *fn,
    void *ctx);
void https_free(struct https *hs); /* NULL does nothing */
/** Asks each now, and from now on. */
void https_start(struct https *hs);

#endif
