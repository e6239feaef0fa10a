/* SPDX-License-Identifier: MIT */
/*
 * Incident record -> a message of RFC 5322 in ASCII alone, so that nothing from
 * a log can end a line or a header.  The body that waits in the outbox begins
 * with the subject; what says from whom to whom is put before it when it is
 * sent.
 */
#include "action/email.h"

#include "action/message.h"
#include "base/base64.h"
#include "base/civil.h"
#include "base/mem.h"
#include "base/url.h"
#include "base/utf8.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define TEXT_MAX 50000 /* bytes of a text before it is encoded */
#define LINE_MAX_QP 76 /* RFC 2045, section 6.7 */
#define WORD_BYTES 39  /* of an encoded word, behind "Subject: " on its line */
#define LINE_FOLD 76   /* RFC 5322 recommends 78 */
#define TO_MAX 100     /* what RFC 5321 has every server take */
#define ADDRESS_MAX 254
#define LOCAL_MAX 64
#define NAME_MAX_BYTES 200

/* Name and address, as in a header. */
struct mailbox {
	char *name; /* NULL: none */
	char *address;
};

struct email {
	struct address address; /* the first: see receiver.h */
	struct mailbox from;
	struct mailbox *to;
	char **to_addresses; /* NULL-ended; lent by to */
	size_t to_count;
	char *user; /* NULL: does not log in */
	struct secret password;
};

const struct key email_keys[] = {
	{ "smtp", false, .type = KEY_TEXT, .need = KEY_REQUIRED,
	    .what = "The server: smtps://HOST, or smtp://HOST, which has to "
		    "know STARTTLS unless it is this machine. Empty, it is "
		    "left out with a warning." },
	{ "from", false, .type = KEY_TEXT, .need = KEY_REQUIRED,
	    .what = "Who sends: an address, or 'Name <address>'." },
	{ "to", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_REQUIRED,
	    .what = "Who gets it, in the same form; at most 100." },
	{ "user", false, .type = KEY_TEXT,
	    .what = "Who logs in. Default: nobody." },
	{ "password", false, .type = KEY_TEXT, .with = "user",
	    .what = "The password of user." },
	{ "password_file", false, .type = KEY_TEXT, .with = "user",
	    .what = "A file that holds the password, read at each send." },
	TRANSPORT_KEYS,
	{ 0 },
};

static const struct synonym synonyms[] = {
	{ "url", "smtp" },
	{ "host", "smtp" },
	{ "server", "smtp" },
	{ "smarthost", "smtp" },
	{ "sender", "from" },
	{ "recipients", "to" },
	{ "username", "user" },
	{ "auth_username", "user" },
	{ "auth_password", "password" },
	{ NULL, NULL },
};

/* Addresses. */

static struct text
text_trim(struct text text)
{
	while (text.len > 0 && text.data[0] == ' ') {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	return text;
}

/* Parts between dots, none of them empty, of letters, digits and others. */
static bool
is_dotted(struct text text, const char *others)
{
	bool part = false;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '.' && !part)
			return false;
		if (c != '.' && (c >= 0x80 || c == '\0' ||
				    (!isalnum(c) && strchr(others, c) == NULL)))
			return false;
		part = c != '.';
	}
	return part;
}

/* A dot-atom of RFC 5322, an @ and a host: quoted local parts, literals and
 * what is not ASCII are not for us. */
static bool
is_address(struct text text)
{
	const char *at = memchr(text.data, '@', text.len);
	struct text local, host;

	if (at == NULL || text.len > ADDRESS_MAX)
		return false;
	local = (struct text){ text.data, (size_t)(at - text.data) };
	host = (struct text){ at + 1, text.len - local.len - 1 };
	return local.len <= LOCAL_MAX &&
	       is_dotted(local, "!#$%&'*+-/=?^_`{|}~") && is_dotted(host, "-");
}

