/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi interface: it says which sockets and which time-out to wait
 * for, the loop says when they come.
 */
#include "io/fetch.h"

#include "base/mem.h"
#include "io/libcurl.h"
#include "io/loop.h"
#include "io/mailer.h"
#include "io/timer.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>
#include <sys/queue.h>
#include <uv.h>

enum {
	ANSWER_MAX = 1 << 20,
	HEADERS_MAX = 64 << 10,
	RETRY_AFTER_MAX_MS = 3600 * 1000,
	CONNECTIONS_KEPT = 8,
	URL_MAX = 64 << 10,
};

struct fetcher {
	struct loop *loop;
	struct libcurl lib; /* loaded by the first fetch */
	CURLM *multi;       /* NULL until then */
	struct mailer *mailer;
	struct timer *timer; /* libcurl's only one */
	unsigned fetches;
	bool telling; /* keeps fetcher_free() from freeing */
	bool free;    /* its owner let go */
};

/* A socket of libcurl's, for as long as libcurl waits for it. */
struct watch {
	uv_poll_t uv;
	struct fetcher *fetcher;
	curl_socket_t socket;
	int events;
};

struct fetch {
	struct fetcher *fetcher;
	CURL *easy; /* NULL once it ended, and of a mail */
	struct mailing *mailing;
	struct curl_slist *headers;
	char *url;
	struct turn *refused; /* tells of a request that was never made */
	const char *why;      /* we gave it up; NULL: libcurl knows */
	struct err unloaded;  /* why there is no libcurl */
	char curl_words[CURL_ERROR_SIZE];
	struct str answer;
	size_t answer_max, answer_bytes, header_bytes;
	int64_t retry_after_ms, started_ms;
	fetch_end_fn *end;
	void *ctx;
};

/* What cannot fail but for want of memory, or by a bug. */
static void
check(bool ok)
{
	if (!ok)
		mem_check(NULL);
}

/* The header says it in seconds or as a date. */
static int64_t
read_retry_after(const struct libcurl *lib, const char *value)
{
	char *end;
	long long seconds;
	time_t date;

	value += strspn(value, " \t");
	errno = 0;
	seconds = strtoll(value, &end, 10); /* too many are LLONG_MAX */
	if (end == value || end[strspn(end, " \t\r\n")] != '\0') {
		date = lib->curl_getdate(value, NULL);
		if (date < 0)
			return -1;
		seconds = (long long)date - clock_wall_ms() / 1000;
	}
	if (seconds < 0)
		return 0;
	if (seconds > RETRY_AFTER_MAX_MS / 1000)
		return RETRY_AFTER_MAX_MS;
	return seconds * 1000;
}

static size_t
header_came(char *data, size_t size, size_t count, void *ctx)
{
	static const char name[] = "Retry-After:";
	struct fetch *f = ctx;
	size_t len = size * count;
	char *line;

	f->header_bytes += len;
	if (f->header_bytes > HEADERS_MAX) {
		f->why = "the answer's headers are longer than 64 KiB";
		return 0;
	}
	line = mem_copy(data, len);
	if (strncmp(line, "HTTP/", 5) == 0) /* a 100 may come before it */
		f->retry_after_ms = -1;
	else if (strncasecmp(line, name, sizeof name - 1) == 0)
		f->retry_after_ms =
		    read_retry_after(&f->fetcher->lib, line + sizeof name - 1);
	free(line);
	return len;
}

static size_t
answer_came(char *data, size_t size, size_t count, void *ctx)
{
	struct fetch *f = ctx;
	size_t len = size * count;
	size_t room = f->answer_max - f->answer.len;

	f->answer_bytes += len;
	if (f->answer_bytes > ANSWER_MAX) {
		f->why = "the answer is longer than 1 MiB";
		return 0;
	}
	str_add(&f->answer, data, len < room ? len : room);
	return len;
}

