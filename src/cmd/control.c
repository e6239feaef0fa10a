/* SPDX-License-Identifier: MIT */
#include "cmd/control.h"

#include "base/mem.h"
#include "ruleset.h"
#include "serve/control.h"

#include <glob.h>

void
controlled_free(struct controlled *c)
{
	paths_free(&c->rules);
}

/* The only socket where state files are by themselves. */
static char *
only_socket(struct err *err)
{
	char *any = state_path(NULL, NULL, "*.yml", err), *socket = NULL;
	struct str pattern = { 0 };
	glob_t found = { 0 };

	if (any == NULL)
		return NULL;
	str_printf(&pattern, "%s.sock", any);
	if (glob(pattern.data, 0, NULL, &found) != 0 || found.gl_pathc == 0)
		err_set(err,
		    "no logwatch runs that is known here: name its rule file "
		    "with --rules, its state file with --state, or its socket "
		    "with --socket");
	else if (found.gl_pathc > 1)
		err_set(err,
		    "%zu are known here, such as %s and %s: say with --rules, "
		    "--state or --socket which one is meant",
		    found.gl_pathc, found.gl_pathv[0], found.gl_pathv[1]);
	else
		socket = mem_text(found.gl_pathv[0]);
	globfree(&found);
	str_free(&pattern);
	free(any);
	return socket;
}

/* The socket of the state file that is named; its rules may have faults. */
static char *
socket_of(const struct controlled *c, struct err *err)
{
	struct diag *diag = diag_new();
	struct ruleset *rs = NULL;
	char *state = NULL, *socket;

	if (c->state == NULL)
		rs = ruleset_read(c->rules.v, c->rules.count, diag, err);
	if (c->state != NULL || rs != NULL)
		state = state_path(
		    c->state, rs, c->rules.count > 0 ? c->rules.v[0] : "", err);
	socket = state != NULL ? control_path(state) : NULL;
	free(state);
	ruleset_free(rs);
	diag_free(diag);
	return socket;
}

static char *
find_socket(const struct controlled *c, struct err *err)
{
	if (c->socket != NULL)
		return mem_text(c->socket);
	if (c->state != NULL || c->rules.count > 0)
		return socket_of(c, err);
	return only_socket(err);
}

static int
read_answer(int http, struct text text, json_t **answer)
{
	const char *why;

	*answer = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
	if (http / 100 == 2 && json_is_object(*answer))
		return STATUS_OK;
	why = json_string_value(json_object_get(*answer, "error"));
	failed("%s", why != NULL ? why : "what came is no answer");
	json_decref(*answer);
	*answer = NULL;
	return http == 404 || http == 422 ? STATUS_NO : STATUS_FAILED;
}

int
control_request(const struct controlled *c, const char *target,
    const char *body, json_t **answer)
{
	struct str text = { 0 };
	bool missing = false;
	struct err err;
	int http, status = STATUS_FAILED;
	char *path = find_socket(c, &err);

	*answer = NULL;
	if (path == NULL)
		return failed("%s", err.text);
	if (control_ask(path, target, body, &http, &text, &missing, &err) == 0)
		status = read_answer(http, str_text(&text), answer);
	else if (missing)
		failed("no logwatch runs there: %s", err.text);
	else
		failed("%s", err.text);
	str_free(&text);
	free(path);
	return status;
}
