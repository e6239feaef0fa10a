#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How fast logs are matched, beside ripgrep, grep -P, SEC, mtail, rsyslog and
fail2ban-regex, and beside bench/bare, which is the steps of it and nothing
else.

The log: Nest lines with colours, JSON lines, SQL, stack traces, some lines of
4 KiB; with no hit, 0.05 % and 5 % of them.  The rules: 5, 50 and 500 of
signatures.py.  Tools that are slow get the first part of the log.  All count
the hits of each rule, or where they cannot, the lines with any.  Ratios are of
CPU time, which what else a machine does changes less.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile

from peers import LAST, PEERS, Bare, Logwatch
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
        f.write(LAST.encode() + b'\n')


def number(value):
    """With two digits at least."""
    return '%.*f' % (0 if value >= 10 else 2 if value >= 0.1 else 4, value)


def hits_said(tool, reference):
    """How many it counted, and where that is not what there is, so."""
    found, wanted = tool.hits(), reference.hits()
    if isinstance(found, int):
        of = reference.lines()
        return '%d lines%s' % (
            found, '' if found == of else ' of %d' % of)
    return '%d%s' % (sum(found), '' if found == wanted else
                     ' of %d' % sum(wanted) if sum(found) != sum(wanted) else
                     ', not of the same rules')


def row(tool, reference, bare):
    return '| %s | %d | %s | %s | %.2f | %s | %.0f |' % (
        tool.name, round(tool.size / MIB), hits_said(tool, reference),
        number(tool.speed()), tool.cost(),
        number(bare.cost() / tool.cost()) if tool != bare else '', tool.rss)


def run_all(tools, times):
    """By turns, so that what else the machine does hits all alike.  Returns why
    some did not run."""
    failed = {}
    for _ in range(times):
        for tool in tools:
            if tool in failed:
                continue
            say('%d rules: %s' % (len(tool.rules), tool.name))
            try:
                tool.run()
            except (RuntimeError, FileNotFoundError) as error:
                failed[tool] = str(error).replace('\n', ' ')[:80]
    return failed


def compare(options, directory, count, log):
    """The rows of one table, and how they compare."""
    short = log + '.short'
    one, all_ = options.processors[0], ','.join(options.processors)
    bare, ours = [kind(directory, count, log, one) for kind in (Bare, Logwatch)]
    both = Logwatch(directory, count, log, all_)
    both.name = 'logwatch, %d processors' % len(options.processors)
    first = Bare(directory, count, short, one)
    peers = [kind(directory, count, short if kind.slow else log, one)
             for kind in PEERS]
    tools = [bare, ours] + [both] * (one != all_) + peers
    failed = run_all([tool for tool in tools if not tool.slow], options.times)
    failed |= run_all([first] + [tool for tool in tools if tool.slow], 1)
    for tool in (first, bare, ours, both):
        if tool in failed:
            raise RuntimeError(failed[tool])
    if ours.hits() != bare.hits():
        raise RuntimeError('%d rules: other hits than bench/bare' % count)
    rows = ['| %s | %s |%s' % (tool.name, failed[tool], ' |' * 5)
            if tool in failed else
            row(tool, first if tool.slow else bare, bare) for tool in tools]
    ratios = ['logwatch / bare %.2f' % (bare.cost() / ours.cost())]
    if peers[0] not in failed:
        ratios.append('logwatch / ripgrep %.2f' %
                      (peers[0].cost() / ours.cost()))
    if both in tools:
        ratios.append('all processors / one %.2f by the clock' %
                      (both.speed() / ours.speed()))
    return rows, '%d rules: %s' % (count, ', '.join(ratios))


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
    out, summary = [], []
    for count in options.rules or COUNTS:
        rows, ratios = compare(options, directory, count, log)
        out += ['%d rules:' % count, '',
                '| tool | log, MiB | hits | MB/s | CPU s a GiB | of bare | '
                'peak RSS, MB |', '| --- |' + ' ---: |' * 6, *rows, '']
        summary.append(ratios)
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
    load = os.getloadavg()[0]
    Bare.program, Logwatch.program = options.bare, options.logwatch
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
                section_put(title, text + (
                    '\n\n%d MiB, load %.1f before it, `make bench`, %s.') % (
                    options.size, load, machine(
                        options.logwatch, options.dir,
                        ('ripgrep', 'grep', 'sec', 'mtail', 'rsyslog',
                         'fail2ban'))))


if __name__ == '__main__':
    main()
