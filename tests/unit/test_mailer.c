/* SPDX-License-Identifier: MIT */
/*
 * Mails to a server of ours on 127.0.0.1 that answers each command as a script
 * says, or not at all.
 */
#include "base/mem.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "io/timer.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 20000
#define HANG "" /* in place of a reply */

/* What the server says; NULL is the usual. */
struct script {
	const char *greeting, *ehlo, *auth, *mail, *rcpt, *data, *end, *quit;
};

struct server {
	const struct script *script;
	int listener, port;
	int stop[2]; /* closed to end who hangs */
	pthread_t thread;
	struct str heard; /* all that was said to it; read once it is stopped */
	bool stopped;
};

/* Returns whether there is more to hear. */
static bool
reply(struct server *s, int fd, const char *text, const char *usual)
{
	struct pollfd fds[] = { { .fd = s->stop[0], .events = POLLIN },
		{ .fd = fd, .events = POLLRDHUP } };

	if (text == NULL)
		text = usual;
	if (text[0] == '\0') {
		poll(fds, 2, -1);
		return false;
	}
	return send(fd, text, strlen(text), MSG_NOSIGNAL) ==
	           (ssize_t)strlen(text) &&
	       send(fd, "\r\n", 2, MSG_NOSIGNAL) == 2;
}

static bool
is_command(const char *line, const char *command)
{
	return strncmp(line, command, strlen(command)) == 0;
}

static bool
answer(struct server *s, int fd, const char *line, bool *in_data)
{
	const struct script *c = s->script;

	if (*in_data && strcmp(line, ".\r\n") != 0)
		return true;
	if (*in_data) {
		*in_data = false;
		return reply(s, fd, c->end, "250 2.0.0 queued");
	}
	if (is_command(line, "EHLO"))
		return reply(s, fd, c->ehlo, "250-here\r\n250 AUTH PLAIN");
	if (is_command(line, "AUTH"))
		return reply(s, fd, NULL, "334 ");
	if (is_command(line, "MAIL"))
		return reply(s, fd, c->mail, "250 sender ok");
	if (is_command(line, "RCPT"))
		return reply(s, fd, c->rcpt, "250 recipient ok");
	if (is_command(line, "QUIT"))
		return reply(s, fd, c->quit, "221 bye") && false;
	if (!is_command(line, "DATA")) /* user and password */
		return reply(s, fd, c->auth, "235 come in");
	*in_data = c->data == NULL;
	return reply(s, fd, c->data, "354 go on");
}

static void *
serve(void *ctx)
{
	struct server *s = ctx;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	char line[2000];
	bool in_data = false;

	if (in == NULL)
		return NULL;
	if (reply(s, fd, s->script->greeting, "220 hello"))
		while (fgets(line, sizeof line, in) != NULL) {
			str_puts(&s->heard, line);
			if (!answer(s, fd, line, &in_data))
				break;
		}
	fclose(in);
	return NULL;
}

static void
server_start(struct server *s, const struct script *script)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	*s = (struct server){ .script = script };
	assert_int_equal(pipe(s->stop), 0);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(s->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(s->listener, 4), 0);
	getsockname(s->listener, (struct sockaddr *)&address, &len);
	s->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
server_stop(struct server *s)
{
	if (s->stopped)
		return;
	s->stopped = true;
	close(s->stop[1]);
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
	close(s->stop[0]);
}

static const char *const to[] = { "ops@b.example", "boss@b.example", NULL };
static const struct fetch_mail usual_mail = {
	.from = "logwatch@a.example", .to = to, .plain = true
};

struct world {
	struct server server;
	struct loop *loop;
	struct timer *deadline, *tick;
	struct fetcher *fetcher;
	struct fetch *fetch;
	struct fetch_mail mail;
	struct text body;
	int64_t timeout_ms, last_tick_ms, longest_ms;
	bool free_at_end;
	int ends, status;
	char error[300];
	struct str answer;
	int64_t duration_ms;
};

static void
too_late(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came in time");
}

