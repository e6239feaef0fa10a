/* SPDX-License-Identifier: MIT */
/*
 * The state file: what comes back, from a kill, from damage, from a full disk.
 */
#include "store/store.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 20000
#define APPLICATION_ID_AT 68 /* in the header of a database */
#define USER_VERSION_AT 60

/* The syncs of the SQLite in this process. */
static struct {
	int count;
	int failing; /* so many fail from now on */
	bool skip;   /* they take time, and no test pulls the plug */
} syncs;

int
fdatasync(int fd)
{
	syncs.count++;
	if (syncs.failing > 0) {
		syncs.failing--;
		errno = EIO;
		return -1;
	}
	return syncs.skip ? 0 : (int)syscall(SYS_fdatasync, fd);
}

/* A directory of its own for each test, in memory for thousands of files. */
struct place {
	char dir[64];
	char path[96]; /* of the state file, which is not there yet */
};

static int
place_make(void **state)
{
	struct place *p = mem_new(1, sizeof *p);

	snprintf(p->dir, sizeof p->dir, "%s/test_store-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof p->path, "%s/state.db", p->dir);
	memset(&syncs, 0, sizeof syncs);
	*state = p;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static int
place_clear(void **state)
{
	struct place *p = *state;

	nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

static struct store *
must_open(const char *path)
{
	struct err err = { "" };
	struct store *s = store_open(path, &err);

	if (s == NULL)
		fail_msg("%s", err.text);
	return s;
}

/* A child has no test to fail, only its parent's to disturb. */
static bool in_child;

static void
must(int ret, const struct err *err)
{
	if (ret != 0 && in_child)
		_exit(9);
	if (ret != 0)
		fail_msg("%s", err->text);
}

static void
begin(struct store *s)
{
	struct err err;

	must(store_begin(s, &err), &err);
}

static void
commit(struct store *s, bool durable)
{
	struct err err;

	must(store_commit(s, durable, &err), &err);
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, text);
}

static void
add_bytes(struct str *out, struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c > ' ' && c < 127 && c != '\\')
			str_putc(out, (char)c);
		else
			str_printf(out, "\\x%02x", c);
	}
	str_putc(out, ' ');
}

/* All rows as text; what cannot be read is in it, too. */
struct dump {
	struct store *store;
	struct str out;
};

static void
dump_position(const struct position *p, void *ctx)
{
	struct dump *d = ctx;

	str_printf(&d->out,
	    "position %s %s %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64
	    " %" PRId64 " ",
	    p->source, p->path, p->device, p->inode, p->offset, p->line,
	    p->seen_ms);
	add_bytes(&d->out, p->head);
	add_bytes(&d->out, p->anchor);
	str_putc(&d->out, '\n');
}

static void
dump_incident(const struct incident_row *row, void *ctx)
{
	struct dump *d = ctx;

	str_printf(&d->out, "incident %s %s %d %" PRId64 " %" PRId64 " ",
	    row->id, row->rule, row->open, row->opened_ms, row->resolved_ms);
	add_bytes(&d->out, row->record);
	add_bytes(&d->out, row->state);
	str_putc(&d->out, '\n');
}

static void
dump_detector(const char *rule, struct text key, struct text state, void *ctx)
{
	struct dump *d = ctx;

	str_printf(&d->out, "detector %s ", rule);
	add_bytes(&d->out, key);
	add_bytes(&d->out, state);
	str_putc(&d->out, '\n');
}

static void
dump_run(const struct run_row *row, void *ctx)
{
	struct dump *d = ctx;

	str_printf(&d->out,
	    "run %" PRId64 " %s %s %s %" PRId64 " %" PRId64 " %" PRId64
	    " %" PRId64 " %" PRId64 "\n",
	    row->id, row->incident, row->action, row->state, row->attempt,
	    row->pid, row->start_time, row->started_ms, row->ended_ms);
}

static void
dump_delivery(const struct delivery_row *row, void *ctx)
{
	struct dump *d = ctx;
	struct str body = { 0 };
	struct err err;

	assert_int_equal(row->body.len, 0);
	str_printf(&d->out,
	    "delivery %" PRId64 " %s %s %s %s %d %" PRId64 " %" PRId64
	    " %" PRId64 " [%s] %" PRId64 " ",
	    row->seq, row->id, row->action, row->incident, row->change,
	    row->dead, row->attempts, row->created_ms, row->next_ms, row->error,
	    row->body_bytes);
	if (store_delivery_body(d->store, row->seq, &body, &err) == 0)
		add_bytes(&d->out, str_text(&body));
	else
		str_puts(&d->out, "no body ");
	str_putc(&d->out, '\n');
	str_free(&body);
}

/* The caller frees it. */
static char *
dump(struct store *s)
{
	struct dump d = { .store = s };
	struct err err;

	must(store_positions(s, dump_position, &d, &err), &err);
	must(store_incidents(s, 0, dump_incident, &d, &err), &err);
	must(store_detectors(s, dump_detector, &d, &err), &err);
	must(store_runs(s, 0, dump_run, &d, &err), &err);
	must(store_deliveries(s, dump_delivery, &d, &err), &err);
	return str_take(&d.out);
}

static void
assert_dump(struct store *s, const char *expected)
{
	char *got = dump(s);

	assert_string_equal(got, expected);
	free(got);
}

static void
put_position(
    struct store *s, const char *source, uint64_t inode, int64_t offset)
{
	struct position p = { .source = source,
		.path = "/var/log/\xff.log",
		.device = UINT64_MAX,
		.inode = inode,
		.offset = offset,
		.line = offset / 10 + 1,
		.head = { "a\0b", 3 },
		.seen_ms = 1700000000123 };
	struct err err;

	must(store_position_put(s, &p, &err), &err);
}

static int
try_incident(struct store *s, const char *id, int64_t opened_ms,
    int64_t resolved_ms, struct err *err)
{
	struct incident_row row = { .id = id,
		.rule = "oom",
		.open = resolved_ms == 0,
		.opened_ms = opened_ms,
		.resolved_ms = resolved_ms,
		.record = TEXT("{\"version\":1}"),
		.state = TEXT("{}") };

	return store_incident_put(s, &row, err);
}

