/* SPDX-License-Identifier: MIT */
/*
 * logwatch schema: the tables of keys as JSON Schema (draft-07), with which an
 * editor completes, explains and marks what is wrong while a rule file is
 * written.  `check` is stricter: it reads patterns, names and scripts too.
 */
#include "cmd/cmd.h"

#include "base/str.h"
#include "ruleset.h"

#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>

static const char help[] =
    "Usage: logwatch schema\n"
    "Prints the JSON Schema (draft-07) of the rule file, for editors.\n"
    "\n"
    "  --help  this\n"
    "\n"
    "Exit status: 0 printed, 2 wrong usage, 3 it could not be.\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* In text, but for patterns, a variable may stand for anything. */
#define VARIABLE "\\$\\{"

/*
 * What a value may be, as JSON: a string that matches, or one of some other
 * types of what YAML makes of it.  logwatch itself reads all of it as text.
 */
static const struct form {
	const char *types[4];
	const char *pattern;     /* of the string; NULL: any */
	const char *expected;    /* what it is, in words */
	const char *examples[3]; /* that an editor may offer */
} forms[] = {
	[KEY_TEXT] = { .types = { "string", "number", "boolean" } },
	[KEY_TEMPLATE] = { .types = { "string", "number", "boolean" } },
	[KEY_PATTERN] = { .types = { "string", "number", "boolean" } },
	[KEY_NAME] = { .types = { "string", "number", "boolean" },
	    .pattern = "^[A-Za-z0-9_.-]+$|" VARIABLE,
	    .expected = "a name: letters, digits, '_', '.' and '-' only" },
	[KEY_DURATION] = { .types = { "string" },
	    .pattern = "^([0-9]+(ms|s|m|h|d))+$|" VARIABLE,
	    .expected = "a duration such as 500ms, 10s or 1h30m",
	    .examples = { "10s", "1h30m" } },
	[KEY_SIZE] = { .types = { "string" },
	    .pattern = "^[0-9]+(B|kB|KiB|MB|MiB|GB|GiB)$|" VARIABLE,
	    .expected = "a size such as 64KiB or 1MiB",
	    .examples = { "64KiB", "1MiB" } },
	[KEY_INT] = { .types = { "integer", "string" },
	    .pattern = "^-?[0-9]+$|" VARIABLE,
	    .expected = "a whole number" },
	[KEY_NUMBER] = { .types = { "number", "string" },
	    .pattern = "^ *[-+]?[0-9.]|" VARIABLE,
	    .expected = "a number" },
	[KEY_BOOL] = { .types = { "boolean", "string" },
	    .pattern = "^(true|false)$|" VARIABLE,
	    .expected = "true or false" },
	[KEY_VERSION] = { .types = { "integer", "string" } },
};

static json_t *map_schema(const struct key *keys);

