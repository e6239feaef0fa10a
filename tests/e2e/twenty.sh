#!/bin/bash
# SPDX-License-Identifier: MIT
# The main job, with nothing simulated but Twenty's own code: a PostgreSQL, a
# Redis and a Node worker with BullMQ, an orphaned row that ends the worker, and
# logwatch with the shipped rules, which finds, cleans, restarts, proves, tells.
# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?}/tests/e2e/lib.sh"

old_fk=FK_3c5cb8a4a83a16db773d1272b38 # timelineActivity.workflowId
new_fk=FK_017f8e2306dc1b0182a33b062a5 # timelineActivity.targetWorkflowId
run_fk=FK_3c53994e4a67712996d6a9cbf8d # timelineActivity.targetWorkflowRunId
living=20202020-0000-4000-8000-000000000001
deleted=20202020-0000-4000-8000-000000000002
destroyed=20202020-0000-4000-8000-000000000003
hostile='Say <!channel> & *bold* _it_ [to](http://evil.invalid) <at>all</at>'
# A schema that nobody quoted well would be torn by.
odd='workspace_odd "name'\''; --'

need node npm jq psql redis-server python3 flock setsid ps
initdb=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null |
    sort -V | tail -n 1)
[[ $initdb ]] || die 'PostgreSQL is missing: contrib/install-deps.sh --tests'
postgres_bin=$(dirname "$initdb")

state=$tmp/twenty.db
twenty=$tmp/twenty
log=$twenty/twenty_worker.log
entry=$twenty/dist/src/queue-worker/queue-worker.js
# This worker and no other: the machine may have a real one.
export TWENTY_WORKER_PATTERN="^([^ ]*/)?node $entry\$"

workers() {
	"$srcdir/contrib/restart-worker.sh" --list | cut -d ' ' -f 1
}

# The worker that logwatch started is nobody's child.
at_exit() {
	local worker

	[[ -s $tmp/logwatch.pid ]] && stop "$(cat "$tmp/logwatch.pid")"
	for worker in $(workers); do
		stop "$worker"
	done
}

# --- the services

# PostgreSQL refuses to be run by root.
as_postgres() {
	local user=postgres

	if ((EUID != 0)); then
		exec "$@"
	fi
	id "$user" >/dev/null 2>&1 || user=nobody
	exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
	    "$@"
}

start_postgres() {
	local port

	port=$(free_port)
	mkdir "$tmp/pg"
	if ((EUID == 0)); then
		chmod 711 "$tmp"
		chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$tmp/pg"
	fi
	(cd / && as_postgres "$initdb" --pgdata "$tmp/pg/data" --no-sync \
	    --username postgres --auth trust --locale C --encoding UTF8) \
	    >"$tmp/initdb.log" 2>&1 </dev/null || die 'initdb failed'
	start postgres as_postgres "$postgres_bin/postgres" -D "$tmp/pg/data" \
	    -c listen_addresses=127.0.0.1 -c "port=$port" \
	    -c unix_socket_directories= -c fsync=off \
	    -c log_statement=all -c 'log_line_prefix=%n [%p] %a '
	export PG_DATABASE_URL=postgres://postgres:secret@127.0.0.1:$port/postgres
	wait_for 20 'PostgreSQL answers' \
	    "$postgres_bin/pg_isready" --quiet -h 127.0.0.1 -p "$port"
}

start_redis() {
	local port

	port=$(free_port)
	redis_url=redis://127.0.0.1:$port
	start redis redis-server --bind 127.0.0.1 --port "$port" --save '' \
	    --appendonly no --dir "$tmp"
	wait_for 10 'Redis answers' redis_answers "$port"
}

redis_answers() { # PORT
	[[ $(redis-cli -p "$1" ping 2>/dev/null) == PONG ]]
}

start_receiver() { # NAME
	start "$1" /usr/bin/env python3 "$srcdir/contrib/receiver.py" --strict \
	    --port-file "$tmp/$1.port" --record "$tmp/$1.jsonl"
	wait_for 10 "the receiver $1 listens" test -s "$tmp/$1.port"
}

