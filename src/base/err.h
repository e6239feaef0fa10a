/* SPDX-License-Identifier: MIT */
/**
 * Why something did not work, in words.  A fixed buffer on the caller's stack
 * that nobody frees; each layer adds in front what only it knows.
 */
#ifndef LOGWATCH_BASE_ERR_H
#define LOGWATCH_BASE_ERR_H

struct err {
	char text[1024];
};

/**
 * Sets the reason, printf-like (%m works); too long a text is cut.
 *
 * err  may be NULL: nobody wants to know
 *
 * Returns -1, always, so that a caller can return it.
 */
int err_set(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Puts "TEXT: " before the reason that is there.  Returns -1, always. */
int err_wrap(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
