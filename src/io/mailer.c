/* SPDX-License-Identifier: MIT */
/*
 * The loop's side makes a job, the thread works on it and says through an
 * eventfd that it is done; until then the job is the thread's, but for giving
 * it up.  Jobs that were let go wait for their thread's end with the mailer.
 */
#include "io/mailer.h"

#include "base/mem.h"
#include "io/libcurl.h"
#include "io/loop.h"

#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#define REPLIES_MAX 65536 /* bytes of all a server says */
#define QUIT_MAX_MS 1000  /* the wait for its last word */

struct job {
	SLIST_ENTRY(job) link; /* of those that were let go */
	const struct libcurl *lib;
	pthread_t thread;
	int done; /* an eventfd */
	atomic_bool given_up;
	atomic_bool over; /* the thread has nothing more to do */

	/* what is to be sent */
	char *url, *from, *user, *password, *ca_file;
	struct curl_slist *to;
	struct str body;
	size_t sent; /* bytes of it */
	int64_t timeout_ms;
	size_t answer_max;
	bool plain;

	/* what comes back */
	struct str reply;  /* the words of the last one */
	bool reply_is_all; /* the next line begins another */
	size_t reply_bytes;
	int64_t quit_ms; /* when QUIT was said; 0: it was not */
	int status;
	char words[CURL_ERROR_SIZE];
};

SLIST_HEAD(jobs, job);

struct mailer {
	struct loop *loop;
	const struct libcurl *lib;
	struct jobs left;
};

struct mailing {
	struct mailer *mailer;
	struct job *job;
	struct on_readable *done;
	struct turn *refused; /* tells that there is no thread */
	fetch_end_fn *end;
	void *ctx;
};

/* The thread's side. */

static size_t
body_wanted(char *out, size_t size, size_t count, void *ctx)
{
	struct job *j = ctx;
	size_t len = j->body.len - j->sent;

	if (len > size * count)
		len = size * count;
	if (len > 0)
		memcpy(out, j->body.data + j->sent, len);
	j->sent += len;
	return len;
}

/* A line of a reply: "250-text" has another behind it, "250 text" none. */
static size_t
reply_came(char *data, size_t size, size_t count, void *ctx)
{
	struct job *j = ctx;
	struct text line = { data, size * count };
	size_t room;

	j->reply_bytes += line.len;
	if (j->reply_bytes > REPLIES_MAX)
		return 0;
	while (line.len > 0 && isspace((unsigned char)line.data[line.len - 1]))
		line.len--;
	if (line.len < 3 || j->quit_ms != 0)
		return size * count;
	if (j->reply_is_all)
		str_clear(&j->reply);
	j->reply_is_all = line.len == 3 || line.data[3] == ' ';
	line.data += line.len == 3 ? 3 : 4;
	line.len -= line.len == 3 ? 3 : 4;
	if (j->reply.len > 0 && j->reply.len < j->answer_max)
		str_putc(&j->reply, ' ');
	room = j->answer_max - j->reply.len;
	str_add(&j->reply, line.data, line.len < room ? line.len : room);
	return size * count;
}

static int
said(CURL *easy, curl_infotype what, char *data, size_t len, void *ctx)
{
	struct job *j = ctx;

	(void)easy;
	if (what == CURLINFO_HEADER_OUT && len >= 4 &&
	    memcmp(data, "QUIT", 4) == 0)
		j->quit_ms = clock_now_ms();
	return 0;
}

/* libcurl: go on?  Asked at least once a second. */
static int
progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
    curl_off_t up)
{
	struct job *j = ctx;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return j->given_up ||
	       (j->quit_ms != 0 && clock_now_ms() - j->quit_ms >= QUIT_MAX_MS);
}

static void
job_callbacks(struct job *j, CURL *easy)
{
	const struct libcurl *lib = j->lib;

	lib->curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, j->words);
	lib->curl_easy_setopt(easy, CURLOPT_READFUNCTION, body_wanted);
	lib->curl_easy_setopt(easy, CURLOPT_READDATA, j);
	lib->curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, reply_came);
	lib->curl_easy_setopt(easy, CURLOPT_HEADERDATA, j);
	lib->curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, progress);
	lib->curl_easy_setopt(easy, CURLOPT_XFERINFODATA, j);
	lib->curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	lib->curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, said);
	lib->curl_easy_setopt(easy, CURLOPT_DEBUGDATA, j);
	lib->curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}

