/* SPDX-License-Identifier: MIT */
/*
 * Requests to a small server of ours on 127.0.0.1, which answers as bad
 * servers do: a thread for each connection, the path says what is wanted.
 */
#include "io/fetch.h"

#include "base/mem.h"
#include "io/child.h"
#include "io/loop.h"
#include "io/timer.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { DEADLINE_MS = 10000, CONNECTIONS_MAX = 64 };

/* The server.  What a thread of it leaves is read after it is joined. */
struct server {
	int listener, port;
	int stop[2]; /* closed to end those who hang */
	pthread_t acceptor;
	pthread_t threads[CONNECTIONS_MAX];
	atomic_size_t connections;
	pthread_mutex_t lock;
	struct str request; /* the last one: head and body */
	size_t head;        /* bytes of its head */
	atomic_int waiting; /* requests to /pair */
};

struct connection {
	struct server *server;
	int fd;
};

/* Waits until the test is over or the peer is gone. */
static void
hang(struct connection *c)
{
	struct pollfd fds[] = { { .fd = c->server->stop[0], .events = POLLIN },
		{ .fd = c->fd, .events = POLLRDHUP } };

	poll(fds, 2, -1);
}

static bool
stopping(struct connection *c, int timeout_ms)
{
	struct pollfd fd = { .fd = c->server->stop[0], .events = POLLIN };

	return poll(&fd, 1, timeout_ms) != 0;
}