static void
put_incident(
    struct store *s, const char *id, int64_t opened_ms, int64_t resolved_ms)
{
	struct err err;

	must(try_incident(s, id, opened_ms, resolved_ms, &err), &err);
}

static void
put_detector(struct store *s, struct text key, const char *text)
{
	struct err err;

	must(store_detector_put(s, "oom", key, text_of(text), &err), &err);
}

static int64_t
put_run(struct store *s, int64_t id, const char *end, int64_t started_ms)
{
	struct run_row row = { .id = id,
		.incident = "01A",
		.action = "restart",
		.state = end,
		.attempt = 1,
		.pid = 4711,
		.start_time = 99,
		.started_ms = started_ms };
	struct err err;

	must(store_run_put(s, &row, &err), &err);
	return row.id;
}

static struct delivery_row
delivery(int64_t seq, struct text body)
{
	return (struct delivery_row){ .seq = seq,
		.id = "01A-opened",
		.action = "chat",
		.incident = "01A",
		.change = "opened",
		.body = body,
		.created_ms = 5,
		.next_ms = 6,
		.error = "" };
}

static int64_t
put_delivery(struct store *s, int64_t seq, struct text body)
{
	struct delivery_row row = delivery(seq, body);
	struct err err;

	must(store_delivery_put(s, &row, &err), &err);
	return row.seq;
}

/* Some of everything. */
static void
fill(struct store *s)
{
	begin(s);
	put_position(s, "worker", 7, 100);
	put_position(s, "worker", 8, 200);
	put_position(s, "server", 7, 300);
	put_position(s, "worker", 7, 150);
	put_incident(s, "01A", 1000, 0);
	put_detector(s, (struct text){ "k\0\xfe", 3 }, "[1,2]");
	put_detector(s, TEXT(""), "[3]");
	put_run(s, 0, "running", 1001);
	put_run(s, 1, "succeeded", 1001);
	put_delivery(s, 0, (struct text){ "x\0y", 3 });
	commit(s, true);
}

static const char filled[] =
    "position server /var/log/\xff.log 18446744073709551615 7 300 31"
    " 1700000000123 a\\x00b  \n"
    "position worker /var/log/\xff.log 18446744073709551615 7 150 16"
    " 1700000000123 a\\x00b  \n"
    "position worker /var/log/\xff.log 18446744073709551615 8 200 21"
    " 1700000000123 a\\x00b  \n"
    "incident 01A oom 1 1000 0 {\"version\":1} {} \n"
    "detector oom  [3] \n"
    "detector oom k\\x00\\xfe [1,2] \n"
    "run 1 01A restart succeeded 1 4711 99 1001 0\n"
    "delivery 1 01A-opened chat 01A opened 0 0 5 6 [] 3 x\\x00y \n";

static char *
read_file(const char *path, size_t *len)
{
	struct str out = { 0 };
	FILE *f = fopen(path, "re");
	size_t n;

	assert_non_null(f);
	while ((n = fread(str_reserve(&out, 65536), 1, 65536, f)) > 0)
		out.len += n;
	fclose(f);
	*len = out.len;
	return str_take(&out);
}

static void
write_file(const char *path, const char *data, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* A closed state file with some of everything in it; the caller frees it. */
static char *
sample(const struct place *p, size_t *len)
{
	struct store *s = must_open(p->path);

	fill(s);
	store_close(s);
	return read_file(p->path, len);
}

static void
remove_with_log(const char *path)
{
	char name[4096 + 8];

	unlink(path);
	snprintf(name, sizeof name, "%s-wal", path);
	unlink(name);
}

/* Whether one was there; its log goes with it. */
static bool
remove_damaged(const struct place *p)
{
	char name[256];
	bool there;

	snprintf(name, sizeof name, "%s.damaged-1", p->path);
	there = access(name, F_OK) == 0;
	remove_with_log(name);
	return there;
}

static void
everything_comes_back_after_a_reopen(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);

	assert_dump(s, "");
	fill(s);
	assert_dump(s, filled);
	store_close(s);
	s = must_open(p->path);
	assert_dump(s, filled);
	store_close(s);
}

static void
a_closed_file_lies_alone(void **state)
{
	static const char *const suffixes[] = { "-wal", "-journal", "-shm" };
	struct place *p = *state;
	char name[128];
	size_t len;

	free(sample(p, &len));
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s%s", p->path, suffixes[i]);
		assert_int_equal(access(name, F_OK), -1);
	}
}

