/* SPDX-License-Identifier: MIT */
/*
 * Reads `actions`, and what a rule says of them.
 */
#include "action/action.h"

#include "action/alertmanager.h"
#include "action/email.h"
#include "action/pagerduty.h"
#include "action/slack.h"
#include "action/teams.h"
#include "action/webhook.h"
#include "base/mem.h"
#include "conf/node.h"
#include "io/identity.h"

#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_MS 60000
#define BACKOFF_DEFAULT_MS 5000
#define ATTEMPTS_MAX 100
#define ARGV_MAX 256
#define COLLECT_MAX 16

const char *const mode_words[] = { "act", "observe", NULL };
static const char *const interrupted_words[] = { "report", "rerun", NULL };
/* By enum change. */
static const char *const change_words[] = { "opened", "updated", "reminded",
	"remediated", "escalated", "resolved", NULL };

static const struct key verify_keys[] = {
	{ "source", false, .type = KEY_NAME, .shape = KEY_ONE_OR_LIST,
	    .with = "match",
	    .what = "Where the event is awaited. Default: everywhere." },
	{ "match", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF, .what = "The event that proves it." },
	{ "within", false, .type = KEY_DURATION, .need = KEY_REQUIRED,
	    .what = "How long after the script's end it has to come." },
	{ "probe", false, .type = KEY_TEMPLATE, .shape = KEY_LIST,
	    .need = KEY_ONE_OF,
	    .what = "A program, and its arguments, that has to exit with 0 "
		    "instead; it is asked every second." },
	{ 0 },
};

static const struct key limit_keys[] = {
	{ "runs", false, .type = KEY_INT, .need = KEY_REQUIRED,
	    .what = "So many runs, over all incidents." },
	{ "within", false, .type = KEY_DURATION, .need = KEY_REQUIRED,
	    .what = "In such a time." },
	{ 0 },
};

static const struct key retry_keys[] = {
	{ "attempts", false, .type = KEY_INT, .need = KEY_REQUIRED,
	    .what = "So often, all in all; each counts against the limit." },
	{ "backoff", false, .type = KEY_DURATION, .fallback = "5s",
	    .what = "How long after the first; then twice as long each time, "
		    "up to an hour, 20 % more or less." },
	{ 0 },
};

const struct key action_keys[] = {
	{ "exec", false, .type = KEY_TEMPLATE, .shape = KEY_LIST,
	    .need = KEY_ONE_OF,
	    .what = "A script and its arguments, without a shell: a template "
		    "fills an element and never splits it." },
	{ "cwd", false, .type = KEY_TEXT, .with = "exec",
	    .what = "The directory that it runs in. Default: that in which "
		    "logwatch was started." },
	{ "env", false, .type = KEY_TEXT, .shape = KEY_NAMED, .with = "exec",
	    .what = "Variables for it." },
	{ "user", false, .type = KEY_TEXT, .with = "exec",
	    .what = "The user that it runs as; needs root." },
	{ "timeout", false, .type = KEY_DURATION, .with = "exec",
	    .fallback = "60s",
	    .what = "Then its session gets SIGTERM, and 10 seconds later "
		    "SIGKILL." },
	{ "retry", false, .keys = retry_keys, .with = "exec",
	    .what = "Where it fails, or is not verified, it is tried again. "
		    "Default: once is enough." },
	{ "limit", false, .keys = limit_keys, .with = "exec",
	    .what = "How often it may run. Past it the incident escalates "
		    "instead." },
	{ "lock", false, .type = KEY_TEXT, .with = "exec",
	    .what = "Scripts that share a lock never run at the same time." },
	{ "verify", false, .keys = verify_keys, .with = "exec",
	    .what = "The proof that it worked. Default: exit status 0 is "
		    "success." },
	{ "if_interrupted", false, .words = interrupted_words, .with = "exec",
	    .fallback = "report",
	    .what = "What is done with a run whose end logwatch did not see." },
	{ "slack", false, .keys = slack_keys, .need = KEY_ONE_OF,
	    .what = "Slack, and what takes its messages: Mattermost, "
		    "Rocket.Chat, Discord." },
	{ "teams", false, .keys = teams_keys, .need = KEY_ONE_OF,
	    .what = "Microsoft Teams, by a Workflows url." },
	{ "webhook", false, .keys = webhook_keys, .need = KEY_ONE_OF,
	    .what = "The incident record as JSON, or a body of your own, by "
		    "POST." },
	{ "alertmanager", false, .keys = alertmanager_keys, .need = KEY_ONE_OF,
	    .what = "Prometheus Alertmanager: alerts, told again every minute "
		    "while an incident is open." },
	{ "pagerduty", false, .keys = pagerduty_keys, .need = KEY_ONE_OF,
	    .what = "PagerDuty, by the Events API." },
	{ "email", false, .keys = email_keys, .need = KEY_ONE_OF,
	    .what = "Mail, by SMTP." },
	{ "changes", false, .shape = KEY_ONE_OR_LIST, .words = change_words,
	    .what = "The changes that are told. Default: all of them." },
	{ 0 },
};

