/* SPDX-License-Identifier: MIT */
/*
 * Incident record -> HTTP POST, as it is or filled into a template.
 */
#include "action/webhook.h"

#include "action/message.h"
#include "base/base64.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/template.h"
#include "base/when.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 64
#define HEADER_VALUE_MAX 8192 /* bytes: more than servers take */
#define SIGNATURES_MAX 8
#define KEY_MIN 24 /* bytes: what Standard Webhooks 1.0 asks for */
#define KEY_MAX 64

struct webhook {
	struct address address; /* the first: see receiver.h */
	char *headers[HEADERS_MAX];
	size_t header_count;
	bool typed; /* a Content-Type is among them */
	struct template *body;
	struct secret secret;
};

const struct key webhook_keys[] = {
	ADDRESS_KEYS,
	{ "headers", false, .type = KEY_TEXT, .shape = KEY_NAMED,
	    .what = "Further headers." },
	{ "body", false, .type = KEY_TEMPLATE,
	    .what = "What is sent instead of the record; what is filled in is "
		    "escaped for the inside of a JSON string." },
	{ "secret", false, .type = KEY_TEXT,
	    .what = "What requests are signed with, as Standard Webhooks: "
		    "whsec_ and 24 to 64 bytes in base64. Default: they are "
		    "not signed." },
	{ "secret_file", false, .type = KEY_TEXT,
	    .what = "A file that holds the secret, read at each send; of "
		    "several lines each signs." },
	{ 0 },
};

static const struct synonym synonyms[] = {
	{ "http_headers", "headers" },
	{ "payload", "body" },
	{ "template", "body" },
	{ NULL, NULL },
};

/* Headers. */

/* RFC 9110, section 5.6.2. */
static bool
is_token(const char *text)
{
	size_t len =
	    strspn(text, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "abcdefghijklmnopqrstuvwxyz");

	return len > 0 && text[len] == '\0';
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') ||
		    *text == 0x7f)
			return true;
	return false;
}

/* Those that are not the user's to set, for they say how it is sent. */
static bool
is_ours(const char *name)
{
	static const char *const ours[] = { "Content-Length", "Connection",
		"Host", "Transfer-Encoding", "webhook-id", "webhook-timestamp",
		"webhook-signature", NULL };

	for (size_t i = 0; ours[i] != NULL; i++)
		if (strcasecmp(ours[i], name) == 0)
			return true;
	return false;
}

static const char *
header_fault(const char *name, const char *value)
{
	if (!is_token(name))
		return "no name of a header";
	if (is_ours(name))
		return "this header is set by logwatch itself";
	if (has_control(value))
		return "a control character in a header";
	return strlen(value) > HEADER_VALUE_MAX ? "at most 8 KiB" : NULL;
}

/* libcurl leaves out a header without a value unless it ends in a semicolon. */
static void
header_add(struct webhook *w, const char *name, const char *value)
{
	struct str header = { 0 };

	str_puts(&header, name);
	str_puts(&header, value[0] != '\0' ? ": " : ";");
	str_puts(&header, value);
	w->headers[w->header_count++] = str_take(&header);
	if (strcasecmp(name, "Content-Type") == 0)
		w->typed = true;
}

static void
headers_read(struct webhook *w, const struct node *n)
{
	if (n != NULL && node_kind(n) != NODE_MAP) {
		node_error(n, "headers: a map is needed, NAME: VALUE");
		return;
	}
	for (size_t i = 0; i < node_count(n); i++) {
		const char *name = node_key_name(n, i);
		const char *value, *fault;

		if (!node_text(node_at(n, i), &value))
			continue;
		fault = w->header_count < HEADERS_MAX
		            ? header_fault(name, value)
		            : "at most 64 headers";
		if (fault == NULL)
			header_add(w, name, value);
		else
			node_error(node_key(n, i), "%s", fault);
	}
}

/*
 * Signatures, as Standard Webhooks 1.0 has them.  Of several secrets each one
 * signs, so that a receiver can go from an old one to a new one.
 */

/* Adds the bytes of one secret.  Returns what is wrong with it, in words that
 * do not show it; NULL: nothing. */