sql() { # [PSQL-OPTION...], statements on standard input
	psql --no-psqlrc --quiet --no-align --tuples-only \
	    --set ON_ERROR_STOP=1 "$@" "$PG_DATABASE_URL"
}

# Two workspaces as Twenty makes them, before and after it renamed the columns;
# one with a name to stumble over; and one schema that is no workspace.
make_tables() {
	sql <<'EOF' || die 'the tables cannot be made'
CREATE FUNCTION make_workspace(ws text, prefix text, fk text, run_fk text,
	living uuid, deleted uuid, destroyed uuid, title text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE SCHEMA %I', ws);
	EXECUTE format('CREATE TABLE %I.workflow (id uuid PRIMARY KEY,
		name text, "deletedAt" timestamptz)', ws);
	EXECUTE format('CREATE TABLE %I."workflowRun" (id uuid PRIMARY KEY)',
		ws);
	EXECUTE format('CREATE TABLE %1$I."timelineActivity" (
		id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
		name text, properties jsonb, %2$I uuid, %3$I uuid,
		"companyId" uuid,
		CONSTRAINT %4$I FOREIGN KEY (%2$I)
		REFERENCES %1$I.workflow ON DELETE CASCADE,
		CONSTRAINT %5$I FOREIGN KEY (%3$I)
		REFERENCES %1$I."workflowRun" ON DELETE CASCADE)',
		ws, prefix || 'orkflowId', prefix || 'orkflowRunId', fk,
		run_fk);
	EXECUTE format('INSERT INTO %I.workflow VALUES ($1, ''living'', NULL),
		($2, ''deleted'', now()), ($3, $4, NULL)', ws)
		USING living, deleted, destroyed, title;
	EXECUTE format('INSERT INTO %I."timelineActivity"(name, %I)
		VALUES (''keep'', $1), (''keep'', NULL),
		(''orphan'', $2), (''orphan'', $2)', ws, prefix || 'orkflowId')
		USING living, deleted;
END $$;
EOF
	make_workspace workspace_old w "$old_fk"
	make_workspace workspace_new targetW "$new_fk"
	make_workspace "$odd" w "$old_fk"
	make_workspace core w "$old_fk"
	# One whose parent is not there, which no valid constraint allows.
	sql <<'EOF' || die 'no row could be orphaned'
SET session_replication_role = replica;
INSERT INTO workspace_new."timelineActivity"(name, "targetWorkflowRunId")
VALUES ('orphan', gen_random_uuid());
INSERT INTO workspace_new."timelineActivity"(name, "companyId")
VALUES ('keep', gen_random_uuid());
EOF
}

make_workspace() { # SCHEMA PREFIX CONSTRAINT
	sql --set ws="$1" --set prefix="$2" --set fk="$3" \
	    --set run_fk="$run_fk" --set living="$living" \
	    --set deleted="$deleted" --set destroyed="$destroyed" \
	    --set title="$hostile" <<'EOF' >/dev/null ||
SELECT make_workspace(:'ws', :'prefix', :'fk', :'run_fk', :'living',
	:'deleted', :'destroyed', :'title');
EOF
	    die "the workspace $1 cannot be made"
}

rows() { # SCHEMA NAME
	sql --set ws="$1" --set name="$2" <<'EOF'
SELECT format('SELECT count(*) FROM %I."timelineActivity" WHERE name = %L',
	:'ws', :'name') \gexec
EOF
}

# --- the worker

# The packages are installed once and kept where caches are kept; the lock file
# says their exact bytes.  Prints where they are.
node_modules() {
	local cache=${XDG_CACHE_HOME:-${HOME:-$tmp}/.cache}/logwatch-e2e
	local lock=$srcdir/tests/e2e/worker/package-lock.json
	local dir new

	if ! mkdir -p "$cache" 2>/dev/null || [[ ! -w $cache ]]; then
		cache=$tmp
	fi
	[[ -w ${HOME:-/} ]] || export npm_config_cache=$tmp/npm
	dir=$cache/$(cat "$lock" "${lock/-lock/}" | sha256sum | cut -c 1-16)
	(
		# Two tests at once install it once.
		flock 9
		[[ -d $dir ]] && exit
		new=$(mktemp -d "$dir.XXXXXX") || exit
		cp "$lock" "${lock/-lock/}" "$new" && chmod u+w "$new"/* &&
		    cd "$new" && npm ci --ignore-scripts --no-audit \
			--no-fund >"$tmp/npm.log" 2>&1 </dev/null &&
		    mv "$new" "$dir" && exit
		rm -rf "$new"
		exit 1
	) 9>"$dir.lock" || die 'npm ci failed'
	echo "$dir/node_modules"
}

install_worker() {
	local modules

	modules=$(node_modules) || exit 1
	mkdir -p "$(dirname "$entry")"
	cp "$srcdir/tests/e2e/worker/queue-worker/"*.js "$(dirname "$entry")"
	cp "$srcdir/tests/e2e/worker/enqueue.js" "$twenty"
	ln -s "$modules" "$twenty/node_modules"
	printf '%s\n' "PG_DATABASE_URL=$PG_DATABASE_URL" \
	    "REDIS_URL=$redis_url" CRON_EVERY_MS=1000 >"$twenty/.env"
}

start_worker() {
	(cd "$twenty" && exec env -u PG_DATABASE_URL TZ=UTC node "$entry" \
	    >"$log" 2>&1 </dev/null) &
	worker=$!
	wait_for 20 'the worker does jobs' grep -q 'processed on queue' "$log"
}

enqueue() { # NAME JSON
	node "$twenty/enqueue.js" "$redis_url" "$1" "$2" ||
	    die "the job $1 cannot be added"
}

upsert() { # JOB: for the destroyed workflow, in the old workspace
	enqueue "$1" "$(jq -nc --arg w "$destroyed" --arg t "$hostile" \
	    '{schema: "workspace_old", column: "workflowId", workflow: $w,
	    title: $t}')"
}

plain_log() {
	sed 's/\x1b\[[0-9;]*m//g' "$log"
}

worker_starts() {
	grep -c 'Starting Nest application' "$log"
}

# --- logwatch

start_logwatch() {
	expect 'the shipped rules have a fault' \
	    "$LOGWATCH" check --rules "$srcdir/rules/twenty.yml"
	expect 'logwatch does not start' "$LOGWATCH" run \
	    --rules "$srcdir/rules/twenty.yml" --state "$state" --daemon \
	    --pidfile "$tmp/logwatch.pid" --log-file "$tmp/logwatch.log"
}

incidents() { # JQ-FILTER
	"$LOGWATCH" incidents --all --json --state "$state" 2>/dev/null |
	    jq -c "$1"
}

has_incidents() { # COUNT JQ-CONDITION
	[[ $(incidents "select($2) | .id" | wc -l) -eq $1 ]]
}

incident() { # RULE [N]: the N-th record of the rule, the oldest first
	incidents . | jq -sc --arg rule "$1" --argjson n "${2:-1}" \
	    'map(select(.rule == $rule)) | sort_by(.id)[$n - 1]'
}

# Every text of every message that a receiver took, a message a line; what
# stands for line breaks and escapes does not matter here.
texts() { # RECEIVER
	jq -c '.body | fromjson | [.. | strings] | join(" ")' "$tmp/$1.jsonl" |
	    tr -d '\134'
}

told() { # RECEIVER TEXT
	texts "$1" | grep -qF "$2"
}

# --- the test

step 'PostgreSQL and Redis start'
export PGPASSWORD=secret
start_postgres
start_redis
make_tables
step 'the worker starts'
install_worker
start_worker
first_worker=$worker

step 'the scripts, asked what they would do'
start decoy tail -f "$entry"
expect_equal 'the workers that --list finds' "$first_worker" "$(workers)"
listed=$(TWENTY_WORKER_PATTERN='' \
    "$srcdir/contrib/restart-worker.sh" --list | grep -F "$entry")
[[ $listed == "$first_worker node "* && $listed != *$'\n'* ]] ||
    die "the default pattern finds: $listed"
dry=$(TWENTY_DIR=$twenty "$srcdir/contrib/clean-timeline-orphans.sh" --dry-run)
expect_equal 'a dry run' "workspace_new: 3
$odd: 2
workspace_old: 2
7 row(s) would be removed in 3 workspace(s)" "$dry"
expect_equal 'orphans after a dry run' 2 "$(rows workspace_old orphan)"

step 'logwatch starts'
start_receiver slack
start_receiver teams
export TWENTY_WORKER_LOG=$log TWENTY_DIR=$twenty \
    TWENTY_SCRIPTS=$srcdir/contrib TWENTY_VERIFY_WITHIN=20s
TWENTY_WORKER_COMMAND="node $entry"
SLACK_WEBHOOK_URL=http://127.0.0.1:$(cat "$tmp/slack.port")/slack
TEAMS_WEBHOOK_URL=http://127.0.0.1:$(cat "$tmp/teams.port")/teams
export TWENTY_WORKER_COMMAND SLACK_WEBHOOK_URL TEAMS_WEBHOOK_URL
start_logwatch

step 'a workflow is destroyed, and a job fails for it'
sql <<EOF || die 'the workflow cannot be destroyed'
DELETE FROM workspace_old.workflow WHERE id = '$destroyed';
EOF
upsert UpsertTimelineActivityFromInternalEvent
wait_for 15 'the violation is an incident' \
    has_incidents 1 '.rule == "foreign-key-violation"'
message="insert or update on table \"timelineActivity\" violates foreign key \
constraint \"$old_fk\""
expect "PostgreSQL's own words" grep -qF "ERROR:  $message" "$tmp/postgres.log"
incident foreign-key-violation | jq -e --arg message "$message" \
    --arg constraint "$old_fk" '.severity == "warning" and .state == "open"
    and (.event | endswith($message)) and .actions == []
    and .key == {constraint: $constraint, table: "timelineActivity"}' \
    >/dev/null || die "the incident: $(incident foreign-key-violation)"
sleep 2
expect_equal 'incidents of a violation alone' 1 \
    "$(incidents . | wc -l)"
expect_equal 'the worker after a violation alone' "$first_worker" "$(workers)"

step 'a job that nobody awaits: the violation ends the worker'
upsert CallWebhookJobsForWorkflow
wait_for 15 'the worker is gone' eval "! running $first_worker"
wait "$first_worker"
expect_equal "the worker's exit status" 1 $?
exit_ms=$(elapsed_ms)
expect "Node's own last line" eval \
    "plain_log | grep -qE '^Node\\.js v[0-9.]+\$'"
wait_for 40 'both incidents of the exit are resolved' has_incidents 2 \
    '.state == "resolved"'
step "resolved $(($(elapsed_ms) - exit_ms)) ms after the exit"

second_worker=$(workers)
[[ $second_worker =~ ^[0-9]+$ ]] || die "not one worker: $second_worker"
[[ $second_worker != "$first_worker" ]] || die 'the worker is the same'
expect_equal 'starts of the worker' 2 "$(worker_starts)"
expect_equal 'the session of the worker' "$second_worker" \
    "$(ps -o sid= -p "$second_worker" | tr -d ' ')"
expect_equal 'what the worker has open from others' '' "$(
	find "/proc/$second_worker/fd" -lname "$twenty" -o -lname '*.db*')"
expect_equal "variables of logwatch's in the worker" '' "$(
	tr '\0' '\n' <"/proc/$second_worker/environ" | grep ^LOGWATCH_)"
for schema in workspace_old workspace_new "$odd"; do
	expect_equal "orphans in $schema" 0 "$(rows "$schema" orphan)"
	expect_equal "other rows in $schema" \
	    "$([[ $schema == *new ]] && echo 3 || echo 2)" \
	    "$(rows "$schema" keep)"
done
expect_equal 'rows of what is no workspace' 2 "$(rows core orphan)"

incident violation-then-exit | jq -e --arg constraint "$old_fk" '
    .severity == "critical" and .captures.constraint == $constraint
    and .captures.table == "timelineActivity"
    and [.actions[] | [.name, .state, .attempt, .exit]] ==
	[["clean-timeline-orphans", "succeeded", 1, 0],
	["restart-worker", "succeeded", 1, 0]]
    and (.actions[0].output | contains("7 row(s) removed in 3 workspace"))' \
    >/dev/null || die "the incident: $(incident violation-then-exit)"
incident worker-exit | jq -e '.severity == "critical"
    and [.actions[] | [.name, .state, .attempt, .exit]] ==
	[["restart-worker", "succeeded", 1, 0]]' >/dev/null ||
    die "the incident: $(incident worker-exit)"
expect_equal 'restarts that both asked for' 1 "$(
	incidents '.actions[].output // "" | select(test("started worker"))' |
	    wc -l)"

# Cleaning came first: its COMMIT, and when the new process began.
cleaned=$(grep 'logwatch LOG:  statement: COMMIT' "$tmp/postgres.log" |
    tail -n 1 | cut -d ' ' -f 1)
read -r uptime _ </proc/uptime
began=$(awk -v now="$EPOCHREALTIME" -v up="$uptime" \
    -v hz="$(getconf CLK_TCK)" '{
	sub(/.*\) /, "")
	printf "%.3f\n", now - up + $20 / hz
    }' "/proc/$second_worker/stat")
awk -v a="$cleaned" -v b="$began" \
    'BEGIN { exit !(a != "" && a + 0 < b + 0) }' ||
    die "cleaned at $cleaned, but the worker began at $began"

step 'what the receivers were told'
ended='A foreign key violation on timelineActivity ended the worker'
for receiver in slack teams; do
	wait_for 15 "$receiver: the warning" told "$receiver" \
	    '[warning] opened: Foreign key violated on table timelineActivity'
	for change in opened repaired resolved; do
		wait_for 15 "$receiver: $change" told "$receiver" \
		    "[critical] $change: $ended"
		wait_for 15 "$receiver: $change" told "$receiver" \
		    "[critical] $change: The Twenty worker ended: Node.js v"
	done
	expect_equal "messages to $receiver" 7 "$(wc -l <"$tmp/$receiver.jsonl")"
	expect_equal "what $receiver would have refused" '' \
	    "$(jq -c 'select(.faults != []) | .faults' "$tmp/$receiver.jsonl")"
	# The log around the event is told; its mention got there as text.
	expect "$receiver: the name of the workflow" eval \
	    "texts $receiver | grep -q '!channel'"
done
# Strict receivers refuse markup; this is what it would look like.
expect_equal 'mentions in the text of Slack' '' "$(
	jq -r '.body | fromjson | .text, .attachments[].fallback,
	    (.attachments[] | .text // empty, .title // empty)' \
	    "$tmp/slack.jsonl" | grep '<!channel>')"

step 'an exit without a violation: restarted, nothing cleaned'
enqueue CreateAuditLogFromInternalEvent '{}'
wait_for 15 'the worker is gone' eval "! running $second_worker"
wait_for 40 'the second exit is resolved' has_incidents 2 \
    '.rule == "worker-exit" and .state == "resolved"'
expect_equal 'starts of the worker' 3 "$(worker_starts)"
incident worker-exit 2 | jq -e '[.actions[] | [.name, .state]] ==
    [["restart-worker", "succeeded"]]' >/dev/null ||
    die "the incident: $(incident worker-exit 2)"
expect_equal 'all incidents' 'foreign-key-violation open
violation-then-exit resolved
worker-exit resolved
worker-exit resolved' "$(incidents '"\(.rule) \(.state)"' | jq -r . | sort)"

step 'logwatch stops, and the worker goes on'
third_worker=$(workers)
stop "$(cat "$tmp/logwatch.pid")"
expect 'the worker outlives logwatch' running "$third_worker"
step 'done'