/* The part of a URL behind its host, "" where there is none. */
static const char *
behind_host(const char *url)
{
	const char *host = strstr(url, "//");

	host = host == NULL ? url : host + 2;
	return host + strcspn(host, "/?#");
}

/* Whether it may be shown: neither path nor query begins in it, which are
 * secrets with most receivers, nor may a user's name or password be in it. */
static bool
harmless(const char *words, const char *url)
{
	const char *tail = behind_host(url);
	char begin[8];

	if (memchr(url, '@', (size_t)(tail - url)) != NULL)
		return false;
	snprintf(begin, sizeof begin, "%s", tail);
	return strlen(begin) <= 1 || strstr(words, begin) == NULL;
}

static const char *
words_for(struct fetch *f, CURLcode code)
{
	if (f->why != NULL)
		return f->why;
	if (code == CURLE_URL_MALFORMAT || f->curl_words[0] == '\0' ||
	    !harmless(f->curl_words, f->url))
		return f->fetcher->lib.curl_easy_strerror(code);
	/* a server may have had its part in them */
	for (char *c = f->curl_words; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return f->curl_words;
}

/* Takes it out of libcurl's hands; what came of it stays. */
static void
fetch_close(struct fetch *f)
{
	const struct libcurl *lib = &f->fetcher->lib;

	if (f->easy != NULL) {
		lib->curl_multi_remove_handle(f->fetcher->multi, f->easy);
		lib->curl_easy_cleanup(f->easy);
	}
	f->easy = NULL;
	mailing_free(f->mailing);
	f->mailing = NULL;
	turn_free(f->refused);
	f->refused = NULL;
	if (f->headers != NULL)
		lib->curl_slist_free_all(f->headers);
	f->headers = NULL;
}

static void
fetch_tell(struct fetch *f, CURLcode code)
{
	struct fetch_end end = {
		.retry_after_ms = f->retry_after_ms,
		.duration_ms = clock_now_ms() - f->started_ms,
	};
	long status = 0;
	char words[CURL_ERROR_SIZE];

	if (code == CURLE_OK)
		f->fetcher->lib.curl_easy_getinfo(
		    f->easy, CURLINFO_RESPONSE_CODE, &status);
	end.status = (int)status;
	end.refused = f->refused != NULL;
	if (status == 0) {
		snprintf(words, sizeof words, "%s", words_for(f, code));
		end.error = words;
	}
	end.answer = str_text(&f->answer);
	fetch_close(f);
	f->end(&end, f->ctx);
}

static void
fetcher_destroy(struct fetcher *f)
{
	mailer_free(f->mailer);
	if (f->multi != NULL) {
		f->lib.curl_multi_cleanup(f->multi);
		f->lib.curl_global_cleanup();
	}
	libcurl_close(&f->lib);
	timer_free(f->timer);
	free(f);
}

/* Tells of all that ended.  A callback may free its fetch, others, and the
 * fetcher; each is looked up anew. */
static void
tell_ended(struct fetcher *f)
{
	CURLMsg *message;
	struct fetch *fetch;
	int left;

	f->telling = true;
	while (!f->free && (message = f->lib.curl_multi_info_read(
				f->multi, &left)) != NULL) {
		assert(message->msg == CURLMSG_DONE);
		f->lib.curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, &fetch);
		fetch_tell(fetch, message->data.result);
	}
	f->telling = false;
	if (f->free)
		fetcher_destroy(f);
}

/* On EPOLLERR libuv stops the handle and gives no events: libcurl then looks
 * for itself (a mask of 0), and may have bytes to read yet. */
static void
socket_came(uv_poll_t *uv, int status, int events)
{
	struct watch *w = uv->data;
	int mask = 0, running;

	if (status == 0 && (events & UV_READABLE))
		mask |= CURL_CSELECT_IN;
	if (status == 0 && (events & UV_WRITABLE))
		mask |= CURL_CSELECT_OUT;
	w->fetcher->lib.curl_multi_socket_action(
	    w->fetcher->multi, w->socket, mask, &running);
	if (status < 0 && !uv_is_closing((uv_handle_t *)&w->uv))
		uv_poll_start(&w->uv, w->events, socket_came);
	tell_ended(w->fetcher);
}