/* Returns false where the peer is gone. */
static bool
say(struct connection *c, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
puts_to(struct connection *c, const char *text)
{
	return say(c, text, strlen(text));
}

/* Reads a request into r.  Returns the length of its head, 0 where none came.
 */
static size_t
read_request(struct connection *c, struct str *r)
{
	size_t head = 0, body = 0;

	str_clear(r);
	while (head == 0 || r->len < head + body) {
		ssize_t n = recv(c->fd, str_reserve(r, 65536), 65536, 0);
		const char *end, *length;

		if (n <= 0)
			return 0;
		r->len += (size_t)n;
		r->data[r->len] = '\0';
		end = head == 0 ? strstr(r->data, "\r\n\r\n") : NULL;
		if (end == NULL)
			continue;
		head = (size_t)(end - r->data) + 4;
		length = strstr(r->data, "Content-Length: ");
		if (length != NULL)
			body = (size_t)strtoul(length + 16, NULL, 10);
	}
	return head;
}

static void
reset(struct connection *c)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void
answer_retry_after(struct connection *c, const char *value)
{
	struct str answer = { 0 };

	str_printf(&answer,
	    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: %s\r\n"
	    "Content-Length: 0\r\n\r\n",
	    value);
	say(c, answer.data, answer.len);
	str_free(&answer);
}

/* Writes the same for as long as it is taken, at most max bytes. */
static bool
repeat(struct connection *c, const char *text, size_t max)
{
	size_t done = 0;

	while (done < max && puts_to(c, text))
		done += strlen(text);
	return done >= max;
}

#define BLOCK "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
trickle(struct connection *c)
{
	while (!stopping(c, 20) && puts_to(c, "x"))
		;
}

static void
answer_when_two_wait(struct connection *c)
{
	c->server->waiting++;
	while (c->server->waiting < 2 && !stopping(c, 5))
		;
	puts_to(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npair");
}

static void
retry_as_path_says(struct connection *c)
{
	char value[64] = "";

	sscanf(c->server->request.data, "POST /retry=%63s", value);
	answer_retry_after(c, value);
}

static void
retry_as_body_says(struct connection *c)
{
	answer_retry_after(c, c->server->request.data + c->server->head);
}

static void
repeat_a_megabyte(struct connection *c)
{
	repeat(c, BLOCK, 1 << 20);
}

static void
repeat_for_ever(struct connection *c)
{
	repeat(c, BLOCK, SIZE_MAX);
}

static void
repeat_header_for_ever(struct connection *c)
{
	repeat(c, "X: " BLOCK "\r\n", SIZE_MAX);
}

static void
continue_for_ever(struct connection *c)
{
	repeat(c, "HTTP/1.1 100 Continue\r\n\r\n", SIZE_MAX);
}

#define HEAD(length) "HTTP/1.1 200 OK\r\nContent-Length: " #length "\r\n\r\n"
#define SAY(literal) literal, sizeof(literal) - 1

/* What a path means.  Without a length the connection is the answer's end. */
static const struct {
	const char *path;
	const char *text;
	size_t len;
	void (*then)(struct connection *c);
	bool more; /* the connection stays */
} pages[] = {
	{ "/ok", SAY(HEAD(2) "ok"), NULL, true },
	{ "/nul", SAY(HEAD(3) "a\0b"), NULL, true },
	{ "/fail", SAY("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops"),
	    NULL, true },
	{ "/moved",
	    SAY("HTTP/1.1 302 Found\r\nLocation: /ok\r\n"
		"Content-Length: 0\r\n\r\n"),
	    NULL, true },
	{ "/continued",
	    SAY("HTTP/1.1 100 Continue\r\nRetry-After: 7\r\n\r\n" HEAD(2) "ok"),
	    NULL, true },
	{ "/retry=", "", 0, retry_as_path_says, false },
	{ "/retry-date", "", 0, retry_as_body_says, false },
	{ "/hang", "", 0, hang, false },
	{ "/half-head", SAY("HTTP/1.1 200 OK\r\nContent-"), hang, false },
	{ "/slow", SAY(HEAD(100000)), trickle, false },
	{ "/garbage", SAY("\x16\x03\x01 hello /garbage?secret\r\n\r\n"), NULL,
	    false },
	{ "/chunks",
	    SAY("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
	    NULL, false },
	{ "/long", SAY("HTTP/1.1 200 OK\r\n\r\n"), repeat_a_megabyte, false },
	{ "/huge", SAY("HTTP/1.1 200 OK\r\n\r\n"), repeat_for_ever, false },
	{ "/headers", SAY("HTTP/1.1 200 OK\r\n"), repeat_header_for_ever,
	    false },
	{ "/for-ever-continued", "", 0, continue_for_ever, false },
	{ "/reset", SAY(HEAD(100) "x"), reset, false },
	{ "/cut", SAY(HEAD(100) "x"), NULL, false },
	{ "/pair", "", 0, answer_when_two_wait, false },
};

/* Returns whether the connection may go on. */
static bool
answer(struct connection *c, const char *request)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		if (strncmp(request + strlen("POST "), pages[i].path,
			strlen(pages[i].path)) != 0)
			continue;
		if (say(c, pages[i].text, pages[i].len) &&
		    pages[i].then != NULL)
			pages[i].then(c);
		return pages[i].more;
	}
	return false;
}

static void *
serve(void *ctx)
{
	struct connection *c = ctx;
	struct str request = { 0 };
	size_t head;
	bool more = true;

	while (more && (head = read_request(c, &request)) > 0) {
		pthread_mutex_lock(&c->server->lock);
		str_clear(&c->server->request);
		str_add_text(&c->server->request, str_text(&request));
		c->server->head = head;
		pthread_mutex_unlock(&c->server->lock);
		more = answer(c, request.data);
	}
	close(c->fd);
	str_free(&request);
	free(c);
	return NULL;
}

static void *
accept_all(void *ctx)
{
	struct server *s = ctx;
	int fd;

	while (s->connections < CONNECTIONS_MAX &&
	       (fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct connection *c = mem_new(1, sizeof *c);

		c->server = s;
		c->fd = fd;
		pthread_create(&s->threads[s->connections], NULL, serve, c);
		s->connections++;
	}
	return NULL;
}

static int
listen_somewhere(int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&address, &len);
	*port = ntohs(address.sin_port);
	return fd;
}

static void
server_start(struct server *s)
{
	*s = (struct server){ .lock = PTHREAD_MUTEX_INITIALIZER };
	assert_int_equal(pipe(s->stop), 0);
	s->listener = listen_somewhere(&s->port);
	pthread_create(&s->acceptor, NULL, accept_all, s);
}

/* After all clients are gone. */
static void
server_stop(struct server *s)
{
	close(s->stop[1]);
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	for (size_t i = 0; i < s->connections; i++)
		pthread_join(s->threads[i], NULL);
	close(s->listener);
	close(s->stop[0]);
	str_free(&s->request);
}

/* The name server that answers no more, as libcurl's resolver thread meets it;
 * closing the pipe lets it go. */
static int resolver_pipe[2];
static atomic_int resolving, resolved;

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **result)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);
	char c;

	if (node != NULL && strcmp(node, "hangs.test") == 0) {
		resolving++;
		while (read(resolver_pipe[0], &c, 1) < 0 && errno == EINTR)
			;
		resolved++;
		return EAI_AGAIN;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, result);
}

