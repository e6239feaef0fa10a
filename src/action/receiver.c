/* SPDX-License-Identifier: MIT */
/*
 * The table of receivers, and what they have in common: where to send to, what
 * an answer means, what of it may be shown.
 */
#include "action/receiver.h"

#include "action/alertmanager.h"
#include "action/email.h"
#include "action/pagerduty.h"
#include "action/slack.h"
#include "action/teams.h"
#include "action/webhook.h"
#include "base/mem.h"
#include "base/url.h"
#include "base/utf8.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_MS 30000
#define TIMEOUT_MAX_MS 600000
#define SECRET_MAX 65536 /* bytes of a file: Workflows URLs are long */
#define QUOTE_MAX 200    /* characters of an answer that a reason shows */
#define HIDDEN_MIN 4     /* bytes of a part of a URL worth hiding */
#define SECRETS_MAX 256  /* parts of a request that are hidden */

const struct receiver *const receivers[] = {
	&slack_receiver,
	&teams_receiver,
	&webhook_receiver,
	&alertmanager_receiver,
	&pagerduty_receiver,
	&email_receiver,
	NULL,
};

const struct receiver *
receiver_find(const char *name)
{
	for (size_t i = 0; receivers[i] != NULL; i++)
		if (strcmp(receivers[i]->name, name) == 0)
			return receivers[i];
	return NULL;
}

/* URLs. */

bool
host_within(struct text host, const char *domain)
{
	size_t len = strlen(domain);

	if (host.len < len ||
	    strncasecmp(host.data + host.len - len, domain, len) != 0)
		return false;
	return host.len == len || host.data[host.len - len - 1] == '.';
}

/* Addresses. */

static void
url_read(const struct node *n, struct address *a, bool *disabled)
{
	const char *url;
	const char *fault;

	if (!node_text(n, &url))
		return;
	*disabled = url[0] == '\0';
	fault = *disabled ? NULL : url_fault(url);
	if (fault != NULL)
		node_error(n, "the url %s", fault);
	a->url = mem_text(url);
}

char *
secret_file_read(const struct node *n, bool *empty)
{
	const char *path;

	if (!node_text(n, &path))
		return NULL;
	if (path[0] == '\0')
		*empty = true;
	else if (access(path, R_OK) != 0)
		node_warning(n,
		    "cannot read %s now: %s; it is read again at "
		    "each send",
		    path, strerror(errno));
	return mem_text(path);
}

static void
ca_file_read(const struct node *n, struct address *a)
{
	const char *path;

	if (!node_text(n, &path) || path[0] == '\0')
		return;
	if (access(path, R_OK) != 0)
		node_error(n, "cannot read %s: %s", path, strerror(errno));
	a->ca_file = mem_text(path);
}

void
transport_read(const struct node *n, struct address *a)
{
	const struct node *timeout = node_get(n, "timeout");

	*a = (struct address){ .timeout_ms = TIMEOUT_MS };
	ca_file_read(node_get(n, "ca_file"), a);
	if (node_duration(timeout, 1000, &a->timeout_ms) &&
	    a->timeout_ms > TIMEOUT_MAX_MS)
		node_error(timeout, "at most 10m: what waits behind it waits "
				    "as long");
}

void
address_read(const struct node *n, const struct key *keys, struct address *a,
    bool *disabled)
{
	const struct node *url = node_get(n, "url");
	const struct node *url_file = node_get(n, "url_file");

	transport_read(n, a);
	*disabled = false;
	if (url != NULL && url_file != NULL)
		node_error(url_file, "either url or url_file, not both");
	else if (url_file == NULL && node_kind(n) == NODE_MAP &&
		 node_lacks(n, "url", keys))
		node_error(n, "needs a url or a url_file");
	url_read(url, a, disabled);
	a->url_file = secret_file_read(url_file, disabled);
}

void
address_clear(struct address *a)
{
	free(a->url);
	free(a->url_file);
	free(a->ca_file);
}

/* O_NONBLOCK, so that a FIFO in its place cannot hold up the loop. */
int
secret_file_get(const char *path, struct str *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;
	int ret = -1;

	if (fd < 0)
		return err_set(err, "open %s: %m", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err_set(err, "%s is not a regular file", path);
		goto out;
	}
	n = read(fd, str_reserve(out, SECRET_MAX), SECRET_MAX);
	if (n < 0) {
		err_set(err, "read %s: %m", path);
		goto out;
	}
	out->len += (size_t)n;
	while (out->len > 0 && isspace((unsigned char)out->data[out->len - 1]))
		out->len--;
	out->data[out->len] = '\0';
	ret = 0;
out:
	close(fd);
	return ret;
}

char *
address_url(const struct address *a, struct err *err)
{
	struct str url = { 0 };
	const char *fault;

	if (a->url_file == NULL) {
		if (a->url != NULL && a->url[0] != '\0')
			return mem_text(a->url);
		err_set(err, "its url is empty");
		return NULL;
	}
	if (secret_file_get(a->url_file, &url, err) != 0 || url.data == NULL)
		goto fail;
	fault = strlen(url.data) == url.len ? url_fault(url.data)
	                                    : "holds a NUL byte";
	if (fault == NULL)
		return str_take(&url);
	err_set(err, "the URL in %s %s", a->url_file, fault);
fail:
	str_free(&url);
	return NULL;
}

/* Secrets. */

static void
secret_check(const struct node *n, const char *key, const char *text)
{
	if (text != NULL && text[0] == '\0')
		node_error(n,
		    "'%s' is empty; where there is none, leave the key out",
		    key);
}

