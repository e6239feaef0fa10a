/* SPDX-License-Identifier: MIT */
#include "detect/kept.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>

struct kept {
	json_t *captures; /* name -> value */
	char *path, *text;
	struct event event;
};

static struct kept *
kept_of(json_t *captures, const struct event *event)
{
	struct kept *k = mem_new(1, sizeof *k);
	struct text text = utf8_head_bytes(event->text, KEPT_VALUE_MAX);

	k->captures = captures;
	k->path = mem_text(event->path);
	k->text = mem_copy(text.data, text.len);
	k->event = (struct event){
		.source = event->source,
		.path = k->path,
		.offset = event->offset,
		.line = event->line,
		.text = { k->text, text.len },
	};
	return k;
}

/* Those whose name is the log's, too, are a list of one. */
json_t *
captures_keep(const struct captures *captures, size_t max)
{
	json_t *kept = json_object();

	for (size_t i = 0; i < captures->count; i++) {
		const struct capture *c = &captures->v[i];
		struct text value = utf8_head_bytes(c->value, max);
		json_t *json =
		    json_stringn(value.len > 0 ? value.data : "", value.len);

		if (c->told)
			json = json_pack("[o]", json);
		json_object_set_new(kept, c->name, json);
	}
	return kept;
}

void
captures_kept(const json_t *kept, struct captures *captures)
{
	const char *name;
	json_t *value;

	captures->count = 0;
	json_object_foreach((json_t *)(uintptr_t)kept, name, value)
	{
		bool told = json_is_array(value);
		const json_t *text = told ? json_array_get(value, 0) : value;

		if (captures->count == CAPTURES_MAX)
			break;
		captures->v[captures->count++] = (struct capture){
			.name = name,
			.value = { json_string_value(text),
			    json_string_length(text) },
			.told = told,
		};
	}
}

struct kept *
kept_new(const struct captures *captures, const struct event *event)
{
	return kept_of(captures_keep(captures, KEPT_VALUE_MAX), event);
}

void
kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	json_decref(k->captures);
	free(k->path);
	free(k->text);
	free(k);
}

void
kept_tell(const struct kept *k, struct captures *captures, struct event *event)
{
	captures->count = 0;
	*event = (struct event){ .source = NO_SOURCE, .path = "" };
	if (k == NULL)
		return;
	*event = k->event;
	captures_kept(k->captures, captures);
}

void
kept_write(const struct kept *k, json_t *object)
{
	struct str path = { 0 };

	utf8_clean(text_of(k->path), &path);
	json_object_set(object, "captures", k->captures);
	json_object_set_new(object, "path",
	    json_stringn(path.len > 0 ? path.data : "", path.len));
	json_object_set_new(object, "offset", json_integer(k->event.offset));
	json_object_set_new(object, "line", json_integer(k->event.line));
	json_object_set_new(object, "text",
	    json_stringn(k->event.text.data, k->event.text.len));
	str_free(&path);
}

struct kept *
kept_read(const json_t *object)
{
	json_t *captures = json_object_get(object, "captures");
	const char *path = json_string_value(json_object_get(object, "path"));
	const json_t *text = json_object_get(object, "text");
	const struct event event = {
		.source = NO_SOURCE,
		.path = path,
		.offset = json_integer_value(json_object_get(object, "offset")),
		.line = json_integer_value(json_object_get(object, "line")),
		.text = { json_string_value(text), json_string_length(text) },
	};

	if (!json_is_object(captures) || path == NULL || !json_is_string(text))
		return NULL;
	return kept_of(json_incref(captures), &event);
}
