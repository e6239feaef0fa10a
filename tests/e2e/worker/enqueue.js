// SPDX-License-Identifier: MIT
// Adds one job, as Twenty's server does: enqueue.js REDIS_URL NAME JSON
'use strict';

const { Queue } = require('bullmq');

async function main([redis, name, data]) {
  const url = new URL(redis);
  const queue = new Queue('entity-events-to-db-queue', {
    connection: { host: url.hostname, port: Number(url.port) } });

  await queue.add(name, JSON.parse(data), { priority: 2 });
  await queue.close();
}

main(process.argv.slice(2));
