/* SPDX-License-Identifier: MIT */
/*
 * What the commands share: usage, failures, output, the state file's place.
 */
#include "cmd/cmd.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "ruleset.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

void
paths_add(struct paths *ps, const char *path)
{
	ps->v = mem_resize(ps->v, ps->count + 1, sizeof(char *));
	ps->v[ps->count++] = path;
}

void
paths_free(struct paths *ps)
{
	free(ps->v);
}

int
usage_wrong(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "logwatch %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry 'logwatch %s --help'.\n", command);
	return STATUS_USAGE;
}

struct ruleset *
rules_load(const struct paths *paths)
{
	struct diag *diag = diag_new();
	struct err err;
	struct ruleset *rs = ruleset_read(paths->v, paths->count, diag, &err);
	size_t faults = diag_errors(diag);

	if (rs == NULL || faults > 0)
		diag_print(diag, stderr, wants_colour(STDERR_FILENO));
	if (rs == NULL)
		failed("%s", err.text);
	else if (faults > 0)
		failed("the rules have %zu fault%s: nothing was done", faults,
		    faults == 1 ? "" : "s");
	diag_free(diag);
	if (faults > 0) {
		ruleset_free(rs);
		rs = NULL;
	}
	return rs;
}

int
choose_source(const char *command, const struct ruleset *rs, const char *name,
    size_t *source)
{
	*source = 0;
	if (name != NULL) {
		*source = ruleset_source(rs, name);
		if (*source == rs->source_count)
			return usage_wrong(command, "no source '%s'", name);
	} else if (rs->source_count > 1) {
		return usage_wrong(command,
		    "the rules have %zu sources: say with --source NAME which "
		    "is meant",
		    rs->source_count);
	}
	return STATUS_OK;
}

int
choose_rules(const char *command, const struct ruleset *rs,
    const struct paths *ids, bool **wanted)
{
	bool *flags = *wanted = mem_new(rs->rule_count, sizeof *flags);

	for (size_t i = 0; ids->count == 0 && i < rs->rule_count; i++)
		flags[i] = true;
	for (size_t i = 0; i < ids->count; i++) {
		size_t k = 0;

		while (k < rs->rule_count &&
		       strcmp(rs->rules[k].id, ids->v[i]) != 0)
			k++;
		if (k == rs->rule_count)
			return usage_wrong(command, "no rule '%s'", ids->v[i]);
		flags[k] = true;
	}
	return STATUS_OK;
}

int
failed(const char *format, ...)
{
	va_list args;

	fputs("logwatch: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

bool
wants_colour(int fd)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(fd) && (no == NULL || no[0] == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

void
display(struct text text, FILE *out)
{
	struct str shown = { 0 };

	utf8_display(text, &shown);
	if (shown.len > 0)
		fwrite(shown.data, 1, shown.len, out);
	str_free(&shown);
}

bool
output_is_closed(void)
{
	return ferror(stdout) != 0;
}

int
finish_output(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == 0) /* it was an earlier write that failed */
		return failed("cannot write to standard output");
	if (errno == EPIPE) /* whoever reads has seen enough */
		return status;
	return failed("write to standard output: %s", strerror(errno));
}

static char *
state_directory(struct err *err)
{
	const char *given = getenv("STATE_DIRECTORY");
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct str path = { 0 };

	if (given != NULL && given[0] != '\0') /* systemd: a list, by colons */
		str_add(&path, given, strcspn(given, ":"));
	else if (xdg != NULL && xdg[0] == '/')
		str_printf(&path, "%s/logwatch", xdg);
	else if (home != NULL && home[0] == '/')
		str_printf(&path, "%s/.local/state/logwatch", home);
	else {
		err_set(err, "no place for the state file: HOME is not set; "
			     "name one with --state");
		return NULL;
	}
	return str_take(&path);
}

char *
state_path(const char *option, const struct ruleset *rs,
    const char *first_rules, struct err *err)
{
	const char *base = strrchr(first_rules, '/');
	struct str path = { 0 };
	const char *dot;
	char *directory;

	if (option != NULL)
		return mem_text(option);
	if (rs != NULL && rs->state != NULL)
		return mem_text(rs->state);
	directory = state_directory(err);
	if (directory == NULL)
		return NULL;
	base = base != NULL && base[1] != '\0' ? base + 1 : first_rules;
	dot = strrchr(base, '.');
	str_printf(&path, "%s/%.*s.db", directory,
	    (int)(dot != NULL && dot != base ? (size_t)(dot - base)
					     : strcspn(base, "/")),
	    base);
	free(directory);
	return str_take(&path);
}