static void
a_file_and_its_directories_are_private(void **state)
{
	struct place *p = *state;
	char path[256];
	struct stat st;

	snprintf(path, sizeof path, "%s/a/b/state.db", p->dir);
	store_close(must_open(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	for (int i = 0; i < 2; i++) {
		*strrchr(path, '/') = '\0';
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
	}
}

static void
what_is_not_committed_is_gone(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);

	fill(s);
	begin(s);
	put_position(s, "worker", 7, 999);
	store_rollback(s);
	assert_dump(s, filled);
	begin(s);
	put_position(s, "worker", 7, 999);
	store_close(s);
	s = must_open(p->path);
	assert_dump(s, filled);
	store_close(s);
}

static void
a_number_is_not_given_twice_after_a_rollback(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	int64_t first;

	begin(s);
	first = put_delivery(s, 0, TEXT("first"));
	store_rollback(s);
	begin(s);
	assert_true(put_delivery(s, 0, TEXT("second")) > first);
	assert_int_equal(put_delivery(s, first, TEXT("first")), first);
	commit(s, false);
	assert_dump(s,
	    "delivery 1 01A-opened chat 01A opened 0 0 5 6 [] 5 first \n"
	    "delivery 2 01A-opened chat 01A opened 0 0 5 6 [] 6 second \n");
	store_close(s);
	s = must_open(p->path);
	begin(s);
	assert_int_equal(put_delivery(s, 0, TEXT("third")), 3);
	assert_int_equal(put_run(s, 0, "running", 1), 1);
	commit(s, false);
	store_close(s);
}

static void
a_delivery_keeps_its_body_and_its_place(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct delivery_row row = delivery(0, TEXT("one"));
	struct str body = { 0 };
	struct err err;

	begin(s);
	must(store_delivery_put(s, &row, &err), &err);
	put_delivery(s, 0, TEXT("two"));
	row.body = TEXT("");
	row.attempts = 3;
	row.next_ms = 90;
	row.dead = true;
	row.error = "503";
	must(store_delivery_put(s, &row, &err), &err);
	commit(s, true);
	assert_dump(s,
	    "delivery 1 01A-opened chat 01A opened 1 3 5 90 [503] 3 one \n"
	    "delivery 2 01A-opened chat 01A opened 0 0 5 6 [] 3 two \n");
	begin(s);
	must(store_delivery_delete(s, row.seq, &err), &err);
	commit(s, true);
	assert_dump(
	    s, "delivery 2 01A-opened chat 01A opened 0 0 5 6 [] 3 two \n");
	assert_int_equal(store_delivery_body(s, row.seq, &body, &err), -1);
	assert_int_equal(body.len, 0);
	store_close(s);
}

static void
a_detector_without_state_is_forgotten(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);

	begin(s);
	put_detector(s, TEXT("a"), "1");
	put_detector(s, TEXT("b"), "2");
	put_detector(s, TEXT("a"), "");
	put_detector(s, TEXT("never"), "");
	commit(s, false);
	assert_dump(s, "detector oom b 2 \n");
	store_close(s);
}

static void
a_position_is_deleted_by_its_key(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct err err;

	begin(s);
	put_position(s, "worker", 7, 10);
	put_position(s, "server", 7, 20);
	must(store_position_delete(s, "worker", UINT64_MAX, 7, &err), &err);
	must(store_position_delete(s, "server", 0, 7, &err), &err);
	commit(s, false);
	assert_dump(s, "position server /var/log/\xff.log 18446744073709551615"
		       " 7 20 3 1700000000123 a\\x00b  \n");
	store_close(s);
}

static void
list_id(const struct incident_row *row, void *ctx)
{
	str_printf(ctx, "%s ", row->id);
}

static void
incidents_are_listed_as_they_opened_and_pruned(void **state)
{
	static const struct {
		int64_t since;
		const char *expected;
	} cases[] = {
		{ INT64_MAX, "late early " },
		{ 501, "late early " },
		{ 500, "new late early " },
		{ 400, "old new late early " },
		{ 0, "old new late early " },
	};
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct str out = { 0 };
	struct err err;

	begin(s);
	put_incident(s, "early", 40, 0);
	put_incident(s, "late", 30, 0);
	put_incident(s, "new", 20, 500);
	put_incident(s, "old", 10, 400);
	commit(s, false);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		str_clear(&out);
		must(store_incidents(s, cases[i].since, list_id, &out, &err),
		    &err);
		assert_string_equal(out.data, cases[i].expected);
	}
	begin(s);
	must(store_incidents_prune(s, 500, &err), &err);
	commit(s, false);
	str_clear(&out);
	must(store_incidents(s, 0, list_id, &out, &err), &err);
	assert_string_equal(out.data, "new late early ");
	str_free(&out);
	store_close(s);
}

static void
list_run(const struct run_row *row, void *ctx)
{
	str_printf(ctx, "%" PRId64 ":%" PRId64 " ", row->id, row->started_ms);
}

static void
runs_are_listed_oldest_first_and_pruned(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct str out = { 0 };
	struct err err;

	begin(s);
	put_run(s, 0, "running", 300);
	put_run(s, 0, "running", 100);
	put_run(s, 0, "running", 200);
	commit(s, true);
	must(store_runs(s, 200, list_run, &out, &err), &err);
	assert_string_equal(out.data, "3:200 1:300 ");
	begin(s);
	must(store_runs_prune(s, 200, &err), &err);
	commit(s, false);
	str_clear(&out);
	must(store_runs(s, 0, list_run, &out, &err), &err);
	assert_string_equal(out.data, "3:200 1:300 ");
	str_free(&out);
	store_close(s);
}

/* What the last commit of a counting child left. */
struct counted {
	int64_t offset, deliveries, detector;
};

static void
count_position(const struct position *p, void *ctx)
{
	((struct counted *)ctx)->offset = p->offset;
}

static void
count_delivery(const struct delivery_row *row, void *ctx)
{
	struct counted *c = ctx;

	c->deliveries = row->seq;
}

static void
count_detector(const char *rule, struct text key, struct text state, void *ctx)
{
	char *text = mem_copy(state.data, state.len);

	(void)rule;
	(void)key;
	((struct counted *)ctx)->detector = strtoll(text, NULL, 10);
	free(text);
}

static struct counted
count(struct store *s)
{
	struct counted c = { 0 };
	struct err err;

	must(store_positions(s, count_position, &c, &err), &err);
	must(store_deliveries(s, count_delivery, &c, &err), &err);
	must(store_detectors(s, count_detector, &c, &err), &err);
	return c;
}

/* One transaction of a counting child: all three say n. */
static void
count_on(struct store *s, int64_t n)
{
	static char body[5000];
	char text[32];
	struct err err;

	snprintf(text, sizeof text, "%" PRId64, n);
	begin(s);
	put_position(s, "worker", 7, n);
	put_delivery(s, n, (struct text){ body, sizeof body });
	if (n > 20)
		must(store_delivery_delete(s, n - 20, &err), &err);
	put_detector(s, TEXT("k"), text);
}

/* Counts from where the file is, telling each number when it is committed,
 * until it is killed. */
