/* SPDX-License-Identifier: MIT */
/*
 * The messages that a mail server gets, to the letter, and what a hostile log
 * makes of them.
 */
#include "action/email.h"

#include "action/message.h"
#include "base/base64.h"
#include "fixture_record.h"

#include <unistd.h>

#define RECORDS 2000
#define SETTINGS                                                               \
	"smtp: 'smtps://mail.a.example', from: logwatch@a.example, "           \
	"to: [ops@b.example]"
#define WALL_MS INT64_C(1760688003999) /* 2025-10-17 08:00:03.999 */

static void
read_settings(struct fixture *f, const char *more)
{
	struct str yaml = { 0 };

	str_printf(&yaml, "{" SETTINGS "%s}", more);
	fixture_read(f, &email_receiver, yaml.data);
	str_free(&yaml);
	if (diag_errors(f->diag) != 0)
		fail_msg("%s", fixture_said(f));
}

/* A message as it is sent.  The caller frees it. */
static char *
message_of(const char *more, const char *delivery, json_t *record)
{
	struct request r = { 0 };
	struct fixture f;
	struct err err;
	char *body, *message;

	read_settings(&f, more);
	body = email_receiver.body(f.settings, record);
	assert_int_equal(email_receiver.request(f.settings, delivery,
			     text_of(body), WALL_MS, &r, &err),
	    0);
	message = mem_text(r.body);
	request_free(&r);
	free(body);
	json_decref(record);
	fixture_free(&f);
	return message;
}

#define HEAD                                                                   \
	"From: logwatch@a.example\r\n"                                         \
	"To: ops@b.example\r\n"                                                \
	"Date: Fri, 17 Oct 2025 08:00:03 +0000\r\n"
#define MIME                                                                   \
	"Auto-Submitted: auto-generated\r\n"                                   \
	"MIME-Version: 1.0\r\n"                                                \
	"Content-Type: text/plain; charset=utf-8\r\n"                          \
	"Content-Transfer-Encoding: quoted-printable\r\n"                      \
	"\r\n"

static void
what_opened_is_told_in_words(void **state)
{
	char *message = message_of(
	    "", "01JD0000-opened", record_make("opened", ACTIONS_FAILED));

	(void)state;
	assert_string_equal(message, HEAD
	    "Message-ID: <01JD0000-opened@a.example>\r\n"
	    "Subject: [critical] opened: Foreign key FK_3c5c violated on "
	    "timeline (crm-1)\r\n" MIME "CRITICAL: opened\r\n"
	    "Foreign key FK_3c5c violated on timeline\r\n"
	    "\r\n"
	    "Since: 2025-10-17 08:00:03 UTC\r\n"
	    "Seen: 12 times, last 2025-10-17 08:03:11 UTC\r\n"
	    "Rule: fk-violation\r\n"
	    "table: timeline\r\n"
	    "constraint: FK_3c5c\r\n"
	    "team: crm\r\n"
	    "\r\n"
	    "A row names a parent that is gone.\r\n"
	    "\r\n"
	    "  one before\r\n"
	    "  two before\r\n"
	    "=E2=86=92 error: insert violates FK_3c5c\r\n"
	    "=E2=86=92     at query\r\n"
	    "  one after\r\n"
	    "\r\n"
	    "What was done:\r\n"
	    "- clean: succeeded after 812ms\r\n"
	    "- restart: failed with exit status 3 after 1m30s (attempt 2)\r\n"
	    "    starting\r\n"
	    "    port 6379 refused\r\n"
	    "\r\n"
	    "Runbook: https://wiki.example/fk?a=3D1&b=3D2\r\n"
	    "crm-1 =C2=B7 worker =C2=B7 twenty_worker.log:10234 =C2=B7 "
	    "01JD0000000000000=\r\n"
	    "000000000\r\n");
	free(message);
}