static void
job_options(struct job *j, CURL *easy)
{
	const struct libcurl *lib = j->lib;

	libcurl_set_safety(lib, easy, "smtp,smtps", j->ca_file);
	libcurl_set_times(lib, easy, j->timeout_ms);
	lib->curl_easy_setopt(easy, CURLOPT_URL, j->url);
	lib->curl_easy_setopt(easy, CURLOPT_USE_SSL,
	    (long)(j->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	lib->curl_easy_setopt(easy, CURLOPT_MAIL_FROM, j->from);
	lib->curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, j->to);
	if (j->user != NULL) {
		lib->curl_easy_setopt(easy, CURLOPT_USERNAME, j->user);
		lib->curl_easy_setopt(easy, CURLOPT_PASSWORD, j->password);
	}
	lib->curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	lib->curl_easy_setopt(
	    easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)j->body.len);
	/* so that QUIT is said while progress() is asked */
	lib->curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

/* The reply that stopped it, where one did. */
static int
status_of(const struct job *j, CURL *easy, CURLcode code)
{
	long status = 0;

	if (code == CURLE_OPERATION_TIMEDOUT ||
	    code == CURLE_ABORTED_BY_CALLBACK)
		return 0;
	j->lib->curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return code == CURLE_OK || (status >= 400 && status <= 599)
	           ? (int)status
	           : 0;
}

static void
job_words(struct job *j, CURLcode code)
{
	if (j->words[0] == '\0')
		snprintf(j->words, sizeof j->words, "%s",
		    j->reply_bytes > REPLIES_MAX
			? "the server's replies are longer than 64 KiB"
			: j->lib->curl_easy_strerror(code));
	/* a server may have had its part in them */
	for (char *c = j->words; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static void *
job_run(void *ctx)
{
	struct job *j = ctx;
	CURL *easy = mem_check(j->lib->curl_easy_init());
	uint64_t one = 1;
	CURLcode code;

	job_callbacks(j, easy);
	job_options(j, easy);
	code = j->lib->curl_easy_perform(easy);
	j->status = status_of(j, easy, code);
	if (j->status == 0)
		job_words(j, code);
	j->lib->curl_easy_cleanup(easy);
	/* An eventfd takes 2^64 - 2 of them. */
	if (write(j->done, &one, sizeof one) != sizeof one)
		abort();
	j->over = true; /* the last use of the job */
	return NULL;
}

/* The loop's side. */

static void
job_free(struct job *j)
{
	close(j->done);
	j->lib->curl_slist_free_all(j->to);
	free(j->url);
	free(j->from);
	free(j->user);
	free(j->password);
	free(j->ca_file);
	str_free(&j->body);
	str_free(&j->reply);
	free(j);
}

static struct job *
job_new(const struct mailer *m, const struct fetch_spec *spec)
{
	struct job *j = mem_new(1, sizeof *j);
	const struct fetch_mail *mail = spec->mail;

	j->lib = m->lib;
	j->url = mem_text(spec->url);
	j->from = mem_text(mail->from);
	j->user = mem_text(mail->user);
	j->password = mem_text(mail->password != NULL ? mail->password : "");
	j->ca_file = mem_text(spec->ca_file);
	for (size_t i = 0; mail->to[i] != NULL; i++)
		j->to =
		    mem_check(m->lib->curl_slist_append(j->to, mail->to[i]));
	str_add_text(&j->body, spec->body);
	j->timeout_ms = spec->timeout_ms;
	j->answer_max = spec->answer_max;
	j->plain = mail->plain;
	j->reply_is_all = true;
	return j;
}

/* Signals are the loop's thread's. */
static int
job_start(struct job *j)
{
	sigset_t all, before;
	int ret = -1;

	j->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->done < 0)
		return -1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&j->thread, NULL, job_run, j) == 0)
		ret = 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

struct mailer *
mailer_new(struct loop *l, const struct libcurl *lib)
{
	struct mailer *m = mem_new(1, sizeof *m);

	m->loop = l;
	m->lib = lib;
	SLIST_INIT(&m->left);
	return m;
}

/* Those whose thread is over, or all. */
static void
left_free(struct mailer *m, bool all)
{
	struct job *j, *next;

	for (j = SLIST_FIRST(&m->left); j != NULL; j = next) {
		next = SLIST_NEXT(j, link);
		if (!all && !j->over)
			continue;
		pthread_join(j->thread, NULL);
		SLIST_REMOVE(&m->left, j, job, link);
		job_free(j);
	}
}

void
mailer_free(struct mailer *m)
{
	if (m == NULL)
		return;
	left_free(m, true);
	free(m);
}

/* Who is told may free the mailing and the mailer: the job goes before. */
static void
done_came(int fd, void *ctx)
{
	struct mailing *m = ctx;
	struct job *j = m->job;
	struct fetch_end end = { .retry_after_ms = -1 };
	struct str reply = { 0 };
	char words[CURL_ERROR_SIZE];
	uint64_t count;

	if (read(fd, &count, sizeof count) != sizeof count)
		return;
	on_readable_free(m->done);
	m->done = NULL;
	m->job = NULL;
	pthread_join(j->thread, NULL);
	end.status = j->status;
	str_add_text(&reply, str_text(&j->reply));
	snprintf(words, sizeof words, "%s", j->words);
	job_free(j);
	end.error = end.status == 0 ? words : NULL;
	end.answer = str_text(&reply);
	m->end(&end, m->ctx);
	str_free(&reply);
}

static void
refusal_came(void *ctx)
{
	struct mailing *m = ctx;
	struct fetch_end end = { .retry_after_ms = -1,
		.refused = true,
		.error = "no thread can be started" };

	m->end(&end, m->ctx);
}

struct mailing *
mailing_begin(struct mailer *m, const struct fetch_spec *spec,
    fetch_end_fn *end, void *ctx)
{
	struct mailing *mailing = mem_new(1, sizeof *mailing);
	struct job *j = job_new(m, spec);

	left_free(m, false);
	mailing->mailer = m;
	mailing->end = end;
	mailing->ctx = ctx;
	if (job_start(j) == 0) {
		mailing->job = j;
		mailing->done =
		    on_readable_new(m->loop, j->done, done_came, mailing);
	} else {
		job_free(j);
		mailing->refused = turn_new(m->loop, refusal_came, mailing);
		turn_ask(mailing->refused);
	}
	return mailing;
}

void
mailing_free(struct mailing *m)
{
	if (m == NULL)
		return;
	on_readable_free(m->done);
	turn_free(m->refused);
	if (m->job != NULL) {
		m->job->given_up = true;
		SLIST_INSERT_HEAD(&m->mailer->left, m->job, link);
	}
	free(m);
}
