/* SPDX-License-Identifier: MIT */
/**
 * Mails by libcurl's SMTP, each in a thread of its own: while libcurl awaits
 * the answers to a message's end and to QUIT it does not return, also from its
 * multi interface, and a loop may not stand still for a server that thinks.
 */
#ifndef LOGWATCH_IO_MAILER_H
#define LOGWATCH_IO_MAILER_H

#include "io/fetch.h"

struct libcurl;
struct mailer;
struct mailing;

/** lib  loaded and set up, until mailer_free() */
struct mailer *mailer_new(struct loop *l, const struct libcurl *lib);
/** Waits for mails that were let go, which takes them a second at most.  NULL
 * does nothing; free its mailings before. */
void mailer_free(struct mailer *m);

/** Sends a mail.  end is told once, never from within this call, without a
 * duration. */
struct mailing *mailing_begin(struct mailer *m, const struct fetch_spec *spec,
    fetch_end_fn *end, void *ctx);
/** Lets go: what was not sent yet is given up, no callback comes any more. */
void mailing_free(struct mailing *m); /* NULL does nothing */

#endif
