/* SPDX-License-Identifier: MIT */
/*
 * The library keeps its descriptors in one epoll descriptor, which the loop
 * watches like any other.
 */
#include "serve/http.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "serve/libmicrohttpd.h"

#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_MICROHTTPD

#define TIMEOUT_S 30u /* that nothing comes on a connection */
#define CONNECTION_BYTES 32768u

struct http {
	struct loop *loop;
	int socket;
	struct on_readable *watch; /* of the socket, then of the library */
	struct timer *timer;
	struct turn *turn; /* more is to be done at once */
	struct libmicrohttpd lib;
	struct MHD_Daemon *daemon; /* NULL: nobody connected yet */
	http_fn *fn;
	void *ctx;
};

/** What came of a request so far. */
struct exchange {
	struct str body;
	bool too_large;
};

struct query {
	struct http *http;
	struct MHD_Connection *connection;
};

const char *
http_query(const struct http_request *request, const char *name)
{
	const struct query *q = request->query;

	return q->http->lib.MHD_lookup_connection_value(
	    q->connection, MHD_GET_ARGUMENT_KIND, name);
}

static uid_t
peer_of(struct http *h, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = h->lib.MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (info == NULL || getsockopt(info->connect_fd, SOL_SOCKET,
				SO_PEERCRED, &peer, &len) != 0)
		return (uid_t)-1;
	return peer.uid;
}

static enum MHD_Result
reply(struct http *h, struct MHD_Connection *connection,
    struct http_answer *answer)
{
	size_t len = answer->body.len;
	char *body = str_take(&answer->body);
	struct MHD_Response *response = h->lib.MHD_create_response_from_buffer(
	    len, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (response == NULL) {
		free(body);
		return MHD_NO;
	}
	h->lib.MHD_add_response_header(response, "Content-Type",
	    answer->type != NULL ? answer->type : "application/json");
	h->lib.MHD_add_response_header(response, "Cache-Control", "no-store");
	h->lib.MHD_add_response_header(
	    response, "X-Content-Type-Options", "nosniff");
	if (answer->allow != NULL)
		h->lib.MHD_add_response_header(
		    response, "Allow", answer->allow);
	result = h->lib.MHD_queue_response(
	    connection, (unsigned)answer->status, response);
	h->lib.MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
answer_it(struct http *h, struct MHD_Connection *connection, const char *path,
    const char *method, const struct exchange *x)
{
	struct query query = { h, connection };
	const struct http_request request = {
		.method = method,
		.path = path,
		.content_type = h->lib.MHD_lookup_connection_value(
		    connection, MHD_HEADER_KIND, "Content-Type"),
		.body = str_text(&x->body),
		.uid = peer_of(h, connection),
		.query = &query,
	};
	struct http_answer answer = { .status = 500 };

	if (x->too_large) {
		answer.status = 413;
		str_puts(
		    &answer.body, "{\"error\": \"the body is too large\"}");
	} else {
		h->fn(&request, &answer, h->ctx);
	}
	return reply(h, connection, &answer);
}

/* Called at the head of a request, for each part of its body, and at its end.
 */
static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *size,
    void **own)
{
	struct exchange *x = *own;

	(void)version;
	if (x == NULL) {
		*own = mem_new(1, sizeof *x);
		return MHD_YES;
	}
	if (*size == 0)
		return answer_it(ctx, connection, path, method, x);
	x->too_large |= x->body.len + *size > HTTP_BODY_MAX;
	if (!x->too_large)
		str_add(&x->body, data, *size);
	*size = 0;
	return MHD_YES;
}

static void
on_done(void *ctx, struct MHD_Connection *connection, void **own,
    enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *own;

	(void)ctx;
	(void)connection;
	(void)code;
	if (x != NULL)
		str_free(&x->body);
	free(x);
	*own = NULL;
}

static void
run(struct http *h)
{
	unsigned long long left;

	h->lib.MHD_run(h->daemon);
	if (h->lib.MHD_get_timeout(h->daemon, &left) != MHD_YES)
		timer_stop(h->timer);
	else if (left == 0)
		turn_ask(h->turn);
	else
		timer_in(h->timer, left < 60000 ? (int64_t)left : 60000);
}

static void
on_turn(void *ctx)
{
	run(ctx);
}

static void
on_ready(int fd, void *ctx)
{
	(void)fd;
	run(ctx);
}

static int
start(struct http *h, struct err *err)
{
	const union MHD_DaemonInfo *info;

	if (libmicrohttpd_open(&h->lib, err) < 0)
		return -1;
	h->daemon = h->lib.MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL,
	    on_request, h, MHD_OPTION_LISTEN_SOCKET, h->socket,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CLIENTS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
	    MHD_OPTION_NOTIFY_COMPLETED, on_done, h, MHD_OPTION_END);
	if (h->daemon == NULL)
		return err_set(err, "libmicrohttpd cannot be started");
	h->socket = -1; /* it closes it */
	info = h->lib.MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	h->watch = on_readable_new(h->loop, info->epoll_fd, on_ready, h);
	return 0;
}

/* The first who connects. */
static void
on_connection(int fd, void *ctx)
{
	struct http *h = ctx;
	struct err err;

	(void)fd;
	on_readable_free(h->watch);
	h->watch = NULL;
	if (start(h, &err) == 0)
		run(h);
	else
		log_error("nobody can be answered: %s", err.text);
}

struct http *
http_new(struct loop *l, int socket, http_fn *fn, void *ctx)
{
	struct http *h = mem_new(1, sizeof *h);

	h->loop = l;
	h->socket = socket;
	h->fn = fn;
	h->ctx = ctx;
	h->timer = timer_new(l, on_turn, h);
	h->turn = turn_new(l, on_turn, h);
	h->watch = on_readable_new(l, socket, on_connection, h);
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	on_readable_free(h->watch);
	if (h->daemon != NULL)
		h->lib.MHD_stop_daemon(h->daemon);
	libmicrohttpd_close(&h->lib);
	timer_free(h->timer);
	turn_free(h->turn);
	if (h->socket >= 0)
		close(h->socket);
	free(h);
}

bool
http_is_built(void)
{
	return true;
}

#else

const char *
http_query(const struct http_request *request, const char *name)
{
	(void)request;
	(void)name;
	return NULL;
}

struct http *
http_new(struct loop *l, int socket, http_fn *fn, void *ctx)
{
	(void)l;
	(void)fn;
	(void)ctx;
	close(socket);
	return mem_new(1, 1);
}

void
http_free(struct http *h)
{
	free(h);
}

bool
http_is_built(void)
{
	return false;
}

#endif