static const struct synonym action_words[] = {
	{ "cmd", "exec" },
	{ "command", "exec" },
	{ "run", "exec" },
	{ "script", "exec" },
	{ "environment", "env" },
	{ "dir", "cwd" },
	{ "mail", "email" },
	{ "pager", "pagerduty" },
	{ NULL, NULL },
};

const struct key escalate_keys[] = {
	{ "actions", false, .type = KEY_NAME, .shape = KEY_ONE_OR_LIST,
	    .what = "What is done." },
	{ "after", false, .type = KEY_DURATION,
	    .what = "Escalates an incident too that is still open so long "
		    "after it opened." },
	{ 0 },
};

/* A list of arguments; what is for the texts, such as "action 'a': exec". */
static void
command_read(struct program *c, const struct node *n, const char *what)
{
	char **texts;
	size_t count;

	if (!node_texts(n, false, &texts, &count))
		return;
	if (count == 0 || count > ARGV_MAX)
		node_error(n, "%s: expected 1 to %d arguments", what, ARGV_MAX);
	c->argv = mem_new(count, sizeof(struct template *));
	for (size_t i = 0; i < count && i < ARGV_MAX; i++) {
		struct err err;
		size_t at;
		struct template *t =
		    template_parse(text_of(texts[i]), &at, &err);

		if (t == NULL)
			node_error_at(
			    node_at(n, i), at, "%s: %s", what, err.text);
		else
			c->argv[c->argc++] = t;
	}
	node_texts_free(texts);
}

static void
command_free(struct program *c)
{
	for (size_t i = 0; i < c->argc; i++)
		template_free(c->argv[i]);
	free(c->argv);
}

static void
argv_read(struct action *a, const struct node *n)
{
	struct str what = { 0 };

	if (node_kind(n) == NODE_SCALAR) {
		node_error(n,
		    "action '%s': 'exec' is a list of arguments, such as "
		    "[./script.sh, '{{source}}']: no shell takes a line apart",
		    a->name);
		return;
	}
	str_printf(&what, "action '%s': exec", a->name);
	command_read(&a->command, n, what.data);
	str_free(&what);
}

static bool
is_env_name(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len > 0 && name[len] == '\0' && (name[0] < '0' || name[0] > '9');
}

static void
env_read(struct action *a, const struct node *n)
{
	size_t used = 0;

	if (n == NULL)
		return;
	if (node_kind(n) != NODE_MAP) {
		node_error(n, "action '%s': env: expected a map, not %s",
		    a->name, node_kind_name(n));
		return;
	}
	a->env = mem_new(node_count(n) + 1, sizeof *a->env);
	for (size_t i = 0; i < node_count(n); i++) {
		const char *name = node_key_name(n, i), *value;
		struct str entry = { 0 };

		if (!is_env_name(name))
			node_error(node_key(n, i),
			    "action '%s': env: '%s' is no name of a variable",
			    a->name, name);
		if (!node_text(node_at(n, i), &value))
			continue;
		str_printf(&entry, "%s=%s", name, value);
		a->env[used++] = str_take(&entry);
	}
}

static void
prover_read(struct action *a, const struct node *n, const char *what)
{
	const struct node *probe = node_get(n, "probe");
	struct str argv = { 0 };

	str_printf(&argv, "%s: probe", what);
	if (node_get(n, "match") != NULL || node_get(n, "source") != NULL)
		node_error(probe,
		    "%s: an event ('match', 'source') or a 'probe' proves it, "
		    "not both",
		    what);
	if (node_kind(probe) == NODE_SCALAR)
		node_error(probe,
		    "%s is a list of arguments, such as [redis-cli, PING]: no "
		    "shell takes a line apart",
		    argv.data);
	else
		command_read(&a->prover, probe, argv.data);
	str_free(&argv);
}