/* How long the loop stands still. */
static void
tick_came(void *ctx)
{
	struct world *w = ctx;
	int64_t now_ms = clock_now_ms();

	if (now_ms - w->last_tick_ms > w->longest_ms)
		w->longest_ms = now_ms - w->last_tick_ms;
	w->last_tick_ms = now_ms;
	timer_in(w->tick, 10);
}

static void
world_new(struct world *w, const struct script *script)
{
	*w = (struct world){ .loop = loop_new(),
		.mail = usual_mail,
		.body = TEXT("Subject: x\r\n\r\nhello\r\n"),
		.timeout_ms = DEADLINE_MS };
	server_start(&w->server, script);
	w->deadline = timer_new(w->loop, too_late, NULL);
	w->tick = timer_new(w->loop, tick_came, w);
	w->fetcher = fetcher_new(w->loop);
}

static void
world_free(struct world *w)
{
	fetch_free(w->fetch);
	fetcher_free(w->fetcher);
	timer_free(w->deadline);
	timer_free(w->tick);
	loop_free(w->loop);
	server_stop(&w->server);
	str_free(&w->server.heard);
	str_free(&w->answer);
}

static void
end_came(const struct fetch_end *end, void *ctx)
{
	struct world *w = ctx;

	assert_non_null(w->fetch); /* not from within fetch_begin() */
	assert_true((end->status == 0) == (end->error != NULL));
	assert_int_equal(end->retry_after_ms, -1);
	w->ends++;
	w->status = end->status;
	w->duration_ms = end->duration_ms;
	snprintf(w->error, sizeof w->error, "%s",
	    end->error != NULL ? end->error : "");
	str_add_text(&w->answer, end->answer);
	if (w->free_at_end) {
		fetch_free(w->fetch);
		w->fetch = NULL;
		fetcher_free(w->fetcher);
		w->fetcher = NULL;
	}
	loop_stop(w->loop);
}

static void
begin(struct world *w)
{
	char url[64];
	struct fetch_spec spec = { .url = url,
		.body = w->body,
		.timeout_ms = w->timeout_ms,
		.answer_max = 100,
		.mail = &w->mail };

	snprintf(url, sizeof url, "smtp://127.0.0.1:%d", w->server.port);
	w->fetch = fetch_begin(w->fetcher, &spec, end_came, w);
}

static void
send_mail(struct world *w)
{
	begin(w);
	timer_in(w->deadline, DEADLINE_MS);
	timer_in(w->tick, 10);
	w->last_tick_ms = clock_now_ms();
	loop_run(w->loop);
	timer_stop(w->deadline);
	timer_stop(w->tick);
	assert_int_equal(w->ends, 1);
}

/* What was said to the server behind the greeting; nothing more comes. */
static const char *
heard(struct world *w)
{
	server_stop(&w->server);
	assert_int_equal(strncmp(w->server.heard.data, "EHLO ", 5), 0);
	return strchr(w->server.heard.data, '\n') + 1;
}

static void
a_mail_is_sent_to_all(void **state)
{
	static const struct script script = { 0 };
	struct world w;

	(void)state;
	world_new(&w, &script);
	send_mail(&w);
	assert_int_equal(w.status, 250);
	assert_true(text_is(str_text(&w.answer), "2.0.0 queued"));
	assert_string_equal(heard(&w), "MAIL FROM:<logwatch@a.example>\r\n"
				       "RCPT TO:<ops@b.example>\r\n"
				       "RCPT TO:<boss@b.example>\r\n"
				       "DATA\r\n"
				       "Subject: x\r\n\r\nhello\r\n"
				       ".\r\n"
				       "QUIT\r\n");
	world_free(&w);
}