static void
child_count(const char *path, int out)
{
	struct err err;
	struct store *s = store_open(path, &err);
	int64_t n;

	if (s == NULL)
		_exit(1);
	n = count(s).offset;
	for (;;) {
		count_on(s, ++n);
		commit(s, n % 7 == 0);
		if (write(out, &n, sizeof n) != sizeof n)
			_exit(1);
	}
}

/* Commits one, leaves another unfinished, tells, and commits that when told. */
static void
child_hold(const char *path, int out, int in)
{
	struct err err;
	struct store *s = store_open(path, &err);
	int64_t n = 1;

	if (s == NULL)
		_exit(1);
	count_on(s, 1);
	commit(s, true);
	count_on(s, 2);
	if (write(out, &n, sizeof n) != sizeof n ||
	    read(in, &n, sizeof n) != sizeof n)
		_exit(1);
	if (store_commit(s, true, &err) != 0)
		_exit(2);
	store_close(s);
	_exit(0);
}

/* Opens when told to, by the end of start, says whether it could, and holds
 * the file until it is killed. */
static void
child_compete(const char *path, int out, const int start[2])
{
	struct err err;
	int64_t n = 0;

	close(start[1]);
	if (read(start[0], &n, 1) != 0)
		_exit(1);
	n = store_open(path, &err) != NULL ? 1 : 2;
	if (write(out, &n, sizeof n) != sizeof n)
		_exit(1);
	for (;;)
		pause();
}

struct child {
	pid_t pid;
	int out, in; /* read from it, write to it */
};

enum child_kind { CHILD_COUNTS, CHILD_HOLDS, CHILD_COMPETES };

static struct child
child_start(const char *path, enum child_kind kind, const int *start)
{
	int from[2], to[2];
	struct child c;

	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		in_child = true;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (kind == CHILD_COUNTS)
			child_count(path, from[1]);
		else if (kind == CHILD_HOLDS)
			child_hold(path, from[1], to[0]);
		else if (start != NULL)
			child_compete(path, from[1], start);
	}
	close(from[1]);
	close(to[0]);
	c.out = from[0];
	c.in = to[1];
	return c;
}

/* The next number it tells; -1: it ended. */
static int64_t
child_number(const struct child *c)
{
	struct pollfd wait = { .fd = c->out, .events = POLLIN };
	int64_t n;

	assert_int_equal(poll(&wait, 1, DEADLINE_MS), 1);
	return read(c->out, &n, sizeof n) == sizeof n ? n : -1;
}

static int
child_end(struct child *c, int signum)
{
	int status;

	if (signum != 0)
		kill(c->pid, signum);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->out);
	close(c->in);
	return status;
}

static void
a_kill_leaves_whole_transactions(void **state)
{
	struct place *p = *state;
	int64_t told = 0;

	for (int i = 0; i < 20; i++) {
		struct child c = child_start(p->path, CHILD_COUNTS, NULL);
		struct counted found;
		struct store *s;
		int64_t n;

		for (int j = 0; j < 3 + i * 11; j++) {
			told = child_number(&c);
			assert_true(told > 0);
		}
		kill(c.pid, SIGKILL);
		while ((n = child_number(&c)) > 0)
			told = n;
		assert_true(WIFSIGNALED(child_end(&c, 0)));
		s = must_open(p->path);
		found = count(s);
		store_close(s);
		assert_in_range(found.offset, told, told + 1);
		assert_int_equal(found.deliveries, found.offset);
		assert_int_equal(found.detector, found.offset);
	}
	assert_false(remove_damaged(p));
}

static void
a_second_opener_is_refused_by_pid(void **state)
{
	struct place *p = *state;
	struct child c = child_start(p->path, CHILD_HOLDS, NULL);
	struct err err = { "" };
	char pid[32];

	assert_int_equal(child_number(&c), 1);
	assert_null(store_open(p->path, &err));
	snprintf(pid, sizeof pid, "(pid %d)", (int)c.pid);
	assert_has(err.text, p->path);
	assert_has(err.text, "in use by another logwatch");
	assert_has(err.text, pid);
	assert_has(err.text, "--state");
	child_end(&c, SIGKILL);
	store_close(must_open(p->path));
}

static void
a_second_opener_in_the_same_process_is_refused(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct err err = { "" };

	fill(s);
	assert_null(store_open(p->path, &err));
	assert_has(err.text, "in use by another logwatch: stop");
	assert_dump(s, filled);
	store_close(s);
}

static void
of_two_that_find_damage_at_once_one_goes_on(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 30; i++) {
		struct child a, b;
		int start[2];
		char name[256];
		int64_t ran;

		remove_with_log(p->path);
		write_file(p->path, "SQLite format 3", 16);
		assert_int_equal(pipe2(start, O_CLOEXEC), 0);
		a = child_start(p->path, CHILD_COMPETES, start);
		b = child_start(p->path, CHILD_COMPETES, start);
		close(start[0]);
		close(start[1]);
		ran = (child_number(&a) == 1) + (child_number(&b) == 1);
		child_end(&a, SIGKILL);
		child_end(&b, SIGKILL);
		assert_in_range(ran, 1, 1);
		assert_true(remove_damaged(p));
		snprintf(name, sizeof name, "%s.damaged-2", p->path);
		assert_int_equal(access(name, F_OK), -1);
	}
}

static void
a_snapshot_sees_the_last_commit_and_disturbs_nobody(void **state)
{
	struct place *p = *state;
	struct child c = child_start(p->path, CHILD_HOLDS, NULL);
	struct err err = { "" };
	bool missing = true;
	struct store *s;
	int64_t go = 1;

	assert_int_equal(child_number(&c), 1);
	s = store_open_snapshot(p->path, &missing, &err);
	if (s == NULL)
		fail_msg("%s", err.text);
	assert_false(missing);
	assert_int_equal(count(s).offset, 1);
	assert_int_equal(count(s).deliveries, 1);
	assert_int_equal(store_begin(s, &err), -1);
	assert_has(err.text, "reading only");
	store_close(s);
	assert_null(store_open(p->path, &err)); /* still held */
	assert_int_equal(write(c.in, &go, sizeof go), sizeof go);
	assert_int_equal(child_end(&c, 0), 0);
	s = must_open(p->path);
	assert_int_equal(count(s).offset, 2);
	store_close(s);
}