/* A loop, a fetcher, and what was told of the last fetch. */
struct world {
	struct server server;
	struct loop *loop;
	struct timer *deadline;
	struct fetcher *fetcher;
	struct fetch *fetch, *other;
	int ends, wanted;
	bool free_at_end;
	int status;
	char error[512];
	struct str answer;
	int64_t retry_after_ms, duration_ms;
};

static void
too_late(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came in time");
}

static int
world_new(void **state)
{
	static struct world world;

	world = (struct world){ .loop = loop_new(), .wanted = 1 };
	server_start(&world.server);
	world.deadline = timer_new(world.loop, too_late, NULL);
	world.fetcher = fetcher_new(world.loop);
	*state = &world;
	return 0;
}

static int
world_free(void **state)
{
	struct world *w = *state;

	fetch_free(w->fetch);
	fetch_free(w->other);
	fetcher_free(w->fetcher);
	timer_free(w->deadline);
	loop_free(w->loop);
	server_stop(&w->server);
	str_free(&w->answer);
	return 0;
}

static void
end_came(const struct fetch_end *end, void *ctx)
{
	struct world *w = ctx;

	assert_non_null(w->fetch); /* not from within fetch_begin() */
	assert_true((end->status == 0) == (end->error != NULL));
	w->status = end->status;
	snprintf(w->error, sizeof w->error, "%s",
	    end->error != NULL ? end->error : "");
	str_clear(&w->answer);
	str_add_text(&w->answer, end->answer);
	w->retry_after_ms = end->retry_after_ms;
	w->duration_ms = end->duration_ms;
	if (w->free_at_end) {
		fetch_free(w->fetch);
		w->fetch = NULL;
		fetcher_free(w->fetcher);
		w->fetcher = NULL;
	}
	if (++w->ends == w->wanted)
		loop_stop(w->loop);
}

static void
run(struct world *w)
{
	timer_in(w->deadline, DEADLINE_MS);
	loop_run(w->loop);
	timer_stop(w->deadline);
}

static struct fetch_spec
spec_of(const char *url)
{
	return (struct fetch_spec){ .url = url,
		.body = TEXT("{}"),
		.timeout_ms = DEADLINE_MS,
		.answer_max = 1000 };
}

static void
post_spec(struct world *w, const struct fetch_spec *spec)
{
	fetch_free(w->fetch);
	w->fetch = NULL;
	w->ends = 0;
	w->fetch = fetch_begin(w->fetcher, spec, end_came, w);
	assert_non_null(w->fetch);
	run(w);
	assert_int_equal(w->ends, w->wanted);
}

#define URL_SIZE 256

static const char *
url_of(const struct world *w, const char *path, char out[static URL_SIZE])
{
	snprintf(out, URL_SIZE, "http://127.0.0.1:%d%s", w->server.port, path);
	return out;
}

static void
post(struct world *w, const char *path)
{
	char url[URL_SIZE];
	struct fetch_spec spec = spec_of(url_of(w, path, url));

	post_spec(w, &spec);
}

static void
post_within(struct world *w, const char *path, int64_t timeout_ms)
{
	char url[URL_SIZE];
	struct fetch_spec spec = spec_of(url_of(w, path, url));

	spec.timeout_ms = timeout_ms;
	post_spec(w, &spec);
}

static void
assert_answer(const struct world *w, int status, const char *data, size_t len)
{
	assert_string_equal(w->error, "");
	assert_int_equal(w->status, status);
	assert_int_equal(w->answer.len, len);
	if (len > 0)
		assert_memory_equal(w->answer.data, data, len);
}