static bool
has_control(struct text text)
{
	while (text.len > 0) {
		struct utf8_char c = utf8_next(text);

		if (!c.valid || utf8_is_control(c.code))
			return true;
		text.data += c.len;
		text.len -= c.len;
	}
	return false;
}

/* ADDRESS, or NAME <ADDRESS> with or without quotes around the name.  Returns
 * false where it is none. */
static bool
mailbox_parse(const char *raw, struct mailbox *m)
{
	struct text text = text_trim(text_of(raw));
	const char *open = memrchr(text.data, '<', text.len);
	struct text name = { NULL, 0 };

	if (open != NULL && text.data[text.len - 1] == '>') {
		name = text_trim(
		    (struct text){ text.data, (size_t)(open - text.data) });
		text = (struct text){ open + 1,
			text.len - (size_t)(open - text.data) - 2 };
	}
	if (name.len > 1 && name.data[0] == '"' &&
	    name.data[name.len - 1] == '"')
		name = (struct text){ name.data + 1, name.len - 2 };
	if (!is_address(text) || has_control(name) || name.len > NAME_MAX_BYTES)
		return false;
	if (name.len > 0)
		m->name = mem_copy(name.data, name.len);
	m->address = mem_copy(text.data, text.len);
	return true;
}

static void
mailbox_clear(struct mailbox *m)
{
	free(m->name);
	free(m->address);
}

static void
mailbox_read(
    const struct node *n, const char *key, const char *raw, struct mailbox *m)
{
	if (!mailbox_parse(raw, m))
		node_error(n,
		    "'%s': expected an address in ASCII, such as "
		    "ops@example.com or 'Operations <ops@example.com>'",
		    key);
}

/* Settings. */

static void
smtp_read(const struct node *n, struct address *a, bool *disabled)
{
	const char *url, *fault;

	if (!node_text(n, &url))
		return;
	*disabled = url[0] == '\0';
	fault = *disabled ? NULL : url_smtp_fault(url);
	if (fault != NULL)
		node_error(n, "'smtp' %s", fault);
	a->url = mem_text(url);
}

static void
to_read(struct email *e, const struct node *n)
{
	char **texts;
	size_t count;

	if (!node_texts(n, true, &texts, &count))
		return;
	if (count == 0 || count > TO_MAX) {
		node_error(n, "'to': expected 1 to %d addresses", TO_MAX);
		count = 0;
	}
	e->to = mem_new(count, sizeof *e->to);
	e->to_addresses = mem_new(count + 1, sizeof *e->to_addresses);
	for (size_t i = 0; i < count; i++) {
		const struct node *at =
		    node_kind(n) == NODE_LIST ? node_at(n, i) : n;

		mailbox_read(at, "to", texts[i], &e->to[i]);
		e->to_addresses[i] = e->to[i].address;
	}
	e->to_count = count;
	node_texts_free(texts);
}

static void
login_read(struct email *e, const struct node *n)
{
	const struct node *user = node_get(n, "user");
	const char *name;

	secret_read(n, "password", "password_file", &e->password);
	if (node_text(user, &name)) {
		if (name[0] == '\0')
			node_error(user, "'user' is empty; where there is "
					 "none, leave the key out");
		e->user = mem_text(name);
	}
	if (user != NULL && !secret_is_set(&e->password) &&
	    node_lacks(n, "password", email_keys) &&
	    node_get(n, "password_file") == NULL)
		node_error(user, "'user' needs a password or a password_file");
	if (user == NULL && secret_is_set(&e->password) &&
	    node_lacks(n, "user", email_keys))
		node_error(n, "email: a password needs a 'user'");
}

static void *
email_read(const struct node *n, bool *disabled)
{
	static const char *const needed[] = { "smtp", "from", "to" };
	struct email *e = mem_new(1, sizeof *e);
	const char *from;

	*disabled = false;
	e->address.timeout_ms = 1;
	if (!node_keys(n, email_keys, synonyms, "email"))
		return e;
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (node_lacks(n, needed[i], email_keys))
			node_error(n, "email: needs '%s'", needed[i]);
	transport_read(n, &e->address);
	smtp_read(node_get(n, "smtp"), &e->address, disabled);
	if (node_text(node_get(n, "from"), &from))
		mailbox_read(node_get(n, "from"), "from", from, &e->from);
	to_read(e, node_get(n, "to"));
	login_read(e, n);
	return e;
}

