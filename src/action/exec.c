/* SPDX-License-Identifier: MIT */
/*
 * Builds what a script gets; log text fills elements and never splits them.
 */
#include "action/exec.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "incident/record.h"
#include "io/identity.h"
#include "io/ready.h"

#include <ctype.h>

#define GRACE_MS 10000
/* The kernel takes at most 128 KiB an argument or variable. */
#define VALUE_BYTES_MAX 32768
#define CAPTURE_BYTES_MAX 4096

struct filling {
	const struct incident *incident;
	int64_t wall_ms;
	struct str scratch;
};

static struct text
fill(const char *name, void *ctx)
{
	struct filling *f = ctx;

	return incident_value(f->incident, name, f->wall_ms, &f->scratch);
}

/* No argument and no variable can hold a NUL. */
static void
escape(struct text value, struct str *out)
{
	value = utf8_head_bytes(value, VALUE_BYTES_MAX);
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] != '\0')
			str_putc(out, value.data[i]);
}

char **
exec_arguments(
    const struct program *c, const struct incident *i, int64_t wall_ms)
{
	char **argv = mem_new(c->argc + 1, sizeof *argv);
	struct filling f = { .incident = i, .wall_ms = wall_ms };

	for (size_t k = 0; k < c->argc; k++) {
		struct str one = { 0 };

		template_write(c->argv[k], fill, &f, escape, &one);
		argv[k] = str_take(&one);
	}
	str_free(&f.scratch);
	return argv;
}

void
exec_texts_free(char **texts)
{
	for (size_t k = 0; texts != NULL && texts[k] != NULL; k++)
		free(texts[k]);
	free(texts);
}

/* U+FFFD can make it longer; the end is what counts. */
char *
exec_output(struct text output)
{
	struct str raw = { 0 }, clean = { 0 };
	size_t from;

	for (size_t i = 0; i < output.len; i++)
		str_add(
		    &raw, output.data[i] == '\0' ? "\xff" : output.data + i, 1);
	utf8_clean(str_text(&raw), &clean);
	str_free(&raw);
	from = clean.len > OUTPUT_MAX ? clean.len - OUTPUT_MAX : 0;
	while (from < clean.len && (clean.data[from] & 0xc0) == 0x80)
		from++;
	if (from > 0)
		memmove(clean.data, clean.data + from, clean.len - from + 1);
	return str_take(&clean);
}

struct environment {
	char **v;
	size_t count;
};

static void
set(struct environment *e, const char *name, struct text value, size_t max)
{
	struct str entry = { 0 };

	str_printf(&entry, "%s=", name);
	escape(utf8_head_bytes(value, max), &entry);
	e->v = mem_resize(e->v, e->count + 2, sizeof *e->v);
	e->v[e->count++] = str_take(&entry);
	e->v[e->count] = NULL;
}

/* A later entry of the same name wins, and there is one of each. */
static void
set_entry(struct environment *e, const char *entry)
{
	size_t len = (size_t)(strchr(entry, '=') - entry) + 1;

	for (size_t k = 0; k < e->count; k++)
		if (strncmp(e->v[k], entry, len) == 0) {
			free(e->v[k]);
			e->v[k] = mem_text(entry);
			return;
		}
	e->v = mem_resize(e->v, e->count + 2, sizeof *e->v);
	e->v[e->count++] = mem_text(entry);
	e->v[e->count] = NULL;
}

static void
inherit(struct environment *e, const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	if (value == NULL || value[0] == '\0')
		value = otherwise;
	if (value != NULL)
		set(e, name, text_of(value), VALUE_BYTES_MAX);
}

static void
set_captures(struct environment *e, const struct incident *i)
{
	for (size_t k = 0; k < i->captures.count; k++) {
		const struct pair *p = &i->captures.v[k];
		struct str name = { 0 };

		if (p->told) /* the log names no variable */
			continue;
		str_puts(&name, "LOGWATCH_CAPTURE_");
		for (const char *c = p->name; *c != '\0'; c++)
			str_putc(&name, isalnum((unsigned char)*c)
					    ? (char)toupper((unsigned char)*c)
					    : '_');
		set(e, name.data, (struct text){ p->value, p->len },
		    CAPTURE_BYTES_MAX);
		str_free(&name);
	}
}