static void
user_read(struct action *a, const struct node *n)
{
	struct identity id;
	const char *user;
	struct err err;

	if (!node_text(n, &user))
		return;
	a->user = mem_text(user);
	/* The machine that checks may not be the one that runs it. */
	if (identity_find(user, &id, &err) < 0)
		node_warning(n, "action '%s': user: %s", a->name, err.text);
	else
		identity_free(&id);
}

static void
verify_read(
    struct action *a, const struct node *n, const struct source_names *sources)
{
	struct str what = { 0 };

	if (n == NULL)
		return;
	str_printf(&what, "action '%s': verify", a->name);
	if (node_keys(n, verify_keys, NULL, what.data)) {
		if (node_get(n, "probe") != NULL)
			prover_read(a, n, what.data);
		else if (node_lacks(n, "match", verify_keys))
			node_error(
			    n, "%s: needs 'match' or 'probe'", what.data);
		if (node_lacks(n, "within", verify_keys))
			node_error(n, "%s: needs 'within'", what.data);
		node_duration(node_get(n, "within"), 1, &a->proof_within_ms);
		patterns_read(
		    &a->proof.patterns, node_get(n, "match"), what.data);
		if (node_get(n, "probe") == NULL)
			a->proof.sources = sources_read(
			    node_get(n, "source"), sources, what.data);
	}
	str_free(&what);
}

static void
limit_read(struct action *a, const struct node *n)
{
	struct str what = { 0 };

	if (n == NULL)
		return;
	str_printf(&what, "action '%s': limit", a->name);
	if (node_keys(n, limit_keys, NULL, what.data)) {
		if (node_lacks(n, "runs", limit_keys) ||
		    node_lacks(n, "within", limit_keys))
			node_error(
			    n, "%s: needs 'runs' and 'within'", what.data);
		node_int(node_get(n, "runs"), 1, 1000000, &a->limit_runs);
		node_duration(node_get(n, "within"), 1, &a->limit_within_ms);
	}
	str_free(&what);
}

static void
retry_read(struct action *a, const struct node *n)
{
	struct str what = { 0 };

	a->attempts = 1;
	a->backoff_ms = BACKOFF_DEFAULT_MS;
	if (n == NULL)
		return;
	str_printf(&what, "action '%s': retry", a->name);
	if (node_keys(n, retry_keys, NULL, what.data)) {
		if (node_lacks(n, "attempts", retry_keys))
			node_error(n, "%s: needs 'attempts'", what.data);
		node_int(
		    node_get(n, "attempts"), 1, ATTEMPTS_MAX, &a->attempts);
		node_duration(node_get(n, "backoff"), 1, &a->backoff_ms);
	}
	str_free(&what);
}

static void
lock_read(struct action *a, const struct node *n)
{
	const char *lock;

	if (!node_text(n, &lock))
		return;
	if (lock[0] == '\0')
		node_error(n, "action '%s': lock: names none", a->name);
	else
		a->lock = mem_text(lock);
}

static void
changes_read(struct action *a, const struct node *n)
{
	size_t word;

	a->changes = (1u << CHANGE_COUNT) - 1;
	if (n == NULL)
		return;
	a->changes = 1u << CHANGE_TEST;
	for (size_t i = 0; node_kind(n) == NODE_LIST && i < node_count(n); i++)
		if (node_word(node_at(n, i), change_words, &word))
			a->changes |= 1u << word;
	if (node_kind(n) == NODE_SCALAR && node_word(n, change_words, &word))
		a->changes |= 1u << word;
	else if (node_kind(n) == NODE_MAP)
		node_error(n,
		    "action '%s': changes: expected a list, not a map",
		    a->name);
}