static void
email_free(void *settings)
{
	struct email *e = settings;

	if (e == NULL)
		return;
	address_clear(&e->address);
	mailbox_clear(&e->from);
	for (size_t i = 0; i < e->to_count; i++)
		mailbox_clear(&e->to[i]);
	free(e->to);
	free(e->to_addresses);
	free(e->user);
	secret_clear(&e->password);
	free(e);
}

/* Headers: every line ends in CRLF, and none of what stands in it does. */

/* Adds text as encoded words of RFC 2047, a line each. */
static void
words_add(struct text text, struct str *out)
{
	const char *separator = "";

	while (text.len > 0) {
		struct text part = utf8_head_bytes(text, WORD_BYTES);

		str_puts(out, separator);
		str_puts(out, "=?UTF-8?B?");
		base64_add(part, out);
		str_puts(out, "?=");
		separator = "\r\n ";
		text.data += part.len;
		text.len -= part.len;
	}
}

/* ASCII that no reader takes for an encoded word. */
static bool
is_plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return strstr(text, "=?") == NULL;
}

/* Adds words, folded at blanks: at is how much stands on the line already.  A
 * blank before a fold belongs to the text, so that unfolding gives it back. */
static void
folded_add(const char *text, size_t at, struct str *out)
{
	while (*text != '\0') {
		size_t blanks = strspn(text, " ");
		size_t len = blanks + strcspn(text + blanks, " ");

		if (at + len > LINE_FOLD && blanks > 0 &&
		    text[blanks] != '\0') {
			str_puts(out, "\r\n");
			at = 0;
		}
		str_add(out, text, len);
		at += len;
		text += len;
	}
}

static void
subject_add(const char *text, struct str *out)
{
	static const char name[] = "Subject: ";
	struct str clean = { 0 };
	struct text trimmed;
	char *subject;

	utf8_display(text_of(text), &clean);
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '\n' || clean.data[i] == '\t')
			clean.data[i] = ' ';
	trimmed = text_trim(str_text(&clean));
	subject = mem_copy(trimmed.data, trimmed.len);
	str_puts(out, name);
	if (is_plain(subject))
		folded_add(subject, strlen(name), out);
	else
		words_add(text_of(subject), out);
	str_puts(out, "\r\n");
	free(subject);
	str_free(&clean);
}

static void
mailbox_add(const struct mailbox *m, struct str *out)
{
	if (m->name == NULL) {
		str_puts(out, m->address);
		return;
	}
	if (is_plain(m->name)) {
		str_putc(out, '"');
		for (const char *c = m->name; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				str_putc(out, '\\');
			str_putc(out, *c);
		}
		str_putc(out, '"');
	} else {
		words_add(text_of(m->name), out);
		str_puts(out, "\r\n");
	}
	str_printf(out, " <%s>", m->address);
}