static const char *
key_add(struct text secret, struct str *key)
{
	static const struct text prefix = TEXT("whsec_");

	if (secret.len < prefix.len ||
	    memcmp(secret.data, prefix.data, prefix.len) != 0)
		return "must begin with whsec_";
	secret.data += prefix.len;
	secret.len -= prefix.len;
	if (!base64_read(secret, key))
		return "is no base64 behind whsec_";
	if (key->len < KEY_MIN || key->len > KEY_MAX)
		return "must have 24 to 64 bytes, which base64 makes 32 to 88";
	return NULL;
}

/* What is signed: ID.TIMESTAMP.BODY. */
struct signed_text {
	const char *id;
	int64_t time_s;
	struct text body;
};

static void
signature_add(struct text key, const struct signed_text *t, struct str *out)
{
	unsigned char sum[SHA256_SIZE];
	struct str head = { 0 };
	struct hmac h;

	str_printf(&head, "%s.%" PRId64 ".", t->id, t->time_s);
	hmac_begin(&h, key);
	hmac_add(&h, str_text(&head));
	hmac_add(&h, t->body);
	hmac_end(&h, sum);
	str_free(&head);
	str_puts(out, " v1,");
	base64_add((struct text){ (const char *)sum, sizeof sum }, out);
}

/* Adds the signature of each line that is not blank.  Returns what is wrong
 * with one; NULL: nothing. */
static const char *
signatures_add(
    struct text secrets, const struct signed_text *t, struct str *out)
{
	static const char blanks[] = " \t\r\n";
	const char *fault = NULL;
	size_t count = 0;

	for (size_t i = 0; i < secrets.len && fault == NULL;) {
		struct text line = { secrets.data + i, 0 };
		struct str key = { 0 };

		while (i + line.len < secrets.len &&
		       memchr(blanks, line.data[line.len], sizeof blanks - 1) ==
			   NULL)
			line.len++;
		i += line.len + 1;
		if (line.len == 0)
			continue;
		fault = count++ < SIGNATURES_MAX ? key_add(line, &key)
		                                 : "holds more than 8";
		if (fault == NULL)
			signature_add(str_text(&key), t, out);
		str_free(&key);
	}
	return fault == NULL && count == 0 ? "is empty" : fault;
}

static int
signed_header_add(const struct webhook *w, const struct signed_text *t,
    struct str *out, struct err *err)
{
	struct str secrets = { 0 };
	const char *fault;
	int ret = -1;

	str_puts(out, "webhook-signature:");
	if (secret_get(&w->secret, &secrets, err) != 0)
		goto out;
	fault = signatures_add(str_text(&secrets), t, out);
	if (fault == NULL)
		ret = 0;
	else if (w->secret.file != NULL)
		err_set(err, "the secret in %s %s", w->secret.file, fault);
	else
		err_set(err, "its secret %s", fault);
out:
	str_free(&secrets);
	return ret;
}

static void
webhook_secret_read(struct webhook *w, const struct node *n)
{
	static const struct signed_text none = { "", 0, { NULL, 0 } };
	struct str out = { 0 };
	const char *fault = NULL;

	secret_read(n, "secret", "secret_file", &w->secret);
	if (w->secret.text != NULL && w->secret.text[0] != '\0')
		fault = signatures_add(text_of(w->secret.text), &none, &out);
	if (fault != NULL)
		node_error(node_get(n, "secret"), "the secret %s", fault);
	str_free(&out);
}

/* Settings. */

static void
body_read(struct webhook *w, const struct node *n)
{
	const char *text;
	size_t offset = 0;
	struct err err;

	if (!node_text(n, &text))
		return;
	w->body = template_parse(text_of(text), &offset, &err);
	if (w->body == NULL)
		node_error_at(n, offset, "body: %s", err.text);
}

static void *
webhook_read(const struct node *n, bool *disabled)
{
	struct webhook *w = mem_new(1, sizeof *w);

	node_keys(n, webhook_keys, synonyms, "webhook");
	address_read(n, webhook_keys, &w->address, disabled);
	headers_read(w, node_get(n, "headers"));
	body_read(w, node_get(n, "body"));
	webhook_secret_read(w, n);
	return w;
}

static void
webhook_free(void *settings)
{
	struct webhook *w = settings;

	if (w == NULL)
		return;
	address_clear(&w->address);
	for (size_t i = 0; i < w->header_count; i++)
		free(w->headers[i]);
	template_free(w->body);
	secret_clear(&w->secret);
	free(w);
}