static void
snapshots_of_a_busy_file_are_whole(void **state)
{
	struct place *p = *state;
	struct child c = child_start(p->path, CHILD_COUNTS, NULL);
	int64_t last = 0;

	for (int i = 0; i < 100; i++) {
		struct err err = { "" };
		struct counted found;
		bool missing;
		struct store *s;

		for (int64_t n = 0; n <= last;) {
			n = child_number(&c);
			assert_true(n > 0);
		}
		s = store_open_snapshot(p->path, &missing, &err);
		if (s == NULL)
			fail_msg("%s", err.text);
		found = count(s);
		store_close(s);
		assert_true(found.offset > last);
		assert_int_equal(found.deliveries, found.offset);
		assert_int_equal(found.detector, found.offset);
		last = found.offset;
	}
	child_end(&c, SIGKILL);
}

static void
a_snapshot_leaves_no_files_behind(void **state)
{
	struct place *p = *state;
	char tmp[128];
	struct err err;
	bool missing;
	size_t len;

	free(sample(p, &len));
	snprintf(tmp, sizeof tmp, "%s/tmp", p->dir);
	assert_int_equal(mkdir(tmp, 0700), 0);
	setenv("TMPDIR", tmp, 1);
	store_close(store_open_snapshot(p->path, &missing, &err));
	store_close(store_open_copy(p->path, &err));
	write_file(p->path, "SQL", 3);
	assert_null(store_open_snapshot(p->path, &missing, &err));
	assert_has(err.text, "is damaged");
	unsetenv("TMPDIR");
	assert_int_equal(rmdir(tmp), 0);
}

static void
no_file_is_a_missing_snapshot_and_an_empty_copy(void **state)
{
	struct place *p = *state;
	struct err err = { "" };
	bool missing = false;
	struct store *s;

	assert_null(store_open_snapshot(p->path, &missing, &err));
	assert_true(missing);
	s = store_open_copy(p->path, &err);
	assert_non_null(s);
	assert_dump(s, "");
	fill(s);
	assert_dump(s, filled);
	store_close(s);
	assert_int_equal(access(p->path, F_OK), -1);
}

static void
a_copy_leaves_the_file_as_it_was(void **state)
{
	struct place *p = *state;
	size_t len, len_after;
	char *before = sample(p, &len), *after;
	struct err err = { "" };
	struct store *s = store_open_copy(p->path, &err);

	assert_non_null(s);
	assert_dump(s, filled);
	begin(s);
	put_position(s, "worker", 7, 999);
	assert_int_equal(put_delivery(s, 0, TEXT("b")), 2);
	commit(s, true);
	store_close(s);
	after = read_file(p->path, &len_after);
	assert_int_equal(len, len_after);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
}

static void
a_copy_of_damage_is_empty_and_leaves_it_there(void **state)
{
	struct place *p = *state;
	struct err err;
	struct store *s;

	write_file(p->path, "SQL", 3);
	s = store_open_copy(p->path, &err);
	assert_non_null(s);
	assert_dump(s, "");
	store_close(s);
	assert_int_equal(access(p->path, F_OK), 0);
	assert_false(remove_damaged(p));
}

static void
flip(char *data, size_t at, unsigned mask)
{
	unsigned char c;

	memcpy(&c, data + at, 1);
	c = (unsigned char)(c ^ mask);
	memcpy(data + at, &c, 1);
}

/* The store must open on any file, and work. */
static void
assert_works(const struct place *p)
{
	struct store *s = must_open(p->path);

	free(dump(s));
	begin(s);
	put_position(s, "after", 1, 1);
	put_incident(s, "after", 1, 0);
	put_detector(s, TEXT("after"), "1");
	put_run(s, 0, "after", 1);
	put_delivery(s, 0, TEXT("after"));
	commit(s, false);
	store_close(s);
}

/* Each byte is tried where EXHAUSTIVE is set; else every eleventh, from another
 * one each time. */
static size_t
stride(void)
{
	return getenv("EXHAUSTIVE") != NULL ? 1 : 11;
}

static size_t
stride_start(void)
{
	size_t start = (size_t)time(NULL) % stride();

	print_message("from byte %zu, every %zu\n", start, stride());
	return start;
}

static void
a_file_cut_at_any_length_is_no_hindrance(void **state)
{
	struct place *p = *state;
	size_t len;
	char *data = sample(p, &len);

	syncs.skip = true;
	for (size_t cut = stride_start(); cut < len;
	     cut += stride() * (cut < 4200 ? 1 : 97)) {
		write_file(p->path, data, cut);
		assert_works(p);
		assert_true(remove_damaged(p) == (cut > 0));
		unlink(p->path);
	}
	free(data);
}

static void
a_file_with_any_byte_flipped_is_no_hindrance(void **state)
{
	struct place *p = *state;
	size_t len, damaged = 0;
	char *data = sample(p, &len);

	syncs.skip = true;
	for (size_t at = stride_start(); at < len;
	     at += stride() * (at < 8192 ? 1 : 13)) {
		flip(data, at, 1U << at % 8);
		write_file(p->path, data, len);
		flip(data, at, 1U << at % 8);
		assert_works(p);
		damaged += remove_damaged(p);
		unlink(p->path);
	}
	/* Most of a small file is room; what is text of tables is noticed. */
	assert_true(damaged > 1000 / stride());
	free(data);
}