static void
watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watch *
watch_new(struct fetcher *f, curl_socket_t socket)
{
	struct watch *w = mem_new(1, sizeof *w);

	w->fetcher = f;
	w->socket = socket;
	w->uv.data = w;
	check(uv_poll_init_socket(loop_uv(f->loop), &w->uv, socket) == 0);
	f->lib.curl_multi_assign(f->multi, socket, w);
	return w;
}

/* libcurl: wait for this on that socket.  known is its struct watch. */
static int
socket_wanted(
    CURL *easy, curl_socket_t socket, int what, void *ctx, void *known)
{
	struct watch *w = known;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			uv_close((uv_handle_t *)&w->uv, watch_closed);
		return 0;
	}
	if (w == NULL)
		w = watch_new(ctx, socket);
	w->events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
	            (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	uv_poll_start(&w->uv, w->events, socket_came);
	return 0;
}

static void
time_came(void *ctx)
{
	struct fetcher *f = ctx;
	int running;

	f->lib.curl_multi_socket_action(
	    f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(f);
}

/* libcurl: call again in so much time.  0 is the next turn, for it must not be
 * called back from here. */
static int
time_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
	struct fetcher *f = ctx;

	(void)multi;
	if (timeout_ms < 0)
		timer_stop(f->timer);
	else
		timer_in(f->timer, timeout_ms);
	return 0;
}

struct fetcher *
fetcher_new(struct loop *l)
{
	struct fetcher *f = mem_new(1, sizeof *f);

	f->loop = l;
	return f;
}

void
fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	assert(f->fetches == 0);
	f->free = true;
	if (!f->telling)
		fetcher_destroy(f);
}

static int
fetcher_open(struct fetcher *f, struct err *err)
{
	const struct libcurl *lib = &f->lib;

	if (f->multi != NULL)
		return 0;
	libcurl_close(&f->lib); /* half loaded by the last try */
	if (libcurl_open(&f->lib, err) != 0)
		return -1;
	check(lib->curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	f->multi = mem_check(lib->curl_multi_init());
	f->mailer = mailer_new(f->loop, lib);
	f->timer = timer_new(f->loop, time_came, f);
	lib->curl_multi_setopt(
	    f->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	lib->curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	lib->curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, time_wanted);
	lib->curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	lib->curl_multi_setopt(
	    f->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	return 0;
}

static bool
has_controls(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	return false;
}

static bool
begins(const char *url, const char *scheme)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

static const char *
scheme_fault(const struct fetch_spec *spec)
{
	if (spec->mail != NULL) {
		if (!begins(spec->url, "smtp://") &&
		    !begins(spec->url, "smtps://"))
			return "the URL does not begin with smtp:// or "
			       "smtps://";
	} else if (!begins(spec->url, "http://") &&
		   !begins(spec->url, "https://")) {
		return "the URL does not begin with http:// or https://";
	}
	return NULL;
}

static const char *
mail_fault(const struct fetch_mail *mail)
{
	static const char fault[] = "an address has a line end or control "
				    "character in it";

	if (has_controls(mail->from))
		return fault;
	for (size_t i = 0; mail->to[i] != NULL; i++)
		if (has_controls(mail->to[i]))
			return fault;
	return NULL;
}

/* Why the request cannot be made as it was given; NULL: it can.  libcurl would
 * guess a scheme and ask the name server for what may be a secret; and it
 * passes line ends in headers and commands on. */
static const char *
spec_fault(const struct fetch_spec *spec)
{
	const char *fault = scheme_fault(spec);

	if (fault != NULL)
		return fault;
	if (strlen(spec->url) > URL_MAX)
		return "the URL is longer than 64 KiB";
	if (has_controls(spec->url))
		return "the URL has a line end or control character in it";
	for (size_t i = 0; spec->headers != NULL && spec->headers[i]; i++)
		if (has_controls(spec->headers[i]))
			return "a header has a line end or control character "
			       "in it";
	return spec->mail != NULL ? mail_fault(spec->mail) : NULL;
}

static void
add_header(struct fetch *f, const char *header)
{
	f->headers =
	    mem_check(f->fetcher->lib.curl_slist_append(f->headers, header));
}

static void
set_request(struct fetch *f, const struct fetch_spec *spec)
{
	const struct libcurl *lib = &f->fetcher->lib;
	CURL *easy = f->easy;

	for (size_t i = 0; spec->headers != NULL && spec->headers[i]; i++)
		add_header(f, spec->headers[i]);
	add_header(f, "Expect:"); /* none: it would cost a second's wait */
	check(lib->curl_easy_setopt(easy, CURLOPT_URL, spec->url) == CURLE_OK);
	lib->curl_easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
	lib->curl_easy_setopt(easy, CURLOPT_USERAGENT, "logwatch");
	if (spec->get) {
		lib->curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		return;
	}
	lib->curl_easy_setopt(easy, CURLOPT_POST, 1L);
	lib->curl_easy_setopt(
	    easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)spec->body.len);
	check(lib->curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
		  spec->body.data != NULL ? spec->body.data : "") == CURLE_OK);
}