static void
assert_error(const struct world *w, const char *words)
{
	assert_int_equal(w->status, 0);
	if (strstr(w->error, words) == NULL)
		fail_msg("got '%s', wanted '%s'", w->error, words);
	for (const char *c = w->error; *c != '\0'; c++)
		assert_in_range(*c, ' ', '~');
	assert_null(strstr(w->error, "secret"));
}

static void
an_answer_is_told_with_its_status(void **state)
{
	static const struct {
		const char *path;
		int status;
		struct text answer;
	} cases[] = {
		{ "/ok", 200, { "ok", 2 } },
		{ "/nul", 200, { "a\0b", 3 } },
		{ "/fail", 500, { "oops", 4 } },
		{ "/moved", 302, { "", 0 } },
		{ "/continued", 200, { "ok", 2 } },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		post(w, cases[i].path);
		assert_answer(w, cases[i].status, cases[i].answer.data,
		    cases[i].answer.len);
		assert_int_equal(w->retry_after_ms, -1);
		assert_in_range(w->duration_ms, 0, DEADLINE_MS);
	}
}

static void
a_redirect_is_not_followed(void **state)
{
	struct world *w = *state;

	post(w, "/moved");
	assert_int_equal(w->status, 302);
	assert_int_equal(w->server.connections, 1);
	assert_non_null(strstr(w->server.request.data, "/moved"));
}

static void
the_request_is_what_was_asked_for_and_no_more(void **state)
{
	enum { SIZE = 1200000 };
	struct world *w = *state;
	const char *const headers[] = { "Content-Type: application/json",
		"X-Key: a b", NULL };
	char url[URL_SIZE], expected[512];
	char *body = mem_new(1, SIZE);
	struct fetch_spec spec = spec_of(url_of(w, "/ok?a=b", url));

	for (size_t i = 0; i < SIZE; i++)
		body[i] = (char)i; /* NUL too */
	spec.headers = headers;
	spec.body = (struct text){ body, SIZE };
	post_spec(w, &spec);
	assert_answer(w, 200, "ok", 2);
	snprintf(expected, sizeof expected,
	    "POST /ok?a=b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
	    "User-Agent: logwatch\r\nAccept: */*\r\n"
	    "Content-Type: application/json\r\nX-Key: a b\r\n"
	    "Content-Length: 1200000\r\n\r\n",
	    w->server.port);
	assert_int_equal(w->server.head, strlen(expected));
	assert_memory_equal(w->server.request.data, expected, strlen(expected));
	assert_int_equal(w->server.request.len, w->server.head + SIZE);
	assert_memory_equal(
	    w->server.request.data + w->server.head, body, SIZE);
	free(body);
}

static void
an_empty_body_is_sent_as_one(void **state)
{
	struct world *w = *state;
	char url[URL_SIZE];
	struct fetch_spec spec = spec_of(url_of(w, "/ok", url));

	spec.body = (struct text){ NULL, 0 };
	post_spec(w, &spec);
	assert_answer(w, 200, "ok", 2);
	assert_non_null(
	    strstr(w->server.request.data, "Content-Length: 0\r\n"));
}

static void
what_the_environment_says_about_proxies_is_not_asked(void **state)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	post(*state, "/ok");
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_answer(*state, 200, "ok", 2);
}

static void
a_connection_is_used_again(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++)
		post(w, i == 2 ? "/fail" : "/ok");
	assert_int_equal(w->server.connections, 1);
}

static void
after_an_answer_the_loop_waits_without_a_deadline(void **state)
{
	struct world *w = *state;

	post(w, "/ok");
	uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
	uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
	assert_int_equal(uv_backend_timeout(loop_uv(w->loop)), -1);
}