/* What a kill leaves: a database and its log, the log cut or flipped. */
static void
a_log_with_any_damage_is_no_hindrance(void **state)
{
	struct place *p = *state;
	struct child c = child_start(p->path, CHILD_HOLDS, NULL);
	size_t len, db_len;
	char *data, *db, wal[128];

	assert_int_equal(child_number(&c), 1);
	child_end(&c, SIGKILL);
	snprintf(wal, sizeof wal, "%s-wal", p->path);
	data = read_file(wal, &len);
	db = read_file(p->path, &db_len);
	assert_true(len > 4096);
	syncs.skip = true;
	for (size_t at = stride_start(); at < len; at += 19 * stride()) {
		write_file(p->path, db, db_len);
		write_file(wal, data, at);
		assert_works(p);
		remove_damaged(p);
		write_file(p->path, db, db_len);
		flip(data, at, 0x55);
		write_file(wal, data, len);
		flip(data, at, 0x55);
		assert_works(p);
		remove_damaged(p);
	}
	free(data);
	free(db);
}

static void
what_is_no_state_is_moved_aside(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{ "x", 1 },
		{ "SQLite format 3", 16 },
		{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	};
	struct place *p = *state;
	char name[256];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len;
		char *kept;

		write_file(p->path, cases[i].data, cases[i].len);
		assert_works(p);
		snprintf(name, sizeof name, "%s.damaged-%zu", p->path, i + 1);
		kept = read_file(name, &len);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(kept, cases[i].data, len);
		free(kept);
	}
}

static void
a_file_of_somebody_else_is_left_as_it_is(void **state)
{
	static const char text[] = "ERROR: duplicate key value\n";
	struct place *p = *state;
	struct err err;
	size_t len;
	char *kept;

	write_file(p->path, text, sizeof text - 1);
	assert_null(store_open(p->path, &err));
	assert_non_null(strstr(err.text, "no state file"));
	kept = read_file(p->path, &len);
	assert_int_equal(len, sizeof text - 1);
	assert_memory_equal(kept, text, len);
	free(kept);
}

static void
a_database_of_another_program_is_moved_aside(void **state)
{
	struct place *p = *state;
	size_t len;
	char *data = sample(p, &len);
	struct store *s;

	memset(data + APPLICATION_ID_AT, 0, 4);
	write_file(p->path, data, len);
	s = must_open(p->path);
	assert_dump(s, "");
	store_close(s);
	assert_true(remove_damaged(p));
	free(data);
}

static void
an_empty_file_is_new_but_not_with_a_log(void **state)
{
	struct place *p = *state;
	char wal[128], aside[256];

	write_file(p->path, "", 0);
	assert_works(p);
	assert_false(remove_damaged(p));
	write_file(p->path, "", 0);
	snprintf(wal, sizeof wal, "%s-wal", p->path);
	write_file(wal, "was something", 13);
	assert_works(p);
	snprintf(aside, sizeof aside, "%s.damaged-1-wal", p->path);
	assert_int_equal(access(aside, F_OK), 0);
}

static void
a_newer_file_is_refused_and_left_alone(void **state)
{
	static const unsigned char newer[] = { 0xff, 0xfd, 0, 2 };
	struct place *p = *state;
	size_t len, len_after;
	char *data = sample(p, &len), *after;
	struct err err = { "" };
	bool missing;

	memcpy(data + USER_VERSION_AT, newer, sizeof newer);
	write_file(p->path, data, len);
	assert_null(store_open(p->path, &err));
	assert_has(err.text, "newer logwatch");
	assert_has(err.text, p->path);
	assert_null(store_open_snapshot(p->path, &missing, &err));
	assert_has(err.text, "newer logwatch");
	assert_null(store_open_copy(p->path, &err));
	assert_has(err.text, "newer logwatch");
	after = read_file(p->path, &len_after);
	assert_int_equal(len, len_after);
	assert_memory_equal(data, after, len);
	assert_false(remove_damaged(p));
	free(data);
	free(after);
}

static void
a_path_that_cannot_be_a_file_is_said(void **state)
{
	struct place *p = *state;
	struct err err = { "" };
	char path[256];
	bool missing;

	assert_null(store_open(p->dir, &err));
	assert_has(err.text, "is a directory");
	assert_null(store_open_snapshot(p->dir, &missing, &err));
	assert_has(err.text, "is a directory");
	assert_false(missing);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_null(store_open(p->path, &err));
	assert_has(err.text, "no regular file");
	snprintf(path, sizeof path, "%s/below/state.db", p->path);
	assert_null(store_open(path, &err));
	assert_has(err.text, "make directory");
	assert_has(err.text, "Not a directory");
}

/* What an ordinary user is told who must not write there; root may. */
static void
child_open_unprivileged(const char *path)
{
	struct err err = { "" };

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		_exit(1);
	if (store_open(path, &err) != NULL)
		_exit(2);
	_exit(strstr(err.text, path) != NULL &&
		      strstr(err.text, "Permission denied") != NULL
		  ? 0
		  : 3);
}

static void
assert_denied(const char *path)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		child_open_unprivileged(path);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
a_directory_that_is_not_ours_is_said(void **state)
{
	struct place *p = *state;
	char path[256];
	size_t len;

	assert_int_equal(chmod(p->dir, 0555), 0);
	assert_denied(p->path);
	snprintf(path, sizeof path, "%s/sub/state.db", p->dir);
	assert_denied(path);
	assert_int_equal(chmod(p->dir, 0700), 0);
	free(sample(p, &len));
	assert_int_equal(chmod(p->path, 0444), 0);
	assert_int_equal(chmod(p->dir, 0555), 0);
	assert_denied(p->path);
	/* The file may be written, but its log cannot be made beside it. */
	assert_int_equal(chmod(p->path, 0666), 0);
	assert_denied(p->path);
	assert_int_equal(chmod(p->dir, 0700), 0);
}

static void
a_link_is_followed_and_stays(void **state)
{
	struct place *p = *state;
	char link[128], aside[256];
	struct store *s;
	struct stat st;

	snprintf(link, sizeof link, "%s/link", p->dir);
	assert_int_equal(symlink(p->path, link), 0);
	store_close(must_open(link)); /* it led nowhere */
	assert_int_equal(access(p->path, F_OK), 0);
	write_file(p->path, "SQL", 3);
	snprintf(aside, sizeof aside, "%s.damaged-1", p->path);
	s = must_open(link);
	assert_string_equal(store_moved_to(s), aside);
	store_close(s);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(access(aside, F_OK), 0);
	s = must_open(link);
	assert_null(store_moved_to(s));
	store_close(s);
}