static void
what_was_resolved_is_told_in_the_same_thread(void **state)
{
	static const char *const ids[] = { "01JD0000-resolved",
		"01JD0000-opened-2", "01JD0000-updated-12", NULL };

	(void)state;
	for (size_t i = 0; ids[i] != NULL; i++) {
		struct str head = { 0 };
		char *message =
		    message_of("", ids[i], record_make("resolved", RESOLVED));

		str_printf(&head,
		    HEAD "Message-ID: <%s@a.example>\r\n"
			 "In-Reply-To: <01JD0000-opened@a.example>\r\n"
			 "References: <01JD0000-opened@a.example>\r\n"
			 "Subject: [critical] resolved: ",
		    ids[i]);
		assert_int_equal(strncmp(message, head.data, head.len), 0);
		str_free(&head);
		free(message);
	}
}

static void
a_subject_is_folded_or_encoded(void **state)
{
	static const struct {
		const char *summary, *subject;
	} cases[] = {
		{ "plain", "[critical] opened: plain (crm-1)" },
		{ "Bcc: x\\r\\nBcc: y@z.example\\r\\n\\r\\nhi",
		    "[critical] opened: Bcc: x Bcc: y@z.example  hi (crm-1)" },
		{ "two  blanks where it is folded, which is  about there, and"
		  "  again further on, where the line has become long again",
		    "[critical] opened: two  blanks where it is folded, which "
		    "is  about"
		    "\r\n there, and  again further on, where the line has "
		    "become long again (crm-1)" },
		{ "=?UTF-8?Q?no?=", "=?UTF-8?B?W2NyaXRpY2FsXSBvcGVuZWQ6ID0/"
				    "VVRGLTg/UT9ubz89IChjcm0t?="
				    "\r\n =?UTF-8?B?MSk=?=" },
		{ "Schl\\u00fcssel \\u6f22\\u5b57 \\ud83d\\udd25 und noch viel "
		  "mehr Text, der nicht in ein Wort passt",
		    "=?UTF-8?B?"
		    "W2NyaXRpY2FsXSBvcGVuZWQ6IFNjaGzDvHNzZWwg5ryi5a2XIA==?="
		    "\r\n "
		    "=?UTF-8?B?8J+"
		    "UpSB1bmQgbm9jaCB2aWVsIG1laHIgVGV4dCwgZGVyIG5pY2h0?="
		    "\r\n =?UTF-8?B?IGluIGVpbiBXb3J0IHBhc3N0IChjcm0tMSk=?=" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str more = { 0 }, wanted = { 0 };
		char *message, *subject;

		str_printf(&more, "{\"summary\": \"%s\"}", cases[i].summary);
		str_printf(&wanted,
		    "Subject: %s\r\nAuto-Submitted: ", cases[i].subject);
		message = message_of(
		    "", "1-opened", record_make("opened", more.data));
		subject = strstr(message, "Subject: ");
		subject[wanted.len] = '\0';
		assert_string_equal(subject, wanted.data);
		free(message);
		str_free(&more);
		str_free(&wanted);
	}
}

static void
names_stand_beside_addresses(void **state)
{
	static const struct {
		const char *to, *header;
	} cases[] = {
		{ "ops@b.example", "ops@b.example" },
		{ "' ops@b.example '", "ops@b.example" },
		{ "'<ops@b.example>'", "ops@b.example" },
		{ "'Operations <ops@b.example>'",
		    "\"Operations\" <ops@b.example>" },
		{ "'\"Ops, night\" <ops@b.example>'",
		    "\"Ops, night\" <ops@b.example>" },
		{ "'A \"B\" \\ <ops@b.example>'",
		    "\"A \\\"B\\\" \\\\\" <ops@b.example>" },
		{ "'\xc3\x84rzte <ops@b.example>'",
		    "=?UTF-8?B?w4RyenRl?=\r\n <ops@b.example>" },
		{ "'=?UTF-8?Q?x?= <ops@b.example>'",
		    "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=\r\n <ops@b.example>" },
		{ "[a@b, 'C <c+d/e@f-g.h.example>']",
		    "a@b,\r\n \"C\" <c+d/e@f-g.h.example>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct request r = { 0 };
		struct str yaml = { 0 }, wanted = { 0 };
		struct fixture f;
		struct err err;

		str_printf(&yaml,
		    "{smtp: 'smtp://a', from: 'Log <l@a>', to: %s}",
		    cases[i].to);
		str_printf(&wanted,
		    "From: \"Log\" <l@a>\r\nTo: %s\r\nDate: ", cases[i].header);
		fixture_read(&f, &email_receiver, yaml.data);
		assert_int_equal(diag_errors(f.diag), 0);
		assert_int_equal(email_receiver.request(f.settings, "1-opened",
				     TEXT(""), WALL_MS, &r, &err),
		    0);
		r.body[wanted.len] = '\0';
		assert_string_equal(r.body, wanted.data);
		assert_string_equal(r.mail->from, "l@a");
		assert_string_equal(r.mail->to[0],
		    i + 1 < sizeof cases / sizeof *cases ? "ops@b.example"
							 : "a@b");
		request_free(&r);
		fixture_free(&f);
		str_free(&yaml);
		str_free(&wanted);
	}
}

/* Hostile logs. */

static struct text
line_of(const char **text)
{
	const char *end = strstr(*text, "\r\n");
	struct text line = { *text, 0 };

	assert_non_null(end);
	line.len = (size_t)(end - *text);
	*text = end + 2;
	return line;
}

/* The header lines come in this order and each once; of each the rest, unfolded
 * and decoded, is what must stand there. */
static const char *
check_head(const char *message)
{
	static const char *const names[] = { "From: ", "To: ", "Date: ",
		"Message-ID: ", "In-Reply-To: ", "References: ", "Subject: ",
		"Auto-Submitted: ", "MIME-Version: ", "Content-Type: ",
		"Content-Transfer-Encoding: " };
	size_t name = 0;
	struct text line;

	while ((line = line_of(&message)).len > 0) {
		size_t len;

		assert_in_range(line.len, 1, 998);
		for (size_t i = 0; i < line.len; i++)
			assert_in_range(line.data[i], ' ', '~');
		if (line.data[0] == ' ') /* goes on, and with something */
			continue;
		assert_in_range(name, 0, 10);
		len = strlen(names[name]);
		assert_true(line.len > len);
		assert_memory_equal(line.data, names[name++], len);
	}
	assert_int_equal(name, 11);
	return message;
}

/* Undone by another hand; the caller frees it. */
static char *
check_quoted(const char *text)
{
	struct str out = { 0 };

	while (*text != '\0') {
		struct text line = line_of(&text);
		size_t i = 0;
		bool soft = false;

		assert_in_range(line.len, 0, 76);
		while (i < line.len) {
			unsigned byte;

			assert_in_range(line.data[i], '\t', '~');
			if (line.data[i] != '=') {
				str_putc(&out, line.data[i++]);
			} else if (i + 1 == line.len) {
				soft = true;
				i++;
			} else {
				assert_int_equal(
				    sscanf(line.data + i, "=%2X", &byte), 1);
				str_putc(&out, (char)byte);
				i += 3;
			}
		}
		if (line.len > 0)
			assert_null(strchr(" \t", line.data[line.len - 1]));
		if (!soft)
			str_putc(&out, '\n');
	}
	return str_take(&out);
}

/* The subject of a message, unfolded and decoded; the caller frees it. */
static char *
subject_of(const char *message)
{
	struct str out = { 0 };

	message = strstr(message, "\r\nSubject: ") + strlen("\r\nSubject: ");
	while (message[0] == ' ' || out.len == 0) {
		struct text line = line_of(&message);

		if (memmem(line.data, line.len, "=?UTF-8?B?", 10) == NULL) {
			str_add_text(&out, line);
			continue;
		}
		assert_in_range(line.len, 1, 76);
		if (line.data[0] == ' ') {
			line.data++;
			line.len--;
		}
		assert_memory_equal(line.data + line.len - 2, "?=", 2);
		assert_true(base64_read(
		    (struct text){ line.data + 10, line.len - 12 }, &out));
	}
	return str_take(&out);
}

static void
a_hostile_record_stays_within_subject_and_text(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < RECORDS; seed++) {
		json_t *record = hostile_record(seed);
		struct message *m = message_new(record);
		char *message = message_of("", "1-escalated", record);
		char *subject = subject_of(message);
		char *text = check_quoted(check_head(message));
		struct str shown = { 0 };

		assert_string_equal(subject, m->headline);
		assert_int_equal(strncmp(text, m->title, strlen(m->title)), 0);
		utf8_display(text_of(text), &shown);
		assert_string_equal(text, shown.data);
		assert_in_range(strlen(text), 1, 50000);
		str_free(&shown);
		message_free(m);
		free(message);
		free(subject);
		free(text);
	}
}

static void
a_long_record_is_shortened(void **state)
{
	json_t *lines = json_array();
	struct str event = { 0 };
	json_t *record;
	char *message, *text;

	(void)state;
	for (int i = 0; i < 2000; i++)
		str_puts(&event, i % 40 == 39 ? "\n" : "\xe6\xbc\xa2 long ");
	for (int i = 0; i < 60; i++)
		json_array_append_new(lines, json_string(event.data));
	record = record_make("opened", NULL);
	json_object_set_new(record, "event", json_string(event.data));
	json_object_set_new(record, "context",
	    json_pack("{s:O, s:o}", "before", lines, "after", lines));
	message = message_of("", "1-updated", record);
	text = check_quoted(check_head(message));
	assert_in_range(strlen(text), 10000, 50000);
	check_contains(text, message_rest);
	str_free(&event);
	free(message);
	free(text);
}

/* Settings. */

static void
mistakes_in_the_settings_are_named(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "{from: a@b, to: a@b}", "email: needs 'smtp'" },
		{ "{smtp: 'smtp://h', to: a@b}", "email: needs 'from'" },
		{ "{smtp: 'smtp://h', from: a@b}", "email: needs 'to'" },
		{ "{server: 'smtp://h', from: a@b, to: a@b}",
		    "did you mean 'smtp'" },
		{ "[a]", "expected a map" },
		{ "{smtp: h, from: a@b, to: a@b}", "must start with smtps://" },
		{ "{smtp: 'http://h', from: a@b, to: a@b}",
		    "must start with smtps://" },
		{ "{smtp: 'smtp://', from: a@b, to: a@b}", "names no host" },
		{ "{smtp: 'smtp://h/x', from: a@b, to: a@b}",
		    "must end behind" },
		{ "{smtp: 'smtp://u:p@h', from: a@b, to: a@b}",
		    "a key of its own" },
		{ "{smtp: 'smtp://h:x', from: a@b, to: a@b}", "has a port" },
		{ "{smtp: 'smtp://h', from: a, to: a@b}", "'from': expected" },
		{ "{smtp: 'smtp://h', from: a@b, to: []}", "1 to 100" },
		{ "{smtp: 'smtp://h', from: a@b, to: [a@b, c]}",
		    "'to': expected an address" },
		{ "{smtp: 'smtp://h', from: a@b, to: a@b, user: u}",
		    "needs a password" },
		{ "{smtp: 'smtp://h', from: a@b, to: a@b, password: p}",
		    "needs a 'user'" },
		{ "{smtp: 'smtp://h', from: a@b, to: a@b, user: '', "
		  "password: p}",
		    "'user' is empty" },
		{ "{smtp: 'smtp://h', from: a@b, to: a@b, user: u, "
		  "password: ''}",
		    "'password' is empty" },
		{ "{smtp: 'smtp://h', from: a@b, to: a@b, user: u, "
		  "password: p, password_file: /dev/null}",
		    "not both" },
		{ "{smtp: 'smtp://h', from: a@b, to: a@b, timeout: 11m}",
		    "at most 10m" },
		{ "{smtp: 'smtp://h', from: a@b, to: a@b, ca_file: /none}",
		    "cannot read" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;
		char *said;

		fixture_read(&f, &email_receiver, cases[i].yaml);
		said = fixture_said(&f);
		if (diag_errors(f.diag) != 1)
			fail_msg("%s: %s", cases[i].yaml, said);
		check_contains(said, cases[i].says);
		free(said);
		fixture_free(&f);
	}
}