static void
date_add(int64_t wall_ms, struct str *out)
{
	static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed",
		"Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t days = floor_div(wall_ms, DAY_MS);
	int seconds = (int)((wall_ms - days * DAY_MS) / 1000);
	int year, month, day;

	civil_from_days(days, &year, &month, &day);
	str_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
	    weekdays[civil_weekday(days)], day, months[month - 1], year,
	    seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/*
 * A delivery is INCIDENT-CHANGE or INCIDENT-CHANGE-NUMBER, and so is its
 * Message-ID; all of an incident answer the one that it opened with, whether
 * that was sent or not, so that readers show them as one thread.
 */
static void
thread_add(const char *delivery_id, const struct mailbox *from, struct str *out)
{
	const char *domain = strchr(from->address, '@');
	struct str first = { 0 };

	str_add(&first, delivery_id, strcspn(delivery_id, "-"));
	str_puts(&first, "-opened");
	str_printf(out, "Message-ID: <%s%s>\r\n", delivery_id, domain);
	if (!text_is(str_text(&first), delivery_id))
		str_printf(out, "In-Reply-To: <%s%s>\r\nReferences: <%s%s>\r\n",
		    first.data, domain, first.data, domain);
	str_free(&first);
}

/* Text. */

static void
paragraph_add(const char *text, struct str *out)
{
	if (text == NULL)
		return;
	str_putc(out, '\n');
	str_puts(out, text);
	str_putc(out, '\n');
}

static void
facts_add(const struct message *m, struct str *out)
{
	if (m->fact_count > 0)
		str_putc(out, '\n');
	for (size_t i = 0; i < m->fact_count; i++)
		str_printf(
		    out, "%s: %s\n", m->facts[i].name, m->facts[i].value);
}

static void
log_add(const struct message *m, struct str *out)
{
	struct str log = { 0 };

	message_log(m, &log);
	paragraph_add(log.data, out);
	str_free(&log);
}

static void
steps_add(const struct message *m, struct str *out)
{
	if (m->step_count > 0)
		str_puts(out, "\nWhat was done:\n");
	for (size_t i = 0; i < m->step_count; i++) {
		struct str output = { 0 };

		str_printf(out, "- %s\n", m->steps[i].text);
		message_lines_add(&m->steps[i].output, "    ", &output);
		if (output.len > 0) {
			str_add_text(out, str_text(&output));
			str_putc(out, '\n');
		}
		str_free(&output);
	}
}

static void
foot_add(const struct message *m, struct str *out)
{
	if (m->runbook != NULL || m->where != NULL)
		str_putc(out, '\n');
	if (m->runbook != NULL)
		str_printf(out, "Runbook: %s\n", m->runbook);
	if (m->where != NULL)
		str_printf(out, "%s\n", m->where);
	if (m->shortened)
		str_printf(out, "%s\n", message_rest);
}

static void
text_add(const struct message *m, struct str *out)
{
	str_printf(out, "%s\n%s\n", m->title, m->summary);
	paragraph_add(m->need, out);
	facts_add(m, out);
	paragraph_add(m->description, out);
	log_add(m, out);
	steps_add(m, out);
	foot_add(m, out);
}

/* Whether the byte may stand as it is: a blank not at the end of a line. */
static bool
is_literal(struct text text, size_t i)
{
	unsigned char c = (unsigned char)text.data[i];

	if (c == ' ' || c == '\t')
		return i + 1 < text.len && text.data[i + 1] != '\n';
	return c > ' ' && c < 0x7f && c != '=';
}

/* Quoted-printable, RFC 2045, section 6.7: ASCII, short lines. */
static void
quoted_add(struct text text, struct str *out)
{
	size_t at = 0; /* in the line */

	for (size_t i = 0; i < text.len; i++) {
		bool literal = is_literal(text, i);
		size_t len = literal ? 1 : 3;

		if (text.data[i] == '\n') {
			str_puts(out, "\r\n");
			at = 0;
			continue;
		}
		if (at + len > LINE_MAX_QP - 1) {
			str_puts(out, "=\r\n");
			at = 0;
		}
		if (literal)
			str_putc(out, text.data[i]);
		else
			str_printf(out, "=%02X", (unsigned char)text.data[i]);
		at += len;
	}
}

static char *
email_body(const void *settings, const json_t *record)
{
	struct message *m = message_new(record);
	struct str text = { 0 }, body = { 0 };

	(void)settings;
	text_add(m, &text);
	while (text.len > TEXT_MAX && message_drop(m, text.len - TEXT_MAX, 8)) {
		str_clear(&text);
		text_add(m, &text);
	}
	subject_add(m->headline, &body);
	/* RFC 3834: nobody is on holiday for a machine. */
	str_puts(&body, "Auto-Submitted: auto-generated\r\n"
			"MIME-Version: 1.0\r\n"
			"Content-Type: text/plain; charset=utf-8\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n"
			"\r\n");
	quoted_add(str_text(&text), &body);
	message_free(m);
	str_free(&text);
	return str_take(&body);
}

static char *
email_plain_body(const void *settings, const json_t *record)
{
	(void)settings;
	(void)record;
	return NULL;
}

/* Requests. */

/* Password, and how it is said to the server, which may repeat it. */
static void
secrets_set(struct request *r, const char *user, struct str *password)
{
	struct str said = { 0 }, plain = { 0 };

	r->secrets = mem_new(4, sizeof *r->secrets);
	base64_add(str_text(password), &said);
	r->secrets[1] = str_take(&said);
	str_putc(&plain, '\0');
	str_puts(&plain, user);
	str_putc(&plain, '\0');
	str_add_text(&plain, str_text(password));
	base64_add(str_text(&plain), &said);
	r->secrets[2] = str_take(&said);
	r->secrets[0] = str_take(password);
	str_free(&plain);
}

static int
password_get(const struct email *e, struct request *r, struct err *err)
{
	struct str password = { 0 };

	if (e->user == NULL)
		return 0;
	if (secret_get(&e->password, &password, err) != 0)
		goto fail;
	if (password.len == 0) {
		err_set(err, "its password is empty");
		goto fail;
	}
	if (strlen(password.data) != password.len) {
		err_set(err, "its password holds a NUL byte");
		goto fail;
	}
	secrets_set(r, e->user, &password);
	return 0;
fail:
	str_free(&password);
	return -1;
}

static char *
message_write(const struct email *e, const char *delivery_id, struct text body,
    int64_t wall_ms)
{
	const char *separator = "To: ";
	struct str out = { 0 };

	str_puts(&out, "From: ");
	mailbox_add(&e->from, &out);
	str_puts(&out, "\r\n");
	for (size_t i = 0; i < e->to_count; i++) {
		str_puts(&out, separator);
		mailbox_add(&e->to[i], &out);
		separator = ",\r\n ";
	}
	str_puts(&out, "\r\n");
	date_add(wall_ms, &out);
	thread_add(delivery_id, &e->from, &out);
	str_add_text(&out, body);
	return str_take(&out);
}

static int
email_request(const void *settings, const char *delivery_id, struct text body,
    int64_t wall_ms, struct request *out, struct err *err)
{
	const struct email *e = settings;
	struct request r = { 0 };

	if (password_get(e, &r, err) != 0)
		return -1;
	r.url = mem_text(e->address.url);
	r.body = message_write(e, delivery_id, body, wall_ms);
	r.mail = mem_new(1, sizeof *r.mail);
	*r.mail = (struct fetch_mail){ .from = e->from.address,
		.to = (const char *const *)e->to_addresses,
		.user = e->user,
		.password = r.secrets != NULL ? r.secrets[0] : NULL,
		/* Mail to this machine goes over no wire, and its certificate
		 * is seldom one that can be verified. */
		.plain = e->address.ca_file == NULL &&
		         url_is_local(e->address.url) };
	*out = r;
	return 0;
}

/* RFC 5321, section 4.2.1: 4yz is transient, 5yz permanent. */
static enum verdict
email_judge(const void *settings, const struct fetch_end *end, struct err *err)
{
	enum verdict verdict = receiver_judge(end, err);

	(void)settings;
	if (end->status >= 400)
		return end->status < 500 ? VERDICT_RETRY : VERDICT_DEAD;
	return verdict;
}

const struct receiver email_receiver = {
	.name = "email",
	.goes_by = "smtp",
	.read = email_read,
	.free_settings = email_free,
	.body = email_body,
	.plain_body = email_plain_body,
	.request = email_request,
	.judge = email_judge,
	.timeout_ms = receiver_timeout_ms,
	.ca_file = receiver_ca_file,
};