static json_t *
texts_json(const char *const *texts)
{
	json_t *list = json_array();

	for (; *texts != NULL; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

/* The word for what is wrong is that of yaml-language-server and of VS Code,
 * and means nothing to others. */
static void
pattern_add(json_t *schema, const struct form *f)
{
	struct str wrong = { 0 };

	str_printf(&wrong, "expected %s", f->expected);
	json_object_set_new(schema, "pattern", json_string(f->pattern));
	json_object_set_new(
	    schema, "patternErrorMessage", json_string(wrong.data));
	str_free(&wrong);
}

static json_t *
form_schema(enum key_type type)
{
	const struct form *f = &forms[type];
	json_t *schema = json_object();

	if (f->types[1] == NULL)
		json_object_set_new(schema, "type", json_string(f->types[0]));
	else
		json_object_set_new(schema, "type", texts_json(f->types));
	if (f->pattern != NULL)
		pattern_add(schema, f);
	if (f->examples[0] != NULL)
		json_object_set_new(
		    schema, "examples", texts_json(f->examples));
	if (type == KEY_VERSION) /* numbers have no pattern */
		json_object_set_new(
		    schema, "enum", json_pack("[i, s]", 1, "1"));
	return schema;
}

/* The alternatives in a list, or the only one. */
static json_t *
any_of(json_t *list)
{
	json_t *schema;

	if (json_array_size(list) != 1)
		return json_pack("{s: o}", "anyOf", list);
	schema = json_incref(json_array_get(list, 0));
	json_decref(list);
	return schema;
}

/* One value, without its shape: of its type, or one of its words. */
static json_t *
item_schema(const struct key *k)
{
	json_t *list = json_array();

	if (k->words != NULL) {
		json_array_append_new(
		    list, json_pack("{s: o}", "enum", texts_json(k->words)));
		json_array_append_new(list, json_pack("{s: s, s: s}", "type",
						"string", "pattern", VARIABLE));
	}
	if (k->type != KEY_NONE)
		json_array_append_new(list, form_schema(k->type));
	return any_of(list);
}

static json_t *
list_of(json_t *items)
{
	return json_pack("{s: s, s: o}", "type", "array", "items", items);
}

static json_t *
named_schema(json_t *values, bool ours)
{
	json_t *schema = json_pack(
	    "{s: s, s: o}", "type", "object", "additionalProperties", values);

	if (ours) /* what logwatch calls so: a source, an action */
		json_object_set_new(schema, "propertyNames",
		    json_pack("{s: s}", "pattern", "^[A-Za-z0-9_.-]+$"));
	return schema;
}

/* Adds what an item makes in the shape that a key has. */
static void
shapes_add(json_t *list, const struct key *k, json_t *item)
{
	if (k->shape == KEY_ONE || k->shape == KEY_ONE_OR_LIST)
		json_array_append(list, item);
	if (k->shape == KEY_LIST || k->shape == KEY_ONE_OR_LIST)
		json_array_append_new(list, list_of(json_incref(item)));
	if (k->shape == KEY_LISTS)
		json_array_append_new(
		    list, list_of(list_of(json_incref(item))));
	if (k->shape == KEY_NAMED)
		json_array_append_new(
		    list, named_schema(json_incref(item), k->type == KEY_NONE));
	json_decref(item);
}

static json_t *
value_schema(const struct key *k)
{
	json_t *list = json_array();
	bool only_map = k->type == KEY_NONE && k->words == NULL;

	if (!only_map)
		shapes_add(list, k, item_schema(k));
	if (only_map)
		shapes_add(list, k, map_schema(k->keys));
	else if (k->keys != NULL)
		json_array_append_new(list, map_schema(k->keys));
	return any_of(list);
}

static json_t *
fallback_json(const struct key *k)
{
	if (k->type == KEY_BOOL)
		return json_boolean(k->fallback[0] == 't');
	if (k->type == KEY_INT)
		return json_integer(strtoll(k->fallback, NULL, 10));
	return json_string(k->fallback);
}

static json_t *
property_schema(const struct key *k)
{
	struct str what = { 0 };
	json_t *schema = json_object(), *value = value_schema(k);

	str_puts(&what, k->what);
	if (k->fallback != NULL) {
		str_printf(&what, " Default: %s.", k->fallback);
		json_object_set_new(schema, "default", fallback_json(k));
	}
	json_object_set_new(schema, "description", json_string(what.data));
	json_object_update(schema, value);
	json_decref(value);
	str_free(&what);
	return schema;
}

/* The names of a table's keys with that need. */
static json_t *
needed(const struct key *keys, enum key_need need)
{
	json_t *list = json_array();

	for (; keys->name != NULL; keys++)
		if (keys->need == need && !keys->later)
			json_array_append_new(list, json_string(keys->name));
	return list;
}

/* Of the names so many, as word says, have to be there; where there is only
 * one, it. */
static void
choice_add(json_t *schema, const char *word, json_t *names)
{
	json_t *choices = json_array();

	for (size_t i = 0; i < json_array_size(names); i++)
		json_array_append_new(choices, json_pack("{s: [O]}", "required",
						   json_array_get(names, i)));
	if (json_array_size(names) > 1)
		json_object_set(schema, word, choices);
	else if (json_array_size(names) == 1)
		json_array_append(json_object_get(schema, "required"),
		    json_array_get(names, 0));
	json_decref(choices);
	json_decref(names);
}

static void
needs_add(json_t *schema, const struct key *keys)
{
	json_object_set_new(schema, "required", needed(keys, KEY_REQUIRED));
	choice_add(schema, "oneOf", needed(keys, KEY_ONE_OF));
	choice_add(schema, "anyOf", needed(keys, KEY_ANY_OF));
}

/* A map with these keys and no others; NULL: with any. */
static json_t *
map_schema(const struct key *keys)
{
	json_t *schema = json_pack("{s: s}", "type", "object");
	json_t *properties, *with;

	if (keys == NULL)
		return schema;
	properties = json_object();
	with = json_object();
	for (const struct key *k = keys; k->name != NULL; k++) {
		if (k->later)
			continue;
		json_object_set_new(properties, k->name, property_schema(k));
		if (k->with != NULL && key_find(keys, k->with) != NULL)
			json_object_set_new(
			    with, k->name, json_pack("[s]", k->with));
	}
	json_object_set_new(schema, "additionalProperties", json_false());
	needs_add(schema, keys);
	if (json_object_size(with) > 0)
		json_object_set(schema, "dependencies", with);
	json_object_set_new(schema, "properties", properties);
	json_decref(with);
	return schema;
}

static int
schema(void)
{
	json_t *root = json_pack("{s: s, s: s, s: s}", "$schema",
	    "http://json-schema.org/draft-07/schema#", "title",
	    "logwatch rule file", "description",
	    "Which logs are followed, what is an incident, and what is done "
	    "about it; see logwatch-rules(5).");
	json_t *keys = map_schema(top_keys);

	json_object_update(root, keys);
	json_decref(keys);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
	return finish_output(STATUS_OK);
}

int
cmd_schema(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'h') {
			fputs("Try 'logwatch schema --help'.\n", stderr);
			return STATUS_USAGE;
		}
		fputs(help, stdout);
		return finish_output(STATUS_OK);
	}
	if (optind < argc)
		return usage_wrong("schema", "it takes no argument");
	return schema();
}