static void
set_answer(struct fetch *f)
{
	const struct libcurl *lib = &f->fetcher->lib;

	lib->curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	lib->curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->curl_words);
	lib->curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, answer_came);
	lib->curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	lib->curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, header_came);
	lib->curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
}

static void
begin(struct fetch *f, const struct fetch_spec *spec)
{
	const struct libcurl *lib = &f->fetcher->lib;

	f->easy = mem_check(lib->curl_easy_init());
	libcurl_set_safety(lib, f->easy, "http,https", spec->ca_file);
	lib->curl_easy_setopt(
	    f->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	libcurl_set_times(lib, f->easy, spec->timeout_ms);
	set_request(f, spec);
	set_answer(f);
	check(
	    lib->curl_multi_add_handle(f->fetcher->multi, f->easy) == CURLM_OK);
}

static void
mailing_came(const struct fetch_end *end, void *ctx)
{
	struct fetch *f = ctx;
	struct fetch_end told = *end;

	told.duration_ms = clock_now_ms() - f->started_ms;
	f->end(&told, f->ctx);
}

static void
refusal_came(void *ctx)
{
	fetch_tell(ctx, CURLE_FAILED_INIT);
}

struct fetch *
fetch_begin(struct fetcher *f, const struct fetch_spec *spec, fetch_end_fn *end,
    void *ctx)
{
	struct fetch *fetch = mem_new(1, sizeof *fetch);

	f->fetches++;
	fetch->fetcher = f;
	fetch->url = mem_text(spec->url);
	fetch->answer_max = spec->answer_max;
	fetch->retry_after_ms = -1;
	fetch->started_ms = clock_now_ms();
	fetch->end = end;
	fetch->ctx = ctx;
	fetch->why = spec_fault(spec);
	if (fetch->why == NULL && fetcher_open(f, &fetch->unloaded) != 0)
		fetch->why = fetch->unloaded.text;
	if (fetch->why != NULL) {
		fetch->refused = turn_new(f->loop, refusal_came, fetch);
		turn_ask(fetch->refused);
	} else if (spec->mail != NULL) {
		fetch->mailing =
		    mailing_begin(f->mailer, spec, mailing_came, fetch);
	} else {
		begin(fetch, spec);
	}
	return fetch;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	fetch_close(f);
	f->fetcher->fetches--;
	str_free(&f->answer);
	free(f->url);
	free(f);
}