static const struct template *
webhook_template(const void *settings)
{
	const struct webhook *w = settings;

	return w->body;
}

/* Bodies. */

struct values {
	const json_t *record;
	struct str scratch;
};

static void
duration_add(const json_t *record, struct str *out)
{
	static const char *const ends[] = { "resolved_at", "last_seen", NULL };
	const char *first =
	    json_string_value(json_object_get(record, "first_seen"));
	int64_t from, to;

	if (first == NULL || !when_read(first, &from))
		return;
	for (size_t i = 0; ends[i] != NULL; i++) {
		const char *end =
		    json_string_value(json_object_get(record, ends[i]));
		char text[WHEN_SIZE];

		if (end == NULL || !when_read(end, &to))
			continue;
		str_puts(out, duration_write(to > from ? to - from : 0, text));
		return;
	}
}

/* A capture, a label, or one of the record's own members. */
static struct text
value_of(const char *name, void *ctx)
{
	struct values *v = ctx;
	const json_t *capture =
	    json_object_get(json_object_get(v->record, "captures"), name);
	bool told = message_tells(v->record, name);
	const json_t *value = told ? NULL : capture;

	str_clear(&v->scratch);
	if (value == NULL)
		value =
		    json_object_get(json_object_get(v->record, "labels"), name);
	if (value == NULL)
		value = json_object_get(v->record, name);
	if (value == NULL)
		value = capture;
	if (value != NULL)
		message_value(value, &v->scratch);
	else if (strcmp(name, "duration") == 0)
		duration_add(v->record, &v->scratch);
	return str_text(&v->scratch);
}

/* As within the quotes of a JSON string. */
static void
json_escape(struct text value, struct str *out)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (c == '"' || c == '\\')
			str_putc(out, '\\');
		if (c == '\n')
			str_puts(out, "\\n");
		else if (c < ' ' || c == 0x7f)
			str_printf(out, "\\u%04x", c);
		else
			str_putc(out, (char)c);
	}
}

static char *
webhook_body(const void *settings, const json_t *record)
{
	const struct webhook *w = settings;
	struct values values = { .record = record };
	struct str body = { 0 };

	if (w->body == NULL)
		return mem_check(json_dumps(record, JSON_COMPACT));
	template_write(w->body, value_of, &values, json_escape, &body);
	str_free(&values.scratch);
	return str_take(&body);
}

static char *
webhook_plain_body(const void *settings, const json_t *record)
{
	(void)settings;
	(void)record;
	return NULL;
}

static int
webhook_request(const void *settings, const char *delivery_id, struct text body,
    int64_t wall_ms, struct request *out, struct err *err)
{
	const struct webhook *w = settings;
	const struct signed_text t = { delivery_id, wall_ms / 1000, body };
	const char *headers[HEADERS_MAX + 5] = { 0 };
	struct str id = { 0 }, timestamp = { 0 }, signature = { 0 };
	size_t n = 0;
	char *url = address_url(&w->address, err);
	int ret = -1;

	if (url == NULL)
		return -1;
	str_printf(&id, "webhook-id: %s", delivery_id);
	str_printf(&timestamp, "webhook-timestamp: %" PRId64, t.time_s);
	headers[n++] = id.data;
	headers[n++] = timestamp.data;
	if (secret_is_set(&w->secret)) {
		if (signed_header_add(w, &t, &signature, err) != 0)
			goto out;
		headers[n++] = signature.data;
	}
	if (!w->typed)
		headers[n++] = "Content-Type: application/json; charset=utf-8";
	for (size_t i = 0; i < w->header_count; i++)
		headers[n++] = w->headers[i];
	request_set(out, url, headers);
	url = NULL;
	ret = 0;
out:
	free(url);
	str_free(&id);
	str_free(&timestamp);
	str_free(&signature);
	return ret;
}

static enum verdict
webhook_judge(
    const void *settings, const struct fetch_end *end, struct err *err)
{
	(void)settings;
	return receiver_judge(end, err);
}

const struct receiver webhook_receiver = {
	.name = "webhook",
	.read = webhook_read,
	.free_settings = webhook_free,
	.body = webhook_body,
	.plain_body = webhook_plain_body,
	.request = webhook_request,
	.judge = webhook_judge,
	.body_template = webhook_template,
	.timeout_ms = receiver_timeout_ms,
	.ca_file = receiver_ca_file,
};