static void
a_dot_at_the_start_of_a_line_does_not_end_it(void **state)
{
	static const struct script script = { 0 };
	struct world w;
	struct str body = { 0 };

	(void)state;
	world_new(&w, &script);
	str_puts(&body, "Subject: x\r\n\r\n.\r\n..\r\n.QUIT\r\n");
	for (int i = 0; i < 20000; i++) /* more than a buffer of libcurl's */
		str_puts(&body, ".\r\n");
	w.body = str_text(&body);
	send_mail(&w);
	assert_int_equal(w.status, 250);
	assert_non_null(strstr(heard(&w), "DATA\r\nSubject: x\r\n\r\n"
					  "..\r\n...\r\n..QUIT\r\n..\r\n"));
	assert_int_equal(strcmp(w.server.heard.data + w.server.heard.len -
				    strlen("\r\n..\r\n.\r\nQUIT\r\n"),
			     "\r\n..\r\n.\r\nQUIT\r\n"),
	    0);
	world_free(&w);
	str_free(&body);
}

static void
what_stops_it_is_told_with_the_servers_words(void **state)
{
	static const struct {
		struct script script;
		int status;
		const char *answer, *error;
	} cases[] = {
		{ { .greeting = "554 not you" }, 554, "not you", NULL },
		{ { .greeting = "421 too busy" }, 421, "too busy", NULL },
		{ { .auth = "535 5.7.8 bad" }, 535, "5.7.8 bad", NULL },
		/* knows no AUTH, and asks for none */
		{ { .ehlo = "250 here" }, 250, "2.0.0 queued", NULL },
		{ { .mail = "452 4.3.1 full" }, 452, "4.3.1 full", NULL },
		{ { .rcpt = "550-5.1.1 no\r\n550 such user" }, 550,
		    "5.1.1 no such user", NULL },
		{ { .rcpt = "451 4.7.1 greylisted" }, 451, "4.7.1 greylisted",
		    NULL },
		{ { .data = "503 5.5.1 no" }, 503, "5.5.1 no", NULL },
		{ { .end = "451 4.3.0 later" }, 451, "4.3.0 later", NULL },
		{ { .end = "552 5.3.4 too big" }, 552, "5.3.4 too big", NULL },
		{ { .end = "554" }, 554, "", NULL },
		{ { .rcpt = "nonsense" }, 0, NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;

		world_new(&w, &cases[i].script);
		w.mail.user = "me";
		w.mail.password = "secret";
		w.timeout_ms = cases[i].error != NULL ? 1500 : DEADLINE_MS;
		send_mail(&w);
		if (w.status != cases[i].status)
			fail_msg("case %zu: %d %s", i, w.status, w.error);
		if (cases[i].answer != NULL)
			assert_true(
			    text_is(str_text(&w.answer), cases[i].answer));
		else
			assert_string_not_equal(w.error, "");
		assert_null(strstr(w.error, "secret"));
		world_free(&w);
	}
}

static void
who_logs_in_says_user_and_password(void **state)
{
	static const struct script script = { 0 };
	struct world w;

	(void)state;
	world_new(&w, &script);
	w.mail.user = "me";
	w.mail.password = "secret";
	send_mail(&w);
	assert_int_equal(w.status, 250);
	assert_int_equal(/* "\0me\0secret" */
	    strncmp(heard(&w), "AUTH PLAIN\r\nAG1lAHNlY3JldA==\r\n", 30), 0);
	world_free(&w);
}

static void
without_tls_nothing_is_said_that_needs_it(void **state)
{
	static const struct script script = { 0 };
	struct world w;

	(void)state;
	world_new(&w, &script);
	w.mail.plain = false;
	w.mail.user = "me";
	w.mail.password = "secret";
	send_mail(&w);
	assert_int_equal(w.status, 0);
	assert_non_null(strstr(w.error, "STARTTLS"));
	assert_string_equal(heard(&w), "");
	world_free(&w);
}

static void
the_loop_turns_while_a_server_thinks(void **state)
{
	/* each place where it hangs; sent it was where only QUIT hangs */
	static const struct {
		struct script script;
		int status;
	} cases[] = {
		{ { .greeting = HANG }, 0 },
		{ { .rcpt = HANG }, 0 },
		{ { .end = HANG }, 0 },
		{ { .quit = HANG }, 250 },
		{ { .rcpt = "550 no", .quit = HANG }, 550 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;

		world_new(&w, &cases[i].script);
		w.timeout_ms = cases[i].status != 0 ? DEADLINE_MS : 1000;
		send_mail(&w);
		if (w.status != cases[i].status)
			fail_msg("case %zu: %d %s", i, w.status, w.error);
		assert_in_range(w.longest_ms, 0, 500);
		assert_in_range(w.duration_ms, 500, 5000);
		world_free(&w);
	}
}

static void
one_that_is_let_go_is_given_up(void **state)
{
	static const struct script scripts[] = {
		{ .greeting = HANG },
		{ .end = HANG },
		{ .quit = HANG },
		{ 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		struct world w;
		int64_t start_ms;

		world_new(&w, &scripts[i]);
		begin(&w);
		fetch_free(w.fetch);
		w.fetch = NULL;
		start_ms = clock_now_ms();
		fetcher_free(w.fetcher);
		w.fetcher = NULL;
		assert_in_range(clock_now_ms() - start_ms, 0, 5000);
		assert_int_equal(w.ends, 0);
		world_free(&w);
	}
}

static void
the_end_may_free_all(void **state)
{
	static const struct script script = { 0 };
	struct world w;

	(void)state;
	world_new(&w, &script);
	w.free_at_end = true;
	send_mail(&w);
	assert_int_equal(w.status, 250);
	world_free(&w);
}

static void
a_server_that_never_ends_talking_is_left(void **state)
{
	struct str greeting = { 0 };
	struct script script;
	struct world w;

	(void)state;
	for (int i = 0; i < 5000; i++)
		str_puts(&greeting, "220-hello hello hello hello\r\n");
	str_puts(&greeting, "220 hello");
	script = (struct script){ .greeting = greeting.data };
	world_new(&w, &script);
	send_mail(&w);
	assert_int_equal(w.status, 0);
	assert_string_not_equal(w.error, "");
	assert_in_range(w.answer.len, 0, 100);
	world_free(&w);
	str_free(&greeting);
}

static void
what_cannot_be_asked_for_is_refused(void **state)
{
	static const char *const bad_to[] = { "a@b\r\nDATA", NULL };
	static const struct {
		const char *url;
		struct fetch_mail mail;
		const char *says;
	} cases[] = {
		{ "http://127.0.0.1:9/", { .from = "a@b", .to = to },
		    "smtp:// or smtps://" },
		{ "127.0.0.1:9", { .from = "a@b", .to = to },
		    "smtp:// or smtps://" },
		{ "smtp://a b\n/", { .from = "a@b", .to = to },
		    "control character" },
		{ "smtp://127.0.0.1:9", { .from = "a@b\nX", .to = to },
		    "control character" },
		{ "smtp://127.0.0.1:9", { .from = "a@b", .to = bad_to },
		    "control character" },
	};
	static const struct script script = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fetch_spec spec = { .url = cases[i].url,
			.timeout_ms = DEADLINE_MS,
			.mail = &cases[i].mail };
		struct world w;

		world_new(&w, &script);
		w.fetch = fetch_begin(w.fetcher, &spec, end_came, &w);
		loop_run(w.loop);
		assert_int_equal(w.status, 0);
		if (strstr(w.error, cases[i].says) == NULL)
			fail_msg("case %zu: %s", i, w.error);
		world_free(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_is_sent_to_all),
		cmocka_unit_test(a_dot_at_the_start_of_a_line_does_not_end_it),
		cmocka_unit_test(what_stops_it_is_told_with_the_servers_words),
		cmocka_unit_test(who_logs_in_says_user_and_password),
		cmocka_unit_test(without_tls_nothing_is_said_that_needs_it),
		cmocka_unit_test(the_loop_turns_while_a_server_thinks),
		cmocka_unit_test(one_that_is_let_go_is_given_up),
		cmocka_unit_test(the_end_may_free_all),
		cmocka_unit_test(a_server_that_never_ends_talking_is_left),
		cmocka_unit_test(what_cannot_be_asked_for_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