/* home  NULL: logwatch's own */
static char **
environment(const struct action *a, const struct incident *i,
    enum change_kind change, int64_t wall_ms, const char *home)
{
	static const char *const values[][2] = {
		{ "LOGWATCH_ID", "id" },
		{ "LOGWATCH_RULE", "rule" },
		{ "LOGWATCH_SEVERITY", "severity" },
		{ "LOGWATCH_SUMMARY", "summary" },
		{ "LOGWATCH_SOURCE", "source" },
		{ "LOGWATCH_PATH", "path" },
		{ "LOGWATCH_LINE", "line" },
		{ "LOGWATCH_EVENT", "event" },
		{ "LOGWATCH_COUNT", "count" },
		{ "LOGWATCH_STATE", "state" },
	};
	struct environment e = { 0 };
	/* Captures may be named like these; the variables may not change. */
	struct incident plain = *i;
	struct str scratch = { 0 };

	plain.captures = plain.labels = (struct pairs){ 0 };
	for (size_t k = 0; k < sizeof values / sizeof *values; k++)
		set(&e, values[k][0],
		    incident_value(&plain, values[k][1], wall_ms, &scratch),
		    VALUE_BYTES_MAX);
	str_free(&scratch);
	set(&e, "LOGWATCH_CHANGE", text_of(change_name(change)), 64);
	set_captures(&e, i);
	inherit(&e, "PATH", "/usr/local/bin:/usr/bin:/bin");
	if (home != NULL)
		set(&e, "HOME", text_of(home), VALUE_BYTES_MAX);
	else
		inherit(&e, "HOME", NULL);
	inherit(&e, "LANG", NULL);
	inherit(&e, "TZ", NULL);
	for (size_t k = 0; a->env != NULL && a->env[k] != NULL; k++)
		set_entry(&e, a->env[k]);
	return e.v;
}

struct child *
exec_start(struct loop *l, const struct action *a, const struct incident *i,
    enum change_kind change, int64_t wall_ms, struct ready *ready,
    child_end_fn *end, child_line_fn *line, void *ctx, struct err *err)
{
	struct identity user = { 0 };
	char **argv, **envp;
	struct child *child;

	if (a->user != NULL && identity_find(a->user, &user, err) < 0) {
		ready_free(ready);
		return NULL;
	}
	argv = exec_arguments(&a->command, i, wall_ms);
	envp = environment(a, i, change, wall_ms, user.home);
	child = child_start(l,
	    &(struct child_spec){
		.argv = (const char *const *)argv,
		.envp = (const char *const *)envp,
		.cwd = a->cwd,
		.user = a->user != NULL ? &user : NULL,
		.timeout_ms = a->timeout_ms,
		.grace_ms = GRACE_MS,
		.output_max = OUTPUT_MAX,
		.ready = ready,
	    },
	    end, line, ctx, err);
	exec_texts_free(argv);
	exec_texts_free(envp);
	identity_free(&user);
	return child;
}

void
exec_feed(
    struct child *child, const struct incident *i, enum change_kind change)
{
	json_t *record = record_of(i, change);
	char *input = json_dumps(record, JSON_COMPACT);
	struct str text = { 0 };

	str_printf(&text, "%s\n", input);
	child_feed(child, str_text(&text));
	str_free(&text);
	free(input);
	json_decref(record);
}

char *
exec_describe(const struct action *a, const struct incident *i, int64_t wall_ms)
{
	char **argv = exec_arguments(&a->command, i, wall_ms);
	struct str text = { 0 };

	for (size_t k = 0; argv[k] != NULL; k++)
		str_printf(&text, "%s'%s'", k > 0 ? " " : "", argv[k]);
	exec_texts_free(argv);
	return str_take(&text);
}
