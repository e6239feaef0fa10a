/* SPDX-License-Identifier: MIT */
#include "match/fields.h"

#include "event/event.h"
#include "event/object.h"

#include <string.h>

struct reading {
	struct fields *f;
	const struct fields_spec *spec;
	bool wanted; /* those only, else the others */
	struct str plain, clean;
};

static bool
is_wanted(const struct fields_spec *spec, const char *name)
{
	for (char *const *w = spec->wanted; w != NULL && *w != NULL; w++)
		if (strcmp(*w, name) == 0)
			return true;
	return false;
}

/* Where a field of that name is, or goes; NULL: there is no room. */
static struct field *
slot(struct fields *f, const char *name)
{
	struct field *field;

	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->text.data + f->v[i].name, name) == 0)
			return &f->v[i];
	if (f->count == FIELDS_MAX)
		return NULL;
	field = &f->v[f->count++];
	field->name = f->text.len;
	str_add(&f->text, name, strlen(name) + 1);
	return field;
}

static bool
take(struct text name, struct text value, void *ctx)
{
	struct reading *r = ctx;
	char text[FIELD_NAME_MAX + 1];
	struct field *field;
	bool wanted;

	if (name.len == 0 || name.len > FIELD_NAME_MAX ||
	    memchr(name.data, '\0', name.len) != NULL)
		return true;
	memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	wanted = is_wanted(r->spec, text);
	if (wanted != r->wanted || strcmp(text, r->spec->message) == 0)
		return true;
	field = slot(r->f, text);
	if (field == NULL)
		return false;
	str_clear(&r->plain);
	object_value(value, &r->plain);
	value = event_clean(str_text(&r->plain), r->spec->strip, &r->clean);
	field->wanted = wanted;
	field->value = r->f->text.len;
	field->value_len = value.len;
	str_add_text(&r->f->text, value);
	return true;
}

void
fields_read(
    struct fields *f, struct text object, const struct fields_spec *spec)
{
	struct reading r = { .f = f, .spec = spec, .wanted = true };

	f->count = 0;
	str_clear(&f->text);
	if (spec->wanted != NULL)
		object_each(object, take, &r);
	r.wanted = false;
	object_each(object, take, &r);
	str_free(&r.plain);
	str_free(&r.clean);
}

void
fields_free(struct fields *f)
{
	str_free(&f->text);
}

void
fields_capture(const struct fields *f, struct captures *captures)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct field *field = &f->v[i];

		captures_offer(
		    captures, &(struct capture){
				  .name = f->text.data + field->name,
				  .value = { f->text.data + field->value,
				      field->value_len },
				  .told = !field->wanted,
			      });
	}
}
