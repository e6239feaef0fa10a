// SPDX-License-Identifier: MIT
// Writes timeline rows.  PostgreSQL judges them; what it refuses is logged as
// TypeORM and Twenty log it.
'use strict';

const { randomUUID } = require('node:crypto');
const { Pool } = require('pg');
const { captured, typeorm } = require('./log');

const pool = new Pool({ connectionString: process.env.PG_DATABASE_URL });

class PostgresException extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

async function insert({ schema, column, workflow, title }) {
  const sql = `INSERT INTO "${schema}"."timelineActivity"`
    + `("id", "name", "${column}", "properties") VALUES ($1, $2, $3, $4)`;
  const parameters = [randomUUID(), 'workflow.deleted', workflow,
    JSON.stringify({ title })];

  try {
    await pool.query(sql, parameters);
  } catch (error) {
    typeorm(error, sql, parameters);
    throw new PostgresException(error.message, error.code);
  }
}

// As Twenty does it: the caller waits, so what goes wrong is the job's.
async function upsert(activity) {
  try {
    await insert(activity);
  } catch (error) {
    captured(error);
    throw error;
  }
}

// The fault: nobody waits for the row, so what goes wrong ends the process.
// The job is over by then.
function upsertLater(activity) {
  setTimeout(() => insert(activity), 300);
}

module.exports = { upsert, upsertLater };