static void
file_limit(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
a_full_disk_fails_whole_commits_and_passes(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	void (*was)(int) = signal(SIGXFSZ, SIG_IGN);
	struct err err = { "" };
	int failed = 0;

	fill(s);
	for (rlim_t limit = 1; limit < 40000; limit += 1777) {
		bool done;

		file_limit(limit);
		done = store_begin(s, &err) == 0;
		if (done && try_incident(s, "01B", 2000, 0, &err) != 0) {
			store_rollback(s);
			done = false;
		} else if (done) {
			done = store_commit(s, limit % 2 == 0, &err) == 0;
		}
		file_limit(RLIM_INFINITY);
		if (done)
			break;
		failed++;
		assert_has(err.text, p->path);
		assert_has(err.text, "File too large");
		assert_dump(s, filled);
	}
	assert_true(failed > 2);
	signal(SIGXFSZ, was);
	begin(s);
	put_incident(s, "01B", 2000, 9);
	put_incident(s, "01B", 2000, 0);
	commit(s, true);
	store_close(s);
	s = must_open(p->path);
	begin(s);
	must(store_incidents_prune(s, INT64_MAX, &err), &err);
	commit(s, false);
	store_close(s);
	assert_false(remove_damaged(p));
}

static void
a_fault_within_a_transaction_dooms_it(void **state)
{
	static char big[60000];
	struct place *p = *state;
	struct store *s = must_open(p->path);
	void (*was)(int) = signal(SIGXFSZ, SIG_IGN);
	struct delivery_row row = delivery(0, (struct text){ big, 60000 });
	struct err err = { "" }, first = { "" };
	int i;

	fill(s);
	begin(s);
	put_incident(s, "01B", 2000, 0);
	file_limit(4096);
	/* More than memory may hold: the disk is asked before the commit. */
	for (i = 0; i < 100; i++) {
		row.seq = 0;
		if (store_delivery_put(s, &row, &first) != 0)
			break;
	}
	file_limit(RLIM_INFINITY);
	assert_in_range(i, 1, 99);
	assert_int_equal(try_incident(s, "01C", 2000, 0, &err), -1);
	assert_string_equal(err.text, first.text);
	assert_int_equal(store_commit(s, true, &err), -1);
	assert_string_equal(err.text, first.text);
	signal(SIGXFSZ, was);
	assert_dump(s, filled);
	begin(s);
	put_position(s, "worker", 7, 160);
	put_position(s, "worker", 7, 150);
	commit(s, true);
	store_close(s);
	s = must_open(p->path);
	assert_dump(s, filled);
	store_close(s);
}

static void
only_a_durable_commit_waits_for_the_disk(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);

	fill(s);
	syncs.count = 0;
	for (int i = 0; i < 10; i++) {
		begin(s);
		put_position(s, "worker", 7, i);
		commit(s, false);
	}
	assert_int_equal(syncs.count, 0);
	begin(s);
	put_position(s, "worker", 7, 11);
	commit(s, true);
	assert_int_equal(syncs.count, 1);
	store_close(s);
}

static void
a_sync_that_fails_is_made_good_or_told(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct err err = { "" };

	fill(s);
	begin(s);
	put_position(s, "worker", 7, 1);
	syncs.failing = 1; /* of the log; the database can still be written */
	commit(s, true);
	begin(s);
	put_position(s, "worker", 7, 150);
	syncs.failing = 100;
	assert_int_equal(store_commit(s, true, &err), -1);
	assert_has(err.text, "Input/output error");
	begin(s);
	put_position(s, "worker", 7, 150);
	assert_int_equal(store_commit(s, true, &err), -1);
	assert_has(err.text, "Input/output error");
	syncs.failing = 0;
	begin(s);
	put_position(s, "worker", 7, 150);
	commit(s, true);
	store_close(s);
	s = must_open(p->path);
	assert_dump(s, filled);
	store_close(s);
}

static void
a_file_that_was_taken_away_is_noticed(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct err err = { "" };
	char away[128];

	fill(s);
	snprintf(away, sizeof away, "%s/away", p->dir);
	assert_int_equal(rename(p->path, away), 0);
	begin(s);
	put_position(s, "worker", 7, 1);
	assert_int_equal(store_commit(s, true, &err), -1);
	assert_has(err.text, "removed or replaced");
	assert_dump(s, filled);
	assert_int_equal(rename(away, p->path), 0);
	begin(s);
	put_position(s, "worker", 7, 150);
	commit(s, true);
	store_close(s);
}

static void
a_file_does_not_grow_with_what_is_gone(void **state)
{
	static char body[20000];
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct err err;
	struct stat st;

	syncs.skip = true;
	for (uint64_t i = 0; i < 3000; i++) {
		begin(s);
		put_position(s, "worker", i, 1);
		put_delivery(s, 0, (struct text){ body, sizeof body });
		must(store_position_delete(
			 s, "worker", UINT64_MAX, i - 10, &err),
		    &err);
		must(store_delivery_delete(s, (int64_t)i - 50, &err), &err);
		commit(s, false);
	}
	begin(s);
	for (int64_t seq = 1; seq <= 3000; seq++)
		must(store_delivery_delete(s, seq, &err), &err);
	commit(s, false);
	store_close(s);
	assert_int_equal(stat(p->path, &st), 0);
	assert_true(st.st_size < 100 * 1024);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, place_make, place_clear)

static void
list_intent(const struct intent_row *row, void *ctx)
{
	str_printf(ctx, "%d %s %s %s ", row->slot, row->incident, row->rule,
	    row->action);
	add_bytes(ctx, row->key);
	str_printf(ctx, " %" PRId64 " %" PRId64 " %" PRId64 "|", row->pid,
	    row->spawned_ms, row->started_ms);
}

