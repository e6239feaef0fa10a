/* SPDX-License-Identifier: MIT */
#include "match/seen.h"

#include "event/clean.h"
#include "event/event.h"
#include "event/object.h"

/* What is a line to a log may be several to patterns. */
static struct text
message_clean(struct seen *s, bool strip)
{
	struct cleaner *cl = cleaner_new();
	struct text text = cleaner_run(cl, str_text(&s->message), false, strip);

	str_clear(&s->stripped);
	str_add_text(&s->stripped, text);
	cleaner_free(cl);
	return str_text(&s->stripped);
}

void
seen_line(struct seen *s, struct text raw, const char *message, bool strip)
{
	struct text value;

	s->text = event_clean(raw, strip, &s->clean);
	s->object = (struct text){ NULL, 0 };
	if (message == NULL || !object_read(s->text, message, &value))
		return;
	s->object = s->text;
	str_clear(&s->message);
	object_value(value, &s->message);
	s->text = message_clean(s, strip);
}

void
seen_free(struct seen *s)
{
	str_free(&s->clean);
	str_free(&s->message);
	str_free(&s->stripped);
}