/* What only a shell would understand. */
static void
shell_check(const struct node *n, const char *what)
{
	static const char *const operators[] = { "|", "||", "&&", "&", ">",
		">>", "2>&1", NULL };
	const char *text;

	for (size_t i = 0; i < node_count(n); i++) {
		const struct node *at = node_at(n, i);

		if (node_kind(at) != NODE_SCALAR || !node_text(at, &text))
			continue;
		if (i == 0 && strchr(text, '/') == NULL &&
		    strchr(text, ' ') != NULL && strstr(text, "{{") == NULL)
			node_warning(at,
			    "%s: all of '%.60s' would be the program's name: "
			    "write each argument by itself, [a, b, c]",
			    what, text);
		for (size_t k = 0; operators[k] != NULL; k++)
			if (strcmp(text, operators[k]) == 0)
				node_warning(at,
				    "%s: '%s' is an argument like the others, "
				    "for there is no shell",
				    what, text);
	}
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A program that is named as a file can be looked at now; or_at is where else
 * relative paths may start, in words. */
static void
program_check(const struct program *c, const struct node *n, const char *cwd,
    const char *or_at, const char *what)
{
	struct str path = { 0 };
	const char *name;

	if (c->argc == 0 || node_kind(n) != NODE_LIST)
		return;
	shell_check(n, what);
	if (template_count(c->argv[0]) > 0 ||
	    !node_text(node_at(n, 0), &name) || strchr(name, '/') == NULL)
		return;
	if (name[0] != '/' && cwd != NULL)
		str_printf(&path, "%s/%s", cwd, name);
	else
		str_puts(&path, name);
	if (access(path.data, F_OK) != 0)
		node_warning(node_at(n, 0),
		    "%s: there is no %s (relative paths start where logwatch "
		    "is started%s)",
		    what, path.data, or_at);
	else if (is_directory(path.data))
		node_warning(node_at(n, 0), "%s: %s is a directory, no program",
		    what, path.data);
	else if (access(path.data, X_OK) != 0)
		node_warning(node_at(n, 0),
		    "%s: %s is not executable; chmod +x it", what, path.data);
	str_free(&path);
}

static void
exec_read(
    struct action *a, const struct node *n, const struct source_names *sources)
{
	struct str what = { 0 };
	const char *cwd;
	size_t word;

	argv_read(a, node_get(n, "exec"));
	env_read(a, node_get(n, "env"));
	if (node_text(node_get(n, "cwd"), &cwd))
		a->cwd = mem_text(cwd);
	a->timeout_ms = TIMEOUT_DEFAULT_MS;
	node_duration(node_get(n, "timeout"), 1, &a->timeout_ms);
	verify_read(a, node_get(n, "verify"), sources);
	limit_read(a, node_get(n, "limit"));
	retry_read(a, node_get(n, "retry"));
	lock_read(a, node_get(n, "lock"));
	user_read(a, node_get(n, "user"));
	if (node_word(node_get(n, "if_interrupted"), interrupted_words, &word))
		a->rerun = word == 1;
	str_printf(&what, "action '%s'", a->name);
	program_check(&a->command, node_get(n, "exec"), a->cwd, ", or at 'cwd'",
	    what.data);
	str_puts(&what, ": verify: probe");
	program_check(&a->prover, node_get(node_get(n, "verify"), "probe"),
	    a->cwd, ", or at 'cwd'", what.data);
	str_free(&what);
}

static void
notify_read(struct action *a, const struct node *n)
{
	static const char *const exec_only[] = { "cwd", "env", "timeout",
		"limit", "verify", "retry", "lock", "if_interrupted", "user" };
	const struct node *settings = node_get(n, a->receiver->name);
	const char *goes_by = a->receiver->goes_by;

	for (size_t i = 0; i < sizeof exec_only / sizeof *exec_only; i++)
		if (node_get(n, exec_only[i]) != NULL)
			node_error(node_get(n, exec_only[i]),
			    "action '%s': '%s' goes with 'exec' only", a->name,
			    exec_only[i]);
	a->settings = a->receiver->read(settings, &a->disabled);
	if (a->disabled)
		node_warning(settings,
		    "action '%s': its %s is empty, so it is left out", a->name,
		    goes_by != NULL ? goes_by : "url");
}

static void
kinds_error(const struct node *n, const char *what)
{
	struct str kinds = { 0 };

	for (size_t i = 0; receivers[i] != NULL; i++)
		str_printf(&kinds, ", %s", receivers[i]->name);
	node_error(n, "%s: needs exactly one of exec%s", what, kinds.data);
	str_free(&kinds);
}

void
action_read(struct action *a, const char *name, const struct node *n,
    const struct source_names *sources)
{
	struct str what = { 0 };
	size_t kinds = node_get(n, "exec") != NULL;

	a->name = mem_text(name);
	str_printf(&what, "action '%s'", name);
	if (!node_keys(n, action_keys, action_words, what.data))
		goto out;
	for (size_t i = 0; receivers[i] != NULL; i++)
		if (node_get(n, receivers[i]->name) != NULL) {
			a->receiver = receivers[i];
			kinds++;
		}
	changes_read(a, node_get(n, "changes"));
	if (kinds > 1 || (kinds == 0 && node_lacks(n, "exec", action_keys)))
		kinds_error(n, what.data);
	a->kind = a->receiver != NULL ? ACTION_NOTIFY : ACTION_EXEC;
	if (a->receiver != NULL)
		notify_read(a, n);
	else if (node_get(n, "exec") != NULL)
		exec_read(a, n, sources);
out:
	str_free(&what);
}

void
action_free(struct action *a)
{
	command_free(&a->command);
	for (size_t i = 0; a->env != NULL && a->env[i] != NULL; i++)
		free(a->env[i]);
	free(a->env);
	free(a->cwd);
	free(a->lock);
	free(a->user);
	command_free(&a->prover);
	free(a->proof.sources);
	patterns_free(&a->proof.patterns);
	if (a->settings != NULL)
		a->receiver->free_settings(a->settings);
	free(a->name);
}

bool
action_is_proved(const struct action *a)
{
	return a->proof.sources != NULL || a->prover.argc > 0;
}

static void
step_add(struct steps *steps, size_t action)
{
	for (size_t i = 0; i < steps->count; i++)
		if (steps->v[i] == action)
			return;
	steps->v = mem_resize(steps->v, steps->count + 1, sizeof(size_t));
	steps->v[steps->count++] = action;
}

/* Who calls for actions: a rule, or the settings for the built-in incidents,
 * which then know what every incident has. */
struct caller {
	const char *what;        /* for the texts of faults */
	const struct rule *rule; /* NULL: the settings */
	const struct policy *policy;
	struct action *actions;
	size_t count;
};

static bool
caller_knows(const struct caller *c, const char *name)
{
	return c->rule != NULL ? policy_knows(c->policy, c->rule, name)
	                       : incident_has_value(name);
}

static void
template_check(const struct template *t, const struct action *a,
    const struct caller *c, const struct node *at)
{
	for (size_t k = 0; k < template_count(t); k++) {
		const char *name = template_name(t, k);

		if (!caller_knows(c, name))
			node_error(at, "%s: action '%s' uses {{%s}}, which %s",
			    c->what, a->name, name,
			    c->rule != NULL
				? "is no capture or label of this rule"
				: "not every incident has");
	}
}

/* An action's templates name what its caller must know. */
static void
templates_check(
    const struct action *a, const struct caller *c, const struct node *at)
{
	const struct template *body = NULL;

	for (size_t i = 0; i < a->command.argc; i++)
		template_check(a->command.argv[i], a, c, at);
	for (size_t i = 0; i < a->prover.argc; i++)
		template_check(a->prover.argv[i], a, c, at);
	if (a->receiver != NULL && a->receiver->body_template != NULL)
		body = a->receiver->body_template(a->settings);
	if (body != NULL)
		template_check(body, a, c, at);
}

static void
step_read(const char *name, const struct node *at, const struct caller *c,
    struct steps *execs, struct steps *notifies)
{
	struct defined defined = { "action", "actions", NULL, c->count };
	const char **names;

	for (size_t i = 0; i < c->count; i++) {
		struct action *a = &c->actions[i];

		if (strcmp(a->name, name) != 0)
			continue;
		a->used = true;
		templates_check(a, c, at);
		step_add(a->kind == ACTION_EXEC ? execs : notifies, i);
		return;
	}
	names = mem_new(c->count, sizeof *names);
	for (size_t i = 0; i < c->count; i++)
		names[i] = c->actions[i].name;
	defined.names = names;
	node_undefined(at, c->what, name, &defined);
	free(names);
}

static void
steps_read(const struct node *n, const struct caller *c, struct steps *execs,
    struct steps *notifies)
{
	char **names = NULL;
	size_t used = 0;

	if (node_texts(n, true, &names, &used))
		for (size_t i = 0; i < used; i++)
			step_read(names[i],
			    node_kind(n) == NODE_LIST ? node_at(n, i) : n, c,
			    execs, notifies);
	node_texts_free(names);
}

/* Its templates name what the rule knows. */
static void
collect_check(const struct program *c, const struct rule *rule,
    const struct policy *policy, const struct node *n)
{
	for (size_t i = 0; i < c->argc; i++)
		for (size_t k = 0; k < template_count(c->argv[i]); k++) {
			const char *name = template_name(c->argv[i], k);

			if (!policy_knows(policy, rule, name))
				node_error(node_at(n, i),
				    "rule '%s': collect uses {{%s}}, which is "
				    "no capture or label of this rule",
				    rule->id, name);
		}
}

static void
collect_read(struct programs *cs, const struct rule *rule,
    const struct policy *policy, const struct node *n)
{
	size_t count = n != NULL ? node_count(n) : 0;
	struct str what = { 0 };

	if (n == NULL)
		return;
	str_printf(&what, "rule '%s': collect", rule->id);
	if (node_kind(n) != NODE_LIST || count == 0 || count > COLLECT_MAX)
		node_error(n,
		    "%s: expected a list of 1 to %d commands, each a list of "
		    "arguments, such as [[redis-cli, INFO]]",
		    what.data, COLLECT_MAX);
	else
		cs->v = mem_new(count, sizeof *cs->v);
	for (size_t i = 0; cs->v != NULL && i < count; i++) {
		struct program *c = &cs->v[cs->count++];
		const struct node *one = node_at(n, i);

		if (node_kind(one) != NODE_LIST) {
			node_error(one,
			    "%s: each command is a list of its own, such as "
			    "[[redis-cli, INFO]]: no shell takes a line apart",
			    what.data);
			break;
		}
		command_read(c, one, what.data);
		collect_check(c, rule, policy, one);
		program_check(c, one, NULL, "", what.data);
	}
	str_free(&what);
}

void
plan_read(struct plan *p, const struct rule *rule, const struct policy *policy,
    const struct node *map, struct action *actions, size_t count)
{
	const struct node *escalate = node_get(map, "escalate");
	size_t mode = 0;
	struct str what = { 0 }, owner = { 0 };
	struct caller c = { NULL, rule, policy, actions, count };

	str_printf(&what, "rule '%s'", rule->id);
	c.what = what.data;
	p->escalate_after_ms = INT64_MAX;
	steps_read(node_get(map, "actions"), &c, &p->execs, &p->notifies);
	str_printf(&owner, "rule '%s': escalate", rule->id);
	if (escalate != NULL && node_kind(escalate) == NODE_MAP) {
		node_keys(escalate, escalate_keys, NULL, owner.data);
		node_duration(
		    node_get(escalate, "after"), 1, &p->escalate_after_ms);
		escalate = node_get(escalate, "actions");
	}
	steps_read(escalate, &c, &p->escalate_execs, &p->escalate_notifies);
	node_word(node_get(map, "mode"), mode_words, &mode);
	p->observe = mode == 1;
	p->scheduled = node_get(map, "schedule") != NULL;
	if (p->scheduled && p->execs.count == 0 &&
	    (node_get(map, "actions") == NULL || p->notifies.count > 0))
		node_error(node_get(map, "schedule"),
		    "%s: schedule: needs an action with 'exec', which it runs",
		    what.data);
	collect_read(&p->collect, rule, policy, node_get(map, "collect"));
	str_free(&what);
	str_free(&owner);
}

void
plan_read_builtin(struct plan *p, const struct node *settings,
    struct action *actions, size_t count)
{
	const struct caller c = { "settings", NULL, NULL, actions, count };

	p->escalate_after_ms = INT64_MAX;
	steps_read(node_get(settings, "actions"), &c, &p->execs, &p->notifies);
}

void
plan_free(struct plan *p)
{
	free(p->execs.v);
	free(p->notifies.v);
	free(p->escalate_execs.v);
	free(p->escalate_notifies.v);
	for (size_t i = 0; i < p->collect.count; i++)
		command_free(&p->collect.v[i]);
	free(p->collect.v);
}