static void
intents_are(struct store *s, const char *want)
{
	struct str got = { 0 };

	str_puts(&got, "");
	store_intents(s, list_intent, &got);
	assert_string_equal(got.data, want);
	str_free(&got);
}

static struct intent_row
intent(const char *incident)
{
	return (struct intent_row){ .incident = incident,
		.rule = "down",
		.key = TEXT("1:a"),
		.action = "restart",
		.spawned_ms = 70,
		.started_ms = 80 };
}

static void
an_intent_needs_no_commit(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct intent_row a = intent("A"), b = intent("B");

	assert_true(store_intent_put(s, &a));
	begin(s); /* within a transaction, too, and after its end */
	assert_true(store_intent_put(s, &b));
	store_rollback(s);
	a.pid = 4711;
	assert_true(store_intent_put(s, &a));
	store_close(s);
	s = must_open(p->path);
	intents_are(s, "1 A down restart 1:a  4711 70 80|"
		       "2 B down restart 1:a  0 70 80|");
	store_intent_delete(s, 1);
	a = intent("C");
	assert_true(store_intent_put(s, &a));
	assert_int_equal(a.slot, 1);
	store_intent_delete(s, 2);
	store_close(s);
	s = must_open(p->path);
	intents_are(s, "1 C down restart 1:a  0 70 80|");
	store_close(s);
}

static void
intents_are_few_and_short(void **state)
{
	struct place *p = *state;
	struct store *s = must_open(p->path);
	struct intent_row row = intent("A");
	static const char key[4096];

	row.key = (struct text){ key, sizeof key };
	assert_false(store_intent_put(s, &row));
	for (int i = 0; i < 16; i++) {
		row = intent("A");
		assert_true(store_intent_put(s, &row));
	}
	row = intent("A");
	assert_false(store_intent_put(s, &row));
	assert_int_equal(row.slot, 0);
	store_intent_delete(s, 7);
	assert_true(store_intent_put(s, &row));
	assert_int_equal(row.slot, 7);
	store_close(s);
}

static void
a_damaged_intent_is_left_out(void **state)
{
	struct place *p = *state;
	char path[128];

	snprintf(path, sizeof path, "%s-intents", p->path);
	for (int at = 0; at < 63; at++) { /* so long it is */
		struct store *s = must_open(p->path);
		struct intent_row a = intent("A"), b = intent("B");
		unsigned char byte;
		int fd;

		assert_true(store_intent_put(s, &a));
		assert_true(store_intent_put(s, &b));
		store_close(s);
		fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x80;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		s = must_open(p->path);
		intents_are(s, "2 B down restart 1:a  0 70 80|");
		store_intent_delete(s, 2);
		store_close(s);
		s = must_open(p->path);
		intents_are(s, "");
		store_close(s);
	}
}

static void
where_no_intent_can_be_kept_the_state_is_there_all_the_same(void **state)
{
	struct place *p = *state;
	struct intent_row row = intent("A");
	struct store *s;
	char path[128];

	snprintf(path, sizeof path, "%s-intents", p->path);
	assert_int_equal(mkdir(path, 0700), 0);
	s = must_open(p->path);
	assert_false(store_intent_put(s, &row));
	intents_are(s, "");
	begin(s);
	commit(s, true);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_comes_back_after_a_reopen),
		TEST(a_closed_file_lies_alone),
		TEST(a_file_and_its_directories_are_private),
		TEST(what_is_not_committed_is_gone),
		TEST(a_number_is_not_given_twice_after_a_rollback),
		TEST(a_delivery_keeps_its_body_and_its_place),
		TEST(a_detector_without_state_is_forgotten),
		TEST(a_position_is_deleted_by_its_key),
		TEST(incidents_are_listed_as_they_opened_and_pruned),
		TEST(runs_are_listed_oldest_first_and_pruned),
		TEST(a_kill_leaves_whole_transactions),
		TEST(a_second_opener_is_refused_by_pid),
		TEST(a_second_opener_in_the_same_process_is_refused),
		TEST(of_two_that_find_damage_at_once_one_goes_on),
		TEST(a_snapshot_sees_the_last_commit_and_disturbs_nobody),
		TEST(snapshots_of_a_busy_file_are_whole),
		TEST(a_snapshot_leaves_no_files_behind),
		TEST(no_file_is_a_missing_snapshot_and_an_empty_copy),
		TEST(a_copy_leaves_the_file_as_it_was),
		TEST(a_copy_of_damage_is_empty_and_leaves_it_there),
		TEST(a_file_cut_at_any_length_is_no_hindrance),
		TEST(a_file_with_any_byte_flipped_is_no_hindrance),
		TEST(a_log_with_any_damage_is_no_hindrance),
		TEST(what_is_no_state_is_moved_aside),
		TEST(a_file_of_somebody_else_is_left_as_it_is),
		TEST(a_database_of_another_program_is_moved_aside),
		TEST(an_empty_file_is_new_but_not_with_a_log),
		TEST(a_newer_file_is_refused_and_left_alone),
		TEST(a_path_that_cannot_be_a_file_is_said),
		TEST(a_directory_that_is_not_ours_is_said),
		TEST(a_link_is_followed_and_stays),
		TEST(a_full_disk_fails_whole_commits_and_passes),
		TEST(an_intent_needs_no_commit),
		TEST(intents_are_few_and_short),
		TEST(a_damaged_intent_is_left_out),
		TEST(
		    where_no_intent_can_be_kept_the_state_is_there_all_the_same),
		TEST(a_fault_within_a_transaction_dooms_it),
		TEST(only_a_durable_commit_waits_for_the_disk),
		TEST(a_sync_that_fails_is_made_good_or_told),
		TEST(a_file_that_was_taken_away_is_noticed),
		TEST(a_file_does_not_grow_with_what_is_gone),
	};
	const struct log_options quiet = { .path = "/dev/null",
		.level = LOG_ERROR };

	log_open(&quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