void
secret_read(const struct node *n, const char *key, const char *file_key,
    struct secret *s)
{
	const struct node *text = node_get(n, key);
	const struct node *file = node_get(n, file_key);
	const char *value;
	bool empty;

	*s = (struct secret){ 0 };
	if (text != NULL && file != NULL)
		node_error(file, "either %s or %s, not both", key, file_key);
	if (node_text(text, &value))
		s->text = mem_text(value);
	s->file = secret_file_read(file, &empty);
	secret_check(text, key, s->text);
	secret_check(file, file_key, s->file);
}

void
secret_clear(struct secret *s)
{
	free(s->text);
	free(s->file);
}

bool
secret_is_set(const struct secret *s)
{
	return s->text != NULL || s->file != NULL;
}

int
secret_get(const struct secret *s, struct str *out, struct err *err)
{
	if (s->file != NULL)
		return secret_file_get(s->file, out, err);
	str_puts(out, s->text != NULL ? s->text : "");
	return 0;
}

int64_t
receiver_timeout_ms(const void *settings)
{
	return ((const struct address *)settings)->timeout_ms;
}

const char *
receiver_ca_file(const void *settings)
{
	return ((const struct address *)settings)->ca_file;
}

/* Requests. */

void
request_set(struct request *r, char *url, const char *const *headers)
{
	size_t n = 0;

	while (headers[n] != NULL)
		n++;
	r->url = url;
	r->headers = mem_new(n + 1, sizeof *r->headers);
	for (size_t i = 0; i < n; i++)
		r->headers[i] = mem_text(headers[i]);
}

void
request_free(struct request *r)
{
	free(r->url);
	for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++)
		free(r->headers[i]);
	free(r->headers);
	free(r->body);
	free(r->mail);
	for (size_t i = 0; r->secrets != NULL && r->secrets[i] != NULL; i++)
		free(r->secrets[i]);
	free(r->secrets);
	*r = (struct request){ 0 };
}

struct secrets {
	struct text part[SECRETS_MAX];
	size_t count;
};

/* Adds the parts of text, which are divided by any of separators. */
static void
secrets_add(struct secrets *s, struct text text, const char *separators)
{
	size_t start = 0;

	for (size_t i = 0; text.data != NULL && i <= text.len; i++) {
		if (i < text.len && strchr(separators, text.data[i]) == NULL)
			continue;
		if (i - start >= HIDDEN_MIN && s->count < SECRETS_MAX)
			s->part[s->count++] =
			    (struct text){ text.data + start, i - start };
		start = i + 1;
	}
}

static void
secrets_of(const struct request *r, struct secrets *s)
{
	struct text host = url_host(r->url);

	s->count = 0;
	if (host.len > 0) {
		const char *user = strstr(r->url, "://") + 3;

		secrets_add(s, text_of(host.data + host.len), "/?&=;#");
		secrets_add(
		    s, (struct text){ user, (size_t)(host.data - user) }, ":@");
	}
	for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++) {
		const char *value = strchr(r->headers[i], ':');

		if (value != NULL)
			secrets_add(s, text_of(value + 1), " ,;");
	}
	for (size_t i = 0; r->secrets != NULL && r->secrets[i] != NULL; i++)
		secrets_add(s, text_of(r->secrets[i]), "");
}

/* Length of the longest secret that text starts with, or of what a cut left of
 * one at its end. */
static size_t
secret_at(const struct secrets *s, struct text text)
{
	size_t longest = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct text part = s->part[i];
		size_t len = part.len < text.len ? part.len : text.len;

		if (len > longest && len >= HIDDEN_MIN &&
		    memcmp(part.data, text.data, len) == 0)
			longest = len;
	}
	return longest;
}

void
request_hide(const struct request *r, struct text text, struct str *out)
{
	struct secrets secrets;

	secrets_of(r, &secrets);
	while (text.len > 0) {
		size_t hidden = secret_at(&secrets, text);
		size_t used = hidden > 0 ? hidden : 1;

		if (hidden > 0)
			str_puts(out, "***");
		else
			str_putc(out, text.data[0]);
		text.data += used;
		text.len -= used;
	}
}

/* Verdicts. */

/* The start of an answer as it may be shown: one line. */
static void
answer_quote(struct text answer, struct str *out)
{
	struct str shown = { 0 };
	struct text head;

	utf8_display(answer, &shown);
	for (size_t i = 0; i < shown.len; i++)
		if (shown.data[i] == '\n' || shown.data[i] == '\t')
			shown.data[i] = ' ';
	head = utf8_head(str_text(&shown), QUOTE_MAX);
	if (head.len > 0) {
		str_puts(out, ": ");
		str_add_text(out, head);
	}
	str_free(&shown);
}

static enum verdict
status_verdict(int status)
{
	if (status >= 200 && status <= 299)
		return VERDICT_SENT;
	if (status == 0 || status == 408 || status == 425 || status == 429 ||
	    status >= 500)
		return VERDICT_RETRY;
	return VERDICT_DEAD;
}

enum verdict
receiver_judge(const struct fetch_end *end, struct err *err)
{
	struct str answer = { 0 };

	if (end->status == 0) {
		err_set(
		    err, "%s", end->error != NULL ? end->error : "no answer");
		return VERDICT_RETRY;
	}
	answer_quote(end->answer, &answer);
	if (end->status >= 300 && end->status <= 399)
		err_set(err,
		    "answered %d, a redirect, which is not followed: "
		    "the url must be the final one",
		    end->status);
	else
		err_set(err, "answered %d%s", end->status,
		    answer.data != NULL ? answer.data : "");
	str_free(&answer);
	return status_verdict(end->status);
}
