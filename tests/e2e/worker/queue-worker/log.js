// SPDX-License-Identifier: MIT
// Prints what Nest's logger, TypeORM's logger and Twenty's exception driver
// print, colours included: they are on in files too.
'use strict';

const RESET = '\x1b[39m';
const LEVELS = { LOG: '\x1b[32m', WARN: '\x1b[33m', ERROR: '\x1b[31m' };

function nest(level, context, text) {
  const colour = LEVELS[level];
  const when = new Date().toLocaleString(undefined, {
    year: 'numeric', month: '2-digit', day: '2-digit',
    hour: 'numeric', minute: '2-digit', second: '2-digit',
  });
  const stream = level === 'ERROR' ? process.stderr : process.stdout;
  stream.write(`${colour}[Nest] ${process.pid}  - ${RESET}${when} `
    + `${colour}${level.padStart(7)}${RESET} \x1b[38;5;3m[${context}] ${RESET}`
    + `${colour}${text}${RESET}\n`);
}

// As under nx, which makes TypeORM believe in a terminal.
function typeorm(error, sql, parameters) {
  const mark = (text) => `\x1b[4m\x1b[31m${text}\x1b[39m\x1b[24m`;
  console.error(`${mark('query failed:')} ${sql} `
    + `-- PARAMETERS: ${JSON.stringify(parameters)}`);
  console.error(`${mark('error:')} ${error}`);
}

function captured(error) {
  console.group('Exception Captured');
  console.info(undefined);
  console.error([error]);
  console.groupEnd();
}

module.exports = { nest, typeorm, captured };
