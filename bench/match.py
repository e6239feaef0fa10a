#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How fast logs are matched, beside ripgrep, grep -P, SEC and mtail, and beside
bench/bare, which is the steps of it and nothing else.

The log: Nest lines with colours, JSON lines, SQL, stack traces, some lines of
4 KiB; with no hit, 0.05 % and 5 % of them.  The rules: 5, 50 and 500 of
signatures.py.  Tools that are slow get the first part of the log.
"""

import argparse
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

from results import machine, section_put
from signatures import rules

UNIT = 16 << 20  # bytes that are made; the log has them over and over
SHORT = 4 << 20  # bytes of it for tools that are slow
MIB = 1 << 20
DENSITIES = {'none': 0, 'sparse': 0.0005, 'dense': 0.05}
COUNTS = (5, 50, 500)

CONTEXTS = ('WorkflowRunner', 'MessageQueue', 'BullMQDriver', 'TypeORM',
            'GraphQL', 'Worker', 'Auth', 'RoutesResolver')
JOBS = ('WorkflowCronTriggerCronJob', 'MessagingMessageListFetchCronJob',
        'CalendarEventsImportCronJob', 'SendEmailJob', 'WebhookJob')
FRAMES = (
    '    at PostgresQueryRunner.query (/app/node_modules/typeorm/driver/'
    'postgres/PostgresQueryRunner.js:%d:19)',
    '    at process.processTicksAndRejections (node:internal/process/'
    'task_queues:%d:5)',
    '    at async MessageQueueService.work (/app/dist/message-queue.js:%d:9)',
)


def nest(r, clock):
    return ('\x1b[32m[Nest] 4711  - \x1b[39m10/17/2025, %d:%02d:%02d AM '
            '\x1b[32m    LOG\x1b[39m \x1b[38;5;3m[%s] \x1b[39m'
            '\x1b[32mJob %d with name %s processed on queue cron-queue in '
            '%dms\x1b[39m\n' % (
                1 + clock // 3600 % 11, clock // 60 % 60, clock % 60,
                r.choice(CONTEXTS), r.randrange(10 ** 6), r.choice(JOBS),
                r.randrange(400)))


def line(r, clock):
    kind = r.random()
    if kind < 0.7:
        return nest(r, clock)
    if kind < 0.8:
        return ('{"level":"info","time":%d,"pid":4711,"context":"%s",'
                '"msg":"request completed","status":200,"ms":%d}\n' % (
                    1760688000000 + clock * 1000, r.choice(CONTEXTS),
                    r.randrange(900)))
    if kind < 0.88:
        return ('query: SELECT "id", "name", "updatedAt" FROM "workspace_%d".'
                '"note" WHERE "id" = $1 LIMIT %d -- PARAMETERS: ["%032x"]\n' %
                (r.randrange(9), r.randrange(60), r.getrandbits(128)))
    if kind < 0.95:
        return r.choice(FRAMES) % r.randrange(900) + '\n'
    if kind < 0.999:
        return 'debug: cache hit ratio 0.%02d for %s\n' % (
            r.randrange(100), r.choice(CONTEXTS))
    return 'payload: ' + '%x' % r.getrandbits(16000) + '\n'


def log_write(path, size, density):
    r = random.Random(1)
    hits = [text for _, _, text in rules(50)]
    unit, length, clock = [], 0, 0
    while length < UNIT:
        clock += 1
        text = (r.choice(hits) + '\n' if r.random() < density
                else line(r, clock // 40))
        unit.append(text)
        length += len(text)
    data = ''.join(unit).encode()
    with open(path, 'wb') as f:
        written = 0
        while written < size:
            written += f.write(data)
    with open(path + '.short', 'wb') as f:
        f.write(data[:data.rindex(b'\n', 0, SHORT) + 1])


def rules_write(directory, count):
    """The rules as each tool reads them; paths by tool."""
    paths = {tool: os.path.join(directory, '%s.%d' % (tool, count))
             for tool in ('yml', 'patterns', 'sec', 'mtail')}
    chosen = rules(count)
    with open(paths['yml'], 'w') as f:
        f.write('version: 1\nsources: {app: {path: app.log}}\nrules:\n')
        for name, pattern, _ in chosen:
            quoted = re.sub(r'(?<!\\)\((?!\?)', '(?<c>', pattern, count=1)
            f.write("  - {id: %s, match: '%s'}\n" %
                    (name, quoted.replace("'", "''")))
    with open(paths['patterns'], 'w') as f:
        f.writelines(pattern + '\n' for _, pattern, _ in chosen)
    with open(paths['sec'], 'w') as f:
        for name, pattern, _ in chosen:
            f.write('type=Single\nptype=RegExp\ncontinue=TakeNext\n'
                    'pattern=%s\ndesc=%s\naction=none\n\n' % (pattern, name))
    with open(paths['mtail'], 'w') as f:
        f.write('counter hits by rule\n')
        for name, pattern, _ in chosen:
            f.write('/%s/ {\n  hits["%s"]++\n}\n' %
                    (pattern.replace('/', '\\/'), name))
    return paths


class Run:
    """What a tool took: the best of several times."""

    def __init__(self, command, times, processors):
        self.wall = self.cpu = float('inf')
        for _ in range(times):
            self.once(['taskset', '-c', processors, *command])

    def once(self, command):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            self.out = out.read()
            if process.returncode > 1:
                raise RuntimeError('%s: %s' % (
                    command[3], err.read().decode(errors='replace')[-300:]))
        self.wall = min(self.wall, wall)
        self.cpu = min(self.cpu, usage.ru_utime + usage.ru_stime)
        self.rss = usage.ru_maxrss / 1024


def counts(run):
    return [int(text.split('\t')[1]) for text in run.out.decode().splitlines()]


def row(name, run, size, base=None):
    speed = size / 1e6 / run.wall
    return '| %s | %.0f | %s | %.2f | %.0f |' % (
        name, speed, '%.2f' % (speed / base) if base else '',
        run.cpu * (1 << 30) / size, run.rss), speed


def tools(paths, log):
    """Command lines by name; (slow: it gets a part of the log)."""
    return {
        'ripgrep': (['rg', '-a', '-c', '-f', paths['patterns'], log], False),
        'grep -P': (['grep', '-aPc', '|'.join(
            pattern for _, pattern, _ in rules(
                int(paths['yml'].rsplit('.')[-1]))), log], True),
        'SEC': (['sec', '--conf', paths['sec'], '--input', log, '--notail',
                 '--fromstart', '--log=/dev/null', '--quiet'], True),
        'mtail': (['mtail', '--progs', os.path.dirname(paths['mtail']) +
                   '/progs.' + paths['mtail'].rsplit('.')[-1], '--logs', log,
                   '--one_shot', '--logtostderr'], True),
    }


def compare(options, directory, count, density, log, size, short, short_size):
    """The rows of one table."""
    paths = rules_write(directory, count)
    progs = os.path.join(directory, 'progs.%d' % count)
    os.makedirs(progs, exist_ok=True)
    os.replace(paths['mtail'], os.path.join(progs, 'hits.mtail'))
    one, both = options.processors[0], ','.join(options.processors)
    scan = [options.logwatch, 'scan', '--count', '--rules', paths['yml']]
    ours = Run([*scan, log], options.times, one)
    bare = Run([options.bare, paths['patterns'], log], options.times, one)
    *by_rule, lines = counts(bare)
    if counts(ours) != by_rule:
        raise RuntimeError('%d rules, %s: other hits than bench/bare' %
                           (count, density))
    rows, speed = [], {}
    for name, run, length in [('bare', bare, size), ('logwatch', ours, size)]:
        text, speed[name] = row(name, run, length, speed.get('bare'))
        rows.append(text)
    if len(options.processors) > 1:
        run = Run([*scan, log], options.times, both)
        text, speed['all'] = row('logwatch, %d processors' %
                                 len(options.processors), run, size,
                                 speed['bare'])
        rows.append(text)
    for name in tools(paths, log):
        slow = tools(paths, log)[name][1]
        command = tools(paths, short if slow else log)[name][0]
        say('%d rules, %s: %s' % (count, density, name))
        try:
            run = Run(command, 1 if slow else options.times, one)
        except (RuntimeError, FileNotFoundError) as error:
            rows.append('| %s | %s | | | |' %
                        (name, str(error).replace('\n', ' ')[:80]))
            continue
        text, speed[name] = row(name, run, short_size if slow else size,
                                speed['bare'])
        rows.append(text)
        if name == 'ripgrep' and int(run.out or 0) != lines:
            raise RuntimeError('ripgrep counts %s lines, we %d' %
                               (run.out, lines))
    return rows, speed


def say(words):
    if sys.stderr.isatty():
        sys.stderr.write('\r\033[K%s ' % words)


def part(options, directory, density):
    log = os.path.join(directory, density + '.log')
    short = log + '.short'
    # In a process of its own: the peak memory of what is started from here
    # includes that of this one.
    writer = multiprocessing.Process(target=log_write, args=(
        log, options.size * MIB, DENSITIES[density]))
    writer.start()
    writer.join()
    size, short_size = os.path.getsize(log), os.path.getsize(short)
    out, summary = [], []
    for count in options.rules or COUNTS:
        rows, speed = compare(options, directory, count, density, log, size,
                              short, short_size)
        out += ['%d rules:' % count, '',
                '| tool | MB/s | of bare | CPU s a GiB | peak RSS, MB |',
                '| --- | ---: | ---: | ---: | ---: |', *rows, '']
        summary.append('%d rules: logwatch / bare %.2f%s%s' % (
            count, speed['logwatch'] / speed['bare'],
            ', logwatch / ripgrep %.2f' %
            (speed['logwatch'] / speed['ripgrep'])
            if 'ripgrep' in speed else '',
            ', all processors / one %.2f' % (speed['all'] / speed['logwatch'])
            if 'all' in speed else ''))
    os.unlink(log)
    os.unlink(short)
    return out + ['; '.join(summary) + '.']


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--logwatch', required=True)
    parser.add_argument('--bare', required=True)
    parser.add_argument('--size', type=int, default=256,
                        help='of the log, MiB')
    parser.add_argument('--times', type=int, default=3,
                        help='runs, of which the best counts')
    parser.add_argument('--rules', type=int, nargs='*')
    parser.add_argument('--only', nargs='*', choices=DENSITIES)
    parser.add_argument('--dir', default=tempfile.gettempdir())
    parser.add_argument('--write', action='store_true',
                        help='puts the tables into bench/RESULTS.md, too')
    options = parser.parse_args()
    options.processors = [str(n) for n in sorted(os.sched_getaffinity(0))]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(
            prefix='match-', dir=options.dir) as directory:
        for density in options.only or DENSITIES:
            text = '\n'.join(part(options, directory, density))
            say('')
            title = 'Matching: ' + {'none': 'no hit', 'sparse': '0.05 % hits',
                                    'dense': '5 % hits'}[density]
            print('\n%s\n\n%s' % (title, text), flush=True)
            if options.write:
                section_put(title, text + '\n\n%d MiB, `make bench`, %s.' % (
                    options.size, machine(
                        options.logwatch, options.dir,
                        ('ripgrep', 'grep', 'sec', 'mtail'))))


if __name__ == '__main__':
    main()
