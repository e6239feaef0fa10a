/* SPDX-License-Identifier: MIT */
/**
 * What a notification can be sent to: one table entry a receiver (slack,
 * teams, webhook, alertmanager, pagerduty, email), each in a file of its own.
 * A receiver turns an incident record into a body, escaped for its own format,
 * and judges the answer.  Opens nothing but secret files, logs nothing, asks
 * nobody the time.
 */
#ifndef LOGWATCH_ACTION_RECEIVER_H
#define LOGWATCH_ACTION_RECEIVER_H

#include "base/err.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct key;
struct fetch_end;
struct fetch_mail;
struct node;
struct template;

/** What became of one attempt to send. */
enum verdict {
	VERDICT_SENT,
	VERDICT_RETRY, /* later, with back-off */
	VERDICT_PLAIN, /* the body is at fault: once more with plain_body */
	VERDICT_DEAD,  /* never: a dead letter */
};

/** One request, made anew at each attempt (secrets are read then). */
struct request {
	char *url;
	char **headers; /* "Name: value", NULL-ended; may be NULL */
	char *body;     /* what is sent; NULL: the body as it was made */
	struct fetch_mail *mail; /* NULL: HTTP; what it names is lent, by the
	                            settings and by secrets */
	char **secrets;          /* what no answer may show beside those that
	                            request_hide() knows; NULL-ended; may be NULL */
};
void request_free(struct request *r); /* what is in it */

struct receiver {
	const char *name; /* the key in the rule file */
	const char
	    *goes_by; /* that of its map which says where to; NULL: url */

	/**
	 * Reads the receiver's map, leaving faults in the diag.
	 *
	 * disabled  set where its url, or what it goes by instead, is empty (a
	 *           variable that is not set)
	 *
	 * Returns settings to free with free_settings(); never NULL.
	 */
	void *(*read)(const struct node *n, bool *disabled);
	void (*free_settings)(void *settings);

	/** The body for a record, as it will be sent at every attempt; the
	 * caller frees it.  record is what logwatch-rules(5) says, "change"
	 * included.  NULL: of such a change this receiver is told nothing. */
	char *(*body)(const void *settings, const json_t *record);
	/** A shorter, plainer body of the same content for VERDICT_PLAIN, or
	 * NULL where there is none. */
	char *(*plain_body)(const void *settings, const json_t *record);

	/** Where and how to send; -1 where a secret file cannot be read.
	 * delivery_id is the idempotency key. */
	int (*request)(const void *settings, const char *delivery_id,
	    struct text body, int64_t wall_ms, struct request *out,
	    struct err *err);

	/** Why it was not sent goes to err: without secrets, for a person. */
	enum verdict (*judge)(
	    const void *settings, const struct fetch_end *end, struct err *err);

	/** The template its body is made of; returns NULL where there is
	 * none, and is NULL itself where the receiver knows no such thing. */
	const struct template *(*body_template)(const void *settings);

	/**
	 * 0: it is told changes.  Else it is told how incidents stand: one that
	 * is open again and again, every so many milliseconds, and of what
	 * waits to be sent only the last of each.
	 */
	int64_t again_ms;

	/** Where it is sent to several, each by itself: how many, and what
	 * stands for the settings of one; both NULL: to one. */
	size_t (*instances)(const void *settings);
	const void *(*instance)(const void *settings, size_t i);

	/** Common to all receivers, read by address_read(); of an instance
	 * where there are such, as request() and judge(). */
	int64_t (*timeout_ms)(const void *settings);
	const char *(*ca_file)(const void *settings);
};

/** All receivers; ends with NULL. */
extern const struct receiver *const receivers[];

/** The receiver of that name; NULL: none. */
const struct receiver *receiver_find(const char *name);

/**
 * Adds text, such as an answer, to out without what is secret in the request:
 * the parts of its URL other than the host, and the values of its headers.
 * Servers like to repeat what they were asked for.
 */
void request_hide(const struct request *r, struct text text, struct str *out);

/*
 * For the receivers.
 */

/** What every receiver's map has; the first member of its settings. */
struct address {
	char *url;      /* one of the two, once read without a fault */
	char *url_file; /* holds the URL, read at each send */
	char *ca_file;  /* NULL: the system's */
	int64_t timeout_ms;
};

/* For the table of its keys: how to send, */
#define TRANSPORT_KEYS                                                         \
	{ "timeout", false, .type = KEY_DURATION, .fallback = "30s",           \
		.what = "For the whole request, from 1s to 10m." },            \
	{                                                                      \
		"ca_file", false,                                              \
		    .type = KEY_TEXT,                                          \
		    .what = "Certificates to trust instead of the system's."   \
	}
/* and where to as well. */
#define ADDRESS_KEYS                                                           \
	{                                                                      \
		"url", false, .type = KEY_TEXT, .need = KEY_ONE_OF,            \
		.what =                                                        \
		    "Where to send to. Empty, it is left out with a warning."  \
	},                                                                     \
	    { "url_file", false, .type = KEY_TEXT, .need = KEY_ONE_OF,         \
		    .what = "A file that holds the url, read at each send." }, \
	    TRANSPORT_KEYS

/** Reads it, leaving faults in the diag; keys are all that n may have,
 * disabled as for read(). */
void address_read(const struct node *n, const struct key *keys,
    struct address *a, bool *disabled);
/** What of it TRANSPORT_KEYS name; the rest is empty. */
void transport_read(const struct node *n, struct address *a);
void address_clear(struct address *a); /* what is in it */
/** The URL, which the caller frees; NULL where its file has none. */
char *address_url(const struct address *a, struct err *err);

/** A secret that stands in the rule file or in a file of its own. */
struct secret {
	char *text; /* at most one of the two */
	char *file; /* read at each send */
};

/** Reads it from one of two keys of n, leaving faults in the diag; one that is
 * empty is a fault, for it was meant to be there. */
void secret_read(const struct node *n, const char *key, const char *file_key,
    struct secret *s);
void secret_clear(struct secret *s); /* what is in it */
bool secret_is_set(const struct secret *s);
/** Adds it to out, of a file without the blanks and line ends at its end; -1
 * where that cannot be read. */
int secret_get(const struct secret *s, struct str *out, struct err *err);

/** The path of a file with a secret, which the caller frees; NULL: there is
 * none.  That it cannot be read now is a warning; empty is set where the path
 * is, and is else left alone. */
char *secret_file_read(const struct node *n, bool *empty);
/** Adds what the file holds, without blanks at its end. */
int secret_file_get(const char *path, struct str *out, struct err *err);

/** For timeout_ms and ca_file of a receiver. */
int64_t receiver_timeout_ms(const void *settings);
const char *receiver_ca_file(const void *settings);

/** Whether host is domain or ends in ".domain", in any case. */
bool host_within(struct text host, const char *domain);

/** A request with this URL, which it takes, and these headers (NULL-ended). */
void request_set(struct request *r, char *url, const char *const *headers);

/**
 * The verdict that HTTP calls for: 2xx is sent; no answer, 408, 425, 429 and
 * 5xx try again; any other is final.
 */
enum verdict receiver_judge(const struct fetch_end *end, struct err *err);

#endif
