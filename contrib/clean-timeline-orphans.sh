#!/bin/bash
# SPDX-License-Identifier: MIT
# Removes the timeline rows of workflows that are gone, in every workspace of
# Twenty's database.  It changes nothing else and may run at any time.
set -u

usage() {
	cat <<'EOF'
Usage: clean-timeline-orphans.sh [--dry-run]

In every schema workspace_… that has the tables "timelineActivity" and
"workflow": deletes the rows of "timelineActivity" whose workflow, workflow
version or workflow run does not exist, or whose workflow is deleted in Twenty
(its "deletedAt" is set: should somebody restore it, its history stays gone).
All in one transaction, under an advisory lock; prints how many rows it removed.

  --dry-run  only count, in a transaction that can write nothing
  --help     print this

Environment:
  PG_DATABASE_URL  the database; default: the one that TWENTY_DIR's .env or
                   packages/twenty-server/.env names, then
                   postgres://postgres:postgres@localhost:5432/default
  TWENTY_DIR       Twenty's directory; default: the current one

Exit status: 0 done, or nothing to do; 2 wrong usage; 3 no connection, or psql
is missing; 4 the database refused (nothing is changed then), or another repair
took too long.
EOF
}

die() { # STATUS TEXT...
	local status=$1

	shift
	printf 'clean-timeline-orphans.sh: %s\n' "$*" >&2
	exit "$status"
}

# What Twenty itself would use.  The file is read, not run.
url_of_env_file() {
	local file line

	for file in "$dir/packages/twenty-server/.env" "$dir/.env"; do
		[[ -r $file ]] || continue
		while IFS= read -r line; do
			line=${line%$'\r'}
			[[ $line =~ ^(export )?PG_DATABASE_URL=[\"\']?([^\"\'[:space:]]+) ]] &&
			    printf '%s\n' "${BASH_REMATCH[2]}" && return
		done <"$file"
	done
	return 1
}

# Sets url without the password, which goes to the environment: arguments of a
# process can be read by everybody.
hide_password() {
	local password

	[[ $url =~ ^([a-z]+://[^:/@?]*):([^/?]*)@(.*)$ ]] || return 0
	url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
	password=${BASH_REMATCH[2]//\\/\\\\}
	printf -v PGPASSWORD %b "${password//%/\\x}"
	export PGPASSWORD
}

run_sql() {
	psql --no-psqlrc --no-password --quiet --no-align --tuples-only \
	    --set ON_ERROR_STOP=1 --set dry_run="$dry_run" \
	    --set access="$([[ $dry_run ]] && echo ONLY || echo WRITE)" \
	    --dbname "$url" <<'EOF'
BEGIN TRANSACTION READ :access;
SET LOCAL lock_timeout = '15s';
SET LOCAL statement_timeout = '60s';
SET LOCAL client_min_messages = warning;
-- Names in statements are written out in full.
SET LOCAL search_path = pg_catalog;
SELECT pg_advisory_xact_lock(hashtext('logwatch'),
    hashtext('clean-timeline-orphans')) \g /dev/null
SELECT set_config('logwatch.dry_run', :'dry_run', true),
    set_config('logwatch.rows', '{}', true) \g /dev/null

DO $$
DECLARE
	schema name;
	parent record;
	gone text[];
	condition text;
	number bigint;
BEGIN
	FOR schema IN
		SELECT n.nspname FROM pg_namespace n
		WHERE n.nspname LIKE 'workspace\_%'
		AND 2 = (SELECT count(*) FROM pg_class c
			WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
			AND c.relname IN ('timelineActivity', 'workflow'))
		ORDER BY 1
	LOOP
		gone := '{}';
		-- A column of the timeline and the table that it points at,
		-- under the old and the new name, where both are there.
		FOR parent IN
			SELECT a.attname AS reference, p.relname AS table,
				p.relname = 'workflow' AND EXISTS (
					SELECT FROM pg_attribute d
					WHERE d.attrelid = p.oid
					AND d.attname = 'deletedAt'
					AND NOT d.attisdropped) AS deletable
			FROM pg_class p
			JOIN pg_class t ON t.relnamespace = p.relnamespace
				AND t.relname = 'timelineActivity'
			JOIN pg_attribute a ON a.attrelid = t.oid
				AND NOT a.attisdropped
				AND a.attname IN (p.relname || 'Id', 'target'
					|| upper(left(p.relname, 1))
					|| substr(p.relname, 2) || 'Id')
			WHERE p.relnamespace = to_regnamespace(
				quote_ident(schema))
			AND p.relkind IN ('r', 'p')
			AND p.relname IN
				('workflow', 'workflowVersion', 'workflowRun')
		LOOP
			gone := gone || format('(t.%1$I IS NOT NULL AND '
				'NOT EXISTS (SELECT FROM %2$I.%3$I p '
				'WHERE p.id = t.%1$I%4$s))',
				parent.reference, schema, parent.table,
				CASE WHEN parent.deletable
				THEN ' AND p."deletedAt" IS NULL' ELSE '' END);
		END LOOP;
		CONTINUE WHEN gone = '{}';
		condition := array_to_string(gone, ' OR ');
		IF current_setting('logwatch.dry_run') <> '' THEN
			EXECUTE format('SELECT count(*) FROM %I.%I t WHERE %s',
				schema, 'timelineActivity', condition)
				INTO number;
		ELSE
			EXECUTE format('DELETE FROM %I.%I t WHERE %s',
				schema, 'timelineActivity', condition);
			GET DIAGNOSTICS number = ROW_COUNT;
		END IF;
		PERFORM set_config('logwatch.rows',
			(current_setting('logwatch.rows')::jsonb
			|| jsonb_build_object(schema, number))::text, true);
	END LOOP;
END $$;

SELECT format('%s: %s', key, value)
FROM jsonb_each_text(current_setting('logwatch.rows')::jsonb)
WHERE value <> '0' ORDER BY key;
SELECT format('%s row(s) %s in %s workspace(s)',
	coalesce(sum(value::bigint), 0),
	CASE WHEN current_setting('logwatch.dry_run') = '' THEN 'removed'
	ELSE 'would be removed' END, count(*))
FROM jsonb_each_text(current_setting('logwatch.rows')::jsonb);
COMMIT;
EOF
}

dry_run=
case ${1-} in
--dry-run)
	dry_run=1
	;;
--help)
	usage
	exit 0
	;;
'') ;;
*)
	usage >&2
	exit 2
	;;
esac
command -v psql >/dev/null ||
    die 3 'psql not found: on Debian install the package postgresql-client'
dir=${TWENTY_DIR:-.}
url=${PG_DATABASE_URL:-}
[[ $url ]] || url=$(url_of_env_file) ||
    url=postgres://postgres:postgres@localhost:5432/default
hide_password
export PGCONNECT_TIMEOUT=10 PGAPPNAME=logwatch
# A restart of the worker waits for this lock; a dry run need not.
if [[ ! $dry_run ]]; then
	{ exec 9<"$dir"; } 2>/dev/null ||
	    die 2 "TWENTY_DIR: cannot open $dir"
	flock -w 60 9 || die 4 "another repair holds $dir for more than 60 s"
fi
run_sql 9<&-
case $? in
0) ;;
2) die 3 "no connection to ${url%%\?*}" ;;
*) die 4 'nothing was changed' ;;
esac