static void
what_is_no_address_is_a_fault(void **state)
{
	static const char *const bad[] = { "", " ", "@", "a@", "@b", "a@b@c",
		"a b@c", "a@b c", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.",
		"a@b_c", "a@[127.0.0.1]", "\\\"a b\\\"@c", "\\u00e4@b",
		"a@\\u00e4", "<a@b", "a@b>", "a@b, c@d", "N <a@b> x",
		"N <<a@b>>", "a@b\\nBcc: c@d", "N\\nBcc: c@d <a@b>",
		"N\\0 <a@b>", "N\\u202e <a@b>",
		"a123456789012345678901234567890123456789012345678901234567890"
		"1234@b" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct str yaml = { 0 };
		struct fixture f;

		str_printf(&yaml, "{smtp: 'smtp://h', from: a@b, to: [\"%s\"]}",
		    bad[i]);
		fixture_read(&f, &email_receiver, yaml.data);
		if (diag_errors(f.diag) != 1)
			fail_msg("'%s' is taken", bad[i]);
		fixture_free(&f);
		str_free(&yaml);
	}
}

static void
an_empty_server_is_left_out(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &email_receiver, "{smtp: '', from: a@b, to: [a@b]}");
	assert_int_equal(diag_errors(f.diag), 0);
	assert_true(f.disabled);
	fixture_free(&f);
}