static void
retry_after_is_read_in_seconds_and_bounded(void **state)
{
	static const struct {
		const char *value;
		int64_t ms;
	} cases[] = {
		{ "0", 0 },
		{ "1", 1000 },
		{ "120", 120000 },
		{ "3600", 3600000 },
		{ "3601", 3600000 },
		{ "1000000000", 3600000 },
		{ "99999999999999999999999", 3600000 },
		{ "-5", 0 },
		{ "-99999999999999999999999", 0 },
		{ "soon", -1 },
		{ "1x", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world *w = *state;
		char path[64];

		snprintf(path, sizeof path, "/retry=%s", cases[i].value);
		post(w, path);
		assert_string_equal(w->error, "");
		assert_int_equal(w->status, 429);
		if (w->retry_after_ms != cases[i].ms)
			fail_msg("'%s' became %lld", cases[i].value,
			    (long long)w->retry_after_ms);
	}
}

static void
retry_after_is_read_as_a_date_and_bounded(void **state)
{
	static const struct {
		int in_s;
		int64_t min_ms, max_ms;
	} cases[] = {
		{ 90, 80000, 90000 },
		{ -90, 0, 0 },
		{ 86400, 3600000, 3600000 },
		{ -900000000, 0, 0 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		time_t then = clock_wall_ms() / 1000 + cases[i].in_s;
		char url[URL_SIZE], date[64];
		struct fetch_spec spec = spec_of(url_of(w, "/retry-date", url));

		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
		    gmtime(&then));
		spec.body = text_of(date);
		post_spec(w, &spec);
		assert_int_equal(w->status, 429);
		assert_true(w->retry_after_ms >= cases[i].min_ms);
		assert_true(w->retry_after_ms <= cases[i].max_ms);
	}
}

static void
of_a_long_answer_the_beginning_is_kept(void **state)
{
	struct world *w = *state;

	post(w, "/long");
	assert_int_equal(w->status, 200);
	assert_int_equal(w->answer.len, 1000);
	assert_memory_equal(w->answer.data, BLOCK, strlen(BLOCK));
}

static void
what_is_no_answer_is_an_error(void **state)
{
	static const struct {
		const char *path, *error;
	} cases[] = {
		{ "/huge?secret", "the answer is longer than 1 MiB" },
		{ "/headers?secret", "headers are longer than 64 KiB" },
		{ "/for-ever-continued", "headers are longer than 64 KiB" },
		{ "/garbage?secret", "Received HTTP/0.9 when not allowed" },
		{ "/chunks?secret", "" },
		{ "/reset?secret", "Recv failure: Connection reset by peer" },
		{ "/cut?secret", "transfer closed with 99 bytes remaining" },
		{ "/closed?secret", "Empty reply from server" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		post(w, cases[i].path);
		assert_error(w, cases[i].error);
		assert_true(w->error[0] != '\0');
	}
	post(w, "/ok");
	assert_answer(w, 200, "ok", 2);
}

static void
who_takes_too_long_is_given_up(void **state)
{
	static const char *const paths[] = { "/hang?secret",
		"/half-head?secret", "/slow?secret" };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		post_within(w, paths[i], 200);
		assert_error(w, "timed out after 2");
		assert_in_range(w->duration_ms, 200, DEADLINE_MS);
	}
}

static void
a_name_that_is_never_resolved_holds_nobody_up(void **state)
{
	struct world *w = *state;
	struct fetch_spec spec = spec_of("http://hangs.test/secret");

	assert_int_equal(pipe(resolver_pipe), 0);
	spec.timeout_ms = 200;
	post_spec(w, &spec);
	assert_error(w, "Resolving timed out after 2");
	fetch_free(w->fetch);
	spec.timeout_ms = DEADLINE_MS;
	w->fetch = fetch_begin(w->fetcher, &spec, end_came, w);
	while (resolving < 2)
		uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
	fetch_free(w->fetch); /* would wait for ever if it waited */
	w->fetch = NULL;
	fetcher_free(w->fetcher);
	w->fetcher = NULL;
	assert_int_equal(resolved, 0);
	close(resolver_pipe[1]);
	while (resolved < 2)
		usleep(1000);
	usleep(50000); /* its threads free what is theirs, unseen */
	close(resolver_pipe[0]);
}

static void
a_refused_connection_is_an_error(void **state)
{
	struct world *w = *state;
	char url[URL_SIZE] = "";
	struct fetch_spec spec = spec_of(url);
	int port;

	close(listen_somewhere(&port));
	snprintf(url, sizeof url, "http://127.0.0.1:%d/secret", port);
	post_spec(w, &spec);
	assert_error(w, "Failed to connect to 127.0.0.1 port");
}

static void
a_request_that_cannot_be_made_is_an_error(void **state)
{
	static const struct {
		const char *url, *error;
	} cases[] = {
		{ "secret-token", "does not begin with http:// or https://" },
		{ "", "does not begin with http:// or https://" },
		{ "file:///etc/secret", "does not begin with http://" },
		{ "gopher://127.0.0.1/secret", "does not begin with http://" },
		{ "httpx://secret", "does not begin with http://" },
		{ "http://127.0.0.1/secret\n", "the URL has a line end" },
		{ "http:///", "" },
		{ "http://", "" },
		{ "https://127.0.0.1:secret/", "" },
		{ "https://127.0.0.1:99999/secret", "" },
		{ "http://127.0.0.1 secret/", "" },
		{ "http://[::1/secret", "" },
		{ "http://user:secret@[/", "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fetch_spec spec = spec_of(cases[i].url);

		post_spec(w, &spec);
		assert_error(w, cases[i].error);
		assert_true(w->error[0] != '\0');
	}
}

static void
a_header_cannot_smuggle_in_another(void **state)
{
	struct world *w = *state;
	const char *const headers[] = { "X-Key: secret\r\nX-Other: 1", NULL };
	char url[URL_SIZE];
	struct fetch_spec spec = spec_of(url_of(w, "/ok", url));

	spec.headers = headers;
	post_spec(w, &spec);
	assert_error(w, "a header has a line end or control character in it");
	assert_int_equal(w->server.connections, 0);
}

static void
two_requests_run_side_by_side(void **state)
{
	struct world *w = *state;
	char url[URL_SIZE];
	struct fetch_spec spec = spec_of(url_of(w, "/pair", url));

	w->wanted = 2;
	w->other = fetch_begin(w->fetcher, &spec, end_came, w);
	post_spec(w, &spec);
	assert_answer(w, 200, "pair", 4);
}

static void
a_request_given_up_tells_nothing(void **state)
{
	struct world *w = *state;
	char url[URL_SIZE];
	struct fetch_spec spec = spec_of(url_of(w, "/hang", url));

	w->other = fetch_begin(w->fetcher, &spec, end_came, w);
	post(w, "/ok");
	fetch_free(w->other);
	w->other = fetch_begin(w->fetcher, &spec, end_came, w);
	fetch_free(w->other);
	spec.url = "nonsense";
	w->other = fetch_begin(w->fetcher, &spec, end_came, w);
	fetch_free(w->other);
	w->other = NULL;
	post(w, "/ok");
	assert_int_equal(w->ends, 1);
}

static void
all_may_be_freed_when_the_end_is_told(void **state)
{
	struct world *w = *state;

	w->free_at_end = true;
	post(w, "/ok");
	assert_null(w->fetcher);
	w->fetcher = fetcher_new(w->loop);
	post(w, "/cut");
	assert_null(w->fetcher);
}

static void
a_fetcher_that_never_fetched_costs_nothing(void **state)
{
	struct world *w = *state;

	uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
	assert_int_equal(uv_backend_timeout(loop_uv(w->loop)), -1);
	fetch_free(NULL);
	fetcher_free(NULL);
}

/* openssl's test server, on a port that it chooses and prints. */
struct tls {
	struct world *world;
	struct child *child;
	char dir[64], key[96], certificate[96];
	int port;
};

static void
tls_line(struct text line, void *ctx)
{
	struct tls *t = ctx;
	static const char said[] = "ACCEPT 127.0.0.1:";

	if (line.len < sizeof said ||
	    memcmp(line.data, said, sizeof said - 1) != 0)
		return;
	for (size_t i = sizeof said - 1; i < line.len; i++)
		t->port = t->port * 10 + (line.data[i] - '0');
	loop_stop(t->world->loop);
}

static void
tls_end(const struct child_end *end, void *ctx)
{
	struct tls *t = ctx;

	(void)end;
	loop_stop(t->world->loop);
}

static bool
tls_run(struct tls *t, const char *const *argv)
{
	struct child_spec spec = { .argv = argv,
		.envp = (const char *const[]){ "PATH=/usr/bin:/bin", NULL },
		.timeout_ms = DEADLINE_MS,
		.grace_ms = 1000,
		.output_max = 100 };
	struct err err;

	child_free(t->child);
	t->child =
	    child_start(t->world->loop, &spec, tls_end, tls_line, t, &err);
	if (t->child == NULL)
		return false;
	child_feed(t->child, TEXT(""));
	run(t->world);
	return true;
}

/* Returns false where there is no openssl here. */
static bool
tls_start(struct tls *t)
{
	strcpy(t->dir, "/tmp/test_fetch.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->key, sizeof t->key, "%s/key", t->dir);
	snprintf(t->certificate, sizeof t->certificate, "%s/crt", t->dir);
	if (!tls_run(
		t, (const char *const[]){ "openssl", "req", "-x509", "-newkey",
		       "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		       "-keyout", t->key, "-out", t->certificate, "-days", "2",
		       "-subj", "/CN=here", "-addext",
		       "subjectAltName=IP:127.0.0.1", NULL }))
		return false;
	tls_run(t, (const char *const[]){ "openssl", "s_server", "-accept",
		       "127.0.0.1:0", "-key", t->key, "-cert", t->certificate,
		       "-www", NULL });
	assert_int_not_equal(t->port, 0);
	return true;
}

static void
tls_stop(struct tls *t)
{
	if (t->port != 0) {
		kill(child_pid(t->child), SIGKILL);
		run(t->world);
	}
	child_free(t->child);
	unlink(t->key);
	unlink(t->certificate);
	rmdir(t->dir);
}

static void
a_certificate_is_always_verified(void **state)
{
	struct world *w = *state;
	struct tls tls = { .world = w };
	char url[URL_SIZE] = "";
	struct fetch_spec spec = spec_of(url);

	if (!tls_start(&tls)) {
		tls_stop(&tls);
		skip();
	}
	snprintf(url, sizeof url, "https://127.0.0.1:%d/secret", tls.port);
	post_spec(w, &spec);
	assert_error(w, "SSL certificate problem: self-signed certificate");
	spec.ca_file = tls.certificate;
	spec.timeout_ms = 1000; /* s_server has no answer to POST */
	post_spec(w, &spec);
	assert_error(w, "with 0 bytes received");
	spec.timeout_ms = DEADLINE_MS;
	snprintf(url, sizeof url, "https://localhost:%d/secret", tls.port);
	post_spec(w, &spec);
	assert_error(w, "no alternative certificate subject name matches");
	spec.ca_file = tls.key;
	post_spec(w, &spec);
	assert_error(w, "certificate");
	spec.ca_file = "/nowhere/ca.pem";
	post_spec(w, &spec);
	assert_error(w, "/nowhere/ca.pem");
	tls_stop(&tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_new, world_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_told_with_its_status),
		TEST(a_redirect_is_not_followed),
		TEST(the_request_is_what_was_asked_for_and_no_more),
		TEST(an_empty_body_is_sent_as_one),
		TEST(what_the_environment_says_about_proxies_is_not_asked),
		TEST(a_connection_is_used_again),
		TEST(after_an_answer_the_loop_waits_without_a_deadline),
		TEST(retry_after_is_read_in_seconds_and_bounded),
		TEST(retry_after_is_read_as_a_date_and_bounded),
		TEST(of_a_long_answer_the_beginning_is_kept),
		TEST(what_is_no_answer_is_an_error),
		TEST(who_takes_too_long_is_given_up),
		TEST(a_name_that_is_never_resolved_holds_nobody_up),
		TEST(a_refused_connection_is_an_error),
		TEST(a_request_that_cannot_be_made_is_an_error),
		TEST(a_header_cannot_smuggle_in_another),
		TEST(two_requests_run_side_by_side),
		TEST(a_request_given_up_tells_nothing),
		TEST(all_may_be_freed_when_the_end_is_told),
		TEST(a_fetcher_that_never_fetched_costs_nothing),
		TEST(a_certificate_is_always_verified),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
