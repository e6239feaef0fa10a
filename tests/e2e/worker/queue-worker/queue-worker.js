// SPDX-License-Identifier: MIT
// A queue worker as Twenty's: its queues, its job names, its log lines.  Takes
// its configuration from the file .env of the directory it is started in.
'use strict';

const fs = require('node:fs');
const { Queue, Worker } = require('bullmq');
const { nest } = require('./log');

for (const line of fs.readFileSync('.env', 'utf8').split('\n')) {
  const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
  if (name !== undefined) process.env[name] ??= value;
}
const timeline = require('./timeline');

const url = new URL(process.env.REDIS_URL);
const connection = { host: url.hostname, port: Number(url.port),
  maxRetriesPerRequest: null };
const jobs = {
  WorkflowCronTriggerCronJob: async () => {},
  UpsertTimelineActivityFromInternalEvent: timeline.upsert,
  CallWebhookJobsForWorkflow: async (data) => timeline.upsertLater(data),
  CreateAuditLogFromInternalEvent: async () => {
    setTimeout(() => { throw new Error('the audit log is full'); }, 300);
  },
};

function work(queue) {
  const worker = new Worker(queue, async (job) => {
    const what = `${job.id} with name ${job.name}`;
    const start = performance.now();

    nest('LOG', 'BullMQDriver', `Processing job ${what} on queue ${queue}`);
    await jobs[job.name](job.data);
    nest('LOG', 'BullMQDriver', `Job ${what} processed on queue ${queue} `
      + `in ${(performance.now() - start).toFixed(2)}ms`);
  }, { connection });
  worker.on('failed', () => {});
  worker.on('error', (error) => console.error(error));
}

async function main() {
  nest('LOG', 'NestFactory', 'Starting Nest application...');
  nest('LOG', 'InstanceLoader', 'QueueWorkerModule dependencies initialized');
  const cron = new Queue('cron-queue', { connection });
  await cron.upsertJobScheduler('WorkflowCronTriggerCronJob',
    { every: Number(process.env.CRON_EVERY_MS) },
    { name: 'WorkflowCronTriggerCronJob' });
  work('cron-queue');
  work('entity-events-to-db-queue');
}

main();
