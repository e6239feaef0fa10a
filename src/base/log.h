/* SPDX-License-Identifier: MIT */
/**
 * logwatch's own log: a severity, what happened in words that stay the same,
 * then facts as name=value.  Text from outside is escaped on its way in.
 */
#ifndef LOGWATCH_BASE_LOG_H
#define LOGWATCH_BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/** Where the log goes and from which level on; the start is stderr, info. */
struct log_options {
	const char *path; /* NULL: standard error */
	enum log_level level;
	bool json; /* one object a line: time, level, message */
};

/** Opens (again) as the options say.  Returns 0, or -1 with the reason. */
int log_open(const struct log_options *options, struct err *err);

/** Whether the log goes to that file: it must not be followed, for each line
 * about a line would be another. */
bool log_is_own(dev_t device, ino_t inode);

/** "error", "warning", "info", "debug" -> level.  Returns false: neither. */
bool log_level_parse(const char *name, enum log_level *level);

/*
 * One line each, printf-like, cut at 4 KiB.  Control characters and bytes that
 * are no UTF-8 are written as \xNN, so that a line stays a line.
 */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
