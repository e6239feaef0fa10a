#!/bin/sh
# SPDX-License-Identifier: MIT
# Stands in for Twenty's queue worker in quickstart.sh: prints its lines, and
# dies of orphaned rows while DIR/orphans, the stand-in of a table, has any.
set -eu

dir=${1:?usage: queue-worker.sh DIR}
trap 'exit 0' TERM
echo $$ >"$dir/worker.pid"

nest() { # CONTEXT TEXT
	printf '[Nest] %d  - %s     LOG [%s] %s\n' $$ \
	    "$(date '+%-m/%-d/%Y, %-I:%M:%S %p')" "$1" "$2"
}

die_of_orphans() {
	message='insert or update on table "timelineActivity" violates foreign'
	message="$message key constraint \"FK_3c5cb8a4a83a16db773d1272b38\""
	cat <<-END
		query failed: INSERT INTO "workspace_demo"."timelineActivity"("workflowId", "name") VALUES (\$1, \$2) -- PARAMETERS: ["7d0f","workflow.deleted"]
		error: error: $message
		Exception Captured
		  undefined
		  [
		    PostgresException [Error]: $message
		        at TimelineActivityRepository.upsertTimelineActivities (/app/dist/timeline-activity.repository.js:58:99) {
		      code: '23503'
		    }
		  ]
	END
	sleep 1
	cat <<-END
		/app/dist/timeline-activity.repository.js:58
		        throw new PostgresException(error.message, code);
		        ^

		PostgresException [Error]: $message
		    at TimelineActivityRepository.upsertTimelineActivities (/app/dist/timeline-activity.repository.js:58:99) {
		  code: '23503'
		}

		Node.js v22.12.0
	END
	exit 1
}

nest NestFactory 'Starting Nest application...'
nest InstanceLoader 'QueueWorkerModule dependencies initialized +16ms'
job=0
# Its directory going is the end too: nobody is left who would stop it.
while [ -d "$dir" ]; do
	job=$((job + 1))
	what="job $job with name WorkflowTriggerJob"
	nest BullMQDriver "Processing $what on queue workflow-queue"
	[ ! -s "$dir/orphans" ] || die_of_orphans
	nest BullMQDriver "Job ${what#job } processed on queue workflow-queue in 8.50ms"
	sleep 1
done