static void
only_this_machine_is_talked_to_without_tls(void **state)
{
	static const struct {
		const char *yaml;
		bool plain;
	} cases[] = {
		{ "smtp: 'smtp://mail.example'", false },
		{ "smtp: 'smtps://mail.example:465'", false },
		{ "smtp: 'smtp://localhost'", true },
		{ "smtp: 'SMTP://LocalHost:25'", true },
		{ "smtp: 'smtp://127.0.0.1:25'", true },
		{ "smtp: 'smtp://[::1]:25'", true },
		{ "smtp: 'smtp://localhost', ca_file: /dev/null", false },
		{ "smtp: 'smtp://127.evil.example'", false },
		{ "smtp: 'smtp://localhost.evil.example'", false },
		{ "smtp: 'smtp://127.1.evil'", false },
		{ "smtp: 'smtp://[::2]'", false },
		{ "smtp: 'smtp://10.127.0.1'", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct request r = { 0 };
		struct str yaml = { 0 };
		struct fixture f;
		struct err err;

		str_printf(&yaml, "{%s, from: a@b, to: a@b}", cases[i].yaml);
		fixture_read(&f, &email_receiver, yaml.data);
		assert_int_equal(diag_errors(f.diag), 0);
		email_receiver.request(
		    f.settings, "1-opened", TEXT(""), 0, &r, &err);
		if (r.mail->plain != cases[i].plain)
			fail_msg("%s", cases[i].yaml);
		assert_null(r.mail->user);
		assert_null(r.mail->password);
		request_free(&r);
		fixture_free(&f);
		str_free(&yaml);
	}
}

static void
the_password_is_in_no_answer_that_is_shown(void **state)
{
	static const char answer[] =
	    "no s3cret, no czNjcmV0, no AG1lAHMzY3JldA== here";
	struct request r = { 0 };
	struct str shown = { 0 };
	struct fixture f;
	struct err err;

	(void)state;
	read_settings(&f, ", user: me, password: s3cret");
	assert_int_equal(email_receiver.request(f.settings, "1-opened",
			     TEXT("Subject: x\r\n\r\n"), 0, &r, &err),
	    0);
	assert_string_equal(r.mail->user, "me");
	assert_string_equal(r.mail->password, "s3cret");
	assert_null(strstr(r.body, "s3cret"));
	request_hide(&r, text_of(answer), &shown);
	assert_string_equal(shown.data, "no ***, no ***, no *** here");
	str_free(&shown);
	request_free(&r);
	fixture_free(&f);
}

static void
a_password_file_is_read_at_each_send(void **state)
{
	static const struct {
		const char *text, *password, *fault;
	} cases[] = {
		{ "one\n", "one", NULL },
		{ "two words", "two words", NULL },
		{ "\n", NULL, "is empty" },
	};
	char path[] = "/tmp/test_email.XXXXXX";
	struct str more = { 0 };
	struct fixture f;

	(void)state;
	close(mkstemp(path));
	str_printf(&more, ", user: me, password_file: '%s'", path);
	read_settings(&f, more.data);
	for (size_t i = 0; i <= sizeof cases / sizeof *cases; i++) {
		bool gone = i == sizeof cases / sizeof *cases;
		const char *fault = gone ? "No such file" : cases[i].fault;
		struct request r = { 0 };
		struct err err = { "" };
		FILE *file = fopen(path, "we");
		int ret;

		fputs(gone ? "" : cases[i].text, file);
		fclose(file);
		if (gone)
			unlink(path);
		ret = email_receiver.request(
		    f.settings, "1-opened", TEXT(""), 0, &r, &err);
		assert_int_equal(ret, fault == NULL ? 0 : -1);
		if (fault != NULL)
			check_contains(err.text, fault);
		else
			assert_string_equal(
			    r.mail->password, cases[i].password);
		request_free(&r);
	}
	fixture_free(&f);
	str_free(&more);
}

static void
replies_are_judged(void **state)
{
	static const struct judged replies[] = {
		{ 250, "2.0.0 queued", VERDICT_SENT, NULL },
		{ 421, "too busy", VERDICT_RETRY, "answered 421: too busy" },
		{ 450, "4.2.0 greylisted", VERDICT_RETRY, "4.2.0 greylisted" },
		{ 454, "", VERDICT_RETRY, "454" },
		{ 499, "", VERDICT_RETRY, "499" },
		{ 500, "", VERDICT_DEAD, "500" },
		{ 535, "5.7.8 no", VERDICT_DEAD, "answered 535: 5.7.8 no" },
		{ 550, "5.1.1 who?", VERDICT_DEAD, "answered 550: 5.1.1 who?" },
		{ 554, "", VERDICT_DEAD, "554" },
		{ 0, "", VERDICT_RETRY, "connection refused" },
	};
	struct fixture f;

	(void)state;
	read_settings(&f, "");
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
		check_judged(&f, &replies[i]);
	fixture_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_opened_is_told_in_words),
		cmocka_unit_test(what_was_resolved_is_told_in_the_same_thread),
		cmocka_unit_test(a_subject_is_folded_or_encoded),
		cmocka_unit_test(names_stand_beside_addresses),
		cmocka_unit_test(
		    a_hostile_record_stays_within_subject_and_text),
		cmocka_unit_test(a_long_record_is_shortened),
		cmocka_unit_test(mistakes_in_the_settings_are_named),
		cmocka_unit_test(what_is_no_address_is_a_fault),
		cmocka_unit_test(an_empty_server_is_left_out),
		cmocka_unit_test(only_this_machine_is_talked_to_without_tls),
		cmocka_unit_test(the_password_is_in_no_answer_that_is_shown),
		cmocka_unit_test(a_password_file_is_read_at_each_send),
		cmocka_unit_test(replies_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
