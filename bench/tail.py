#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What following logs costs, beside rsyslog, SEC and mtail.

Throughput: each tool in turn follows a log that grows by so many lines of 100
bytes a second, with the same ten rules.  Files: logwatch on 10,000 of them.
Memory: logwatch over a line of 100 MB and a hole of 10 GB.
"""

import argparse
import glob
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from results import machine, section_put

LINE = 100         # bytes, the newline included
CYCLE = 40000      # lines that are written over and over
HIT_EVERY = 2000   # lines: 0.05 %
STAMP = 24         # bytes that the writer fills in
TICKS = os.sysconf('SC_CLK_TCK')
MB = 1e6
FIELDS = ('rule', 'pattern', 'values', 'text')

# One capture each, and no more of a pattern's language than all four know.
RULES = [dict(zip(FIELDS, rule)) for rule in (
    ('foreign-key', 'violates foreign key constraint "([A-Za-z0-9_]+)"',
     ('FK_3c5c', 'FK_91ab'), 'ERROR violates foreign key constraint "%s"'),
    ('oom', 'Out of memory: Killed process ([0-9]+)',
     ('4711', '815'), 'kernel: Out of memory: Killed process %s (node)'),
    ('refused', 'connect ECONNREFUSED ([0-9.]+:[0-9]+)',
     ('10.0.0.7:5432', '10.0.0.8:6379'),
     'ERROR connect ECONNREFUSED %s'),
    ('disk-full', 'No space left on device.* path=([^ ]+)',
     ('/var/lib/a', '/srv/b'),
     'ERROR ENOSPC: No space left on device, write path=%s'),
    ('segfault', 'segfault at ([0-9a-f]+) ip',
     ('0', '7f31'), 'kernel: node[311]: segfault at %s ip 55d0 sp 7ffc'),
    ('login', 'Failed password for ([a-z]+) from [0-9.]+ port',
     ('root', 'admin'),
     'sshd[99]: Failed password for %s from 192.0.2.7 port 4422'),
    ('job', 'Job [0-9]+ with name ([A-Za-z]+) failed',
     ('MessagingImport', 'CalendarSync'),
     'ERROR Job 77 with name %s failed after 3 attempts'),
    ('http-5xx', 'status=(5[0-9][0-9]) ',
     ('502', '503'), 'GET /rest/people status=%s 12ms'),
    ('certificate', 'certificate for ([a-z0-9.-]+) has expired',
     ('crm.example.com', 'api.example.com'),
     'ERROR certificate for %s has expired'),
    ('deadlock', '(deadlock detected|could not serialize access)',
     ('deadlock detected', 'could not serialize access'),
     'ERROR %s, transaction rolled back'),
)]

# Near misses among them: they start as a rule's pattern does.
ORDINARY = (
    'INFO Job %d with name WebhookJob processed on queue webhook in 12ms',
    'INFO GET /rest/companies?limit=60 status=200 %dms',
    'INFO POST /graphql status=201 user=%d',
    'DEBUG query took %dms rows=12 errors=0 failed=0',
    'INFO sshd[%d]: Accepted publickey for deploy from 192.0.2.9 port 5522',
    'WARN retrying connect to redis attempt=%d',
    'INFO cache hit ratio=0.97 keys=%d certificate for all hosts is valid',
    'INFO Message imported thread=%d mailbox=inbox',
)


class Missing(Exception):
    """A tool that is not installed."""


class Process:
    """A tool's process, and what it cost so far."""

    def __init__(self, argv, directory, name):
        if shutil.which(argv[0]) is None:
            raise Missing(argv[0])
        self.out = os.path.join(directory, name + '.out')
        with open(self.out, 'wb') as out:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=directory, start_new_session=True)
        self.pid = self.process.pid

    def proc(self, name):
        with open('/proc/%d/%s' % (self.pid, name)) as f:
            return f.read()

    def cpu(self):
        """Seconds of its threads and of the children that it waited for."""
        fields = self.proc('stat').rpartition(')')[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / TICKS

    def memory(self, field):
        """VmRSS or VmHWM, in MB."""
        kib = re.search(field + r':\s+(\d+)', self.proc('status')).group(1)
        return int(kib) * 1024 / MB

    def switches(self):
        """How often its threads were switched to."""
        total = 0
        for path in glob.glob('/proc/%d/task/*/status' % self.pid):
            with open(path) as f:
                total += sum(int(count) for count in re.findall(
                    r'ctxt_switches:\s+(\d+)', f.read()))
        return total

    def read_bytes(self):
        """What it has read so far, of its log and a little else."""
        return int(re.search(r'rchar: (\d+)', self.proc('io')).group(1))

    def said(self):
        with open(self.out, errors='replace') as f:
            return f.read()

    def stop(self):
        try:
            self.process.terminate()
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Tool:
    """One of those that are compared: its rules, its process, its count."""

    name = label = ''
    def __init__(self, options, directory):
        self.options = options
        self.dir = os.path.join(directory, self.name)
        os.mkdir(self.dir)
        self.log = self.path('bench.log')
        with open(self.log, 'w'):
            pass
        self.process = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        return self.path(name)

    def start(self):
        self.process = Process(self.argv(), self.dir, self.name)

    def lines_out(self):
        """For who writes a line a hit."""
        try:
            with open(self.path('hits'), 'rb') as f:
                return f.read().count(b'\n')
        except FileNotFoundError:
            return 0

    hits = lines_out

    def warm_up(self):
        """Lines until one is reported: then it follows its log.  Returns how
        many were, once that no longer changes."""
        line = line_of(RULES[0]['text'] % 'FK_warm')
        for _ in range(30):
            with open(self.log, 'ab') as f:
                f.write(line)
            time.sleep(0.5)
            if self.hits() > 0:
                time.sleep(2)
                return self.hits()
        sys.exit('tail: %s reports nothing:\n%s' % (
            self.label, self.process.said()))


class Logwatch(Tool):
    name = label = 'logwatch'
    def argv(self):
        rules = ['version: 1', 'sources:', '  bench: {path: bench.log}',
                 'rules:']
        for rule in RULES:
            rules += ['  - id: ' + rule['rule'],
                      "    match: '%s'" % rule['pattern'].replace(
                          '(', '(?<value>', 1),
                      '    key: [value]',
                      "    summary: '%s {{value}}'" % rule['rule']]
        self.write('rules.yml', '\n'.join(rules) + '\n')
        return [self.options.logwatch, 'run', '--rules', 'rules.yml',
                '--state', 'state.db']

    def hits(self):
        out = subprocess.run(
            [self.options.logwatch, 'incidents', '--all', '--json',
             '--state', self.path('state.db')],
            capture_output=True, text=True, check=False)
        return sum(json.loads(line)['count']
                   for line in out.stdout.splitlines())


class Rsyslog(Tool):
    name, label = 'rsyslog', 'rsyslog, imfile'

    def argv(self):
        conf = ['global(workDirectory="%s")' % self.dir,
                'module(load="imfile")',
                'input(type="imfile" File="%s" Tag="bench:" '
                'ruleset="bench")' % self.log,
                'template(name="hit" type="string" '
                'string="%$.rule% %$.value%\\n")',
                'ruleset(name="bench") {']
        for rule in RULES:
            conf += ["if re_match($msg, '%s') then {" % rule['pattern'],
                     '  set $.rule = "%s";' % rule['rule'],
                     "  set $.value = re_extract($msg, '%s', 0, 1, \"\");" %
                     rule['pattern'],
                     '  action(type="omfile" file="%s" template="hit")' %
                     self.path('hits'), '}']
        self.write('rsyslog.conf', '\n'.join(conf + ['}']) + '\n')
        return ['rsyslogd', '-n', '-f', self.path('rsyslog.conf'),
                '-i', self.path('pid')]


class Sec(Tool):
    name, label = 'sec', 'SEC'

    def argv(self):
        conf = []
        for rule in RULES:
            conf += ['type=Single', 'ptype=RegExp',
                     'pattern=' + rule['pattern'],
                     'desc=%s $1' % rule['rule'],
                     'action=write %s %%s' % self.path('hits'), '']
        self.write('sec.conf', '\n'.join(conf))
        return ['sec', '--conf=' + self.path('sec.conf'),
                '--input=' + self.log, '--debug=1']


class Mtail(Tool):
    name = label = 'mtail'

    def argv(self):
        program = ['counter hits by rule, value']
        for rule in RULES:
            program += ['/%s/ {' % rule['pattern'].replace(
                '(', '(?P<value>', 1),
                        '  hits["%s"][$value]++' % rule['rule'], '}']
        self.write('bench.mtail', '\n'.join(program) + '\n')
        return ['mtail', '-progs', self.path('bench.mtail'),
                '-logs', self.log, '-unix_socket', self.path('socket'),
                '-logtostderr']

    def hits(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.path('socket'))
            except (FileNotFoundError, ConnectionRefusedError):
                return 0
            s.sendall(b'GET /metrics HTTP/1.0\r\n\r\n')
            answer = b''.join(iter(lambda: s.recv(65536), b''))
        return sum(int(count) for count in re.findall(
            rb'^hits{.*} (\d+)$', answer, re.MULTILINE))


def line_of(text):
    """A line as the writer appends it, with room for the time."""
    filler = 'trace=' + ''.join(random.choices('0123456789abcdef', k=LINE))
    return ('%s %s %s' % ('0' * (STAMP - 1), text, filler))[
        :LINE - 1].encode() + b'\n'


def lines_write(path):
    with open(path, 'wb') as f:
        for number in range(CYCLE):
            hit, rest = divmod(number, HIT_EVERY)
            if rest == HIT_EVERY // 2:
                rule = RULES[hit % len(RULES)]
                text = rule['text'] % rule['values'][hit // len(RULES)]
            else:
                text = random.choice(ORDINARY) % random.randrange(100000)
            f.write(line_of(text))


def hits_in(lines):
    return (lines + HIT_EVERY // 2 - 1) // HIT_EVERY


def throughput_of(tool, options, lines):
    """What one tool did with the writer's lines."""
    tool.start()
    warm = tool.warm_up()
    cpu, start = tool.process.cpu(), time.monotonic()
    base = tool.process.read_bytes()
    written = subprocess.run(
        [options.writer, lines, tool.log, str(options.rate),
         str(options.seconds)], stdout=subprocess.PIPE, check=True, text=True)
    ended, read = time.monotonic(), tool.process.read_bytes()
    count, seconds = written.stdout.split()
    row = {'tool': tool.label, 'rate': int(count) / float(seconds),
           'wanted': hits_in(int(count))}
    while True:
        row['hits'] = tool.hits() - warm
        row['after'] = time.monotonic() - ended
        if row['hits'] >= row['wanted'] or row['after'] > options.bound:
            break
        time.sleep(0.05)
    # What the last hit was in has been read; else, what the log still has.
    total = int(count) * LINE
    end = tool.process.read_bytes()
    if row['hits'] < row['wanted']:
        end = max(end, base + total)
    row['lag_mb'] = (end - read) / MB
    row['lines'] = min(total, tool.process.read_bytes() - base) / LINE
    row['reached'] = row['lines'] / (time.monotonic() - start)
    row['cpu'] = tool.process.cpu() - cpu
    row['rss_mb'] = tool.process.memory('VmHWM')
    return row


def throughput_table(rows, options):
    yield ('%s lines/s of %d bytes for %d s, ten rules, a hit in %d lines; '
           'a tool that is behind is stopped %d s after the writer.' % (
               format(options.rate, ','), LINE, options.seconds, HIT_EVERY,
               options.bound))
    yield ''
    yield ('| tool | written/s | read/s | lag at the end, MB | all hits '
           'after, s | hits | CPU s | CPU s per million lines | peak RSS, MB '
           '|')
    yield '| --- |' + ' ---: |' * 8
    for row in rows:
        done = row['hits'] >= row['wanted']
        yield '| %s |' % ' | '.join((
            row['tool'], format(round(row['rate']), ','),
            format(round(row['reached']), ','), '%.1f' % row['lag_mb'],
            '%.2f' % row['after'] if done else 'stopped',
            '%d of %d' % (row['hits'], row['wanted']), '%.2f' % row['cpu'],
            '%.3f' % (row['cpu'] / row['lines'] * 1e6),
            '%.0f' % row['rss_mb']))
    costs = {row['tool']: row['cpu'] / row['lines'] for row in rows}
    ours = costs.pop('logwatch', None)
    if ours is not None and costs:
        best = min(costs, key=costs.get)
        yield ''
        yield ('CPU seconds a line, logwatch / best peer (%s): %.2f '
               '(wanted: at most 0.25)' % (best, ours / costs[best]))


def throughput(options, directory):
    lines = os.path.join(directory, 'lines')
    lines_write(lines)
    rows = []
    for kind in (Logwatch, Rsyslog, Sec, Mtail):
        if options.tools and kind.name not in options.tools:
            continue
        tool = kind(options, directory)
        say('throughput: ' + tool.label)
        try:
            rows.append(throughput_of(tool, options, lines))
        except Missing as missing:
            print('tail: %s not found: left out (on Debian: run '
                  './contrib/install-deps.sh --bench)' % missing,
                  file=sys.stderr)
        finally:
            if tool.process is not None:
                tool.process.stop()
            shutil.rmtree(tool.dir)
    return throughput_table(rows, options)


FILES_RULES = """\
version: 1
sources:
  bench: {path: '%s'}
rules:
  - id: bench
    match: 'bench (?<n>[0-9]+) failed'
    key: [n]
    summary: 'Bench {{n}} failed'
"""


def run_logwatch(options, directory, path):
    with open(os.path.join(directory, 'rules.yml'), 'w') as f:
        f.write(FILES_RULES % path)
    return Process([options.logwatch, 'run', '--rules', 'rules.yml',
                    '--state', 'state.db'], directory, 'logwatch')


def wait_for(process, words, seconds=60):
    deadline = time.monotonic() + seconds
    while words not in process.said():
        if process.process.poll() is not None or time.monotonic() > deadline:
            sys.exit('tail: logwatch did not say "%s":\n%s' % (
                words, process.said()[-4000:]))
        time.sleep(0.005)


def row_of(what, value, wanted):
    return '| %s | %s | %s |' % (what, value, wanted)


def start_files(options, directory, path):
    start = time.monotonic()
    process = run_logwatch(options, directory, path)
    wait_for(process, 'following version=')
    return process, time.monotonic() - start


def files(options, directory):
    """10,000 files, of which ten are written to."""
    directory = os.path.join(directory, 'files')
    os.makedirs(os.path.join(directory, 'logs'))
    logs = [os.path.join(directory, 'logs', '%05d.log' % number)
            for number in range(options.files)]
    text = b''.join(line_of(ORDINARY[0] % 1) for _ in range(40))
    for log in logs:
        with open(log, 'wb') as f:
            f.write(text)
    say('files: first start')
    process, first = start_files(options, directory, 'logs/*.log')
    try:
        for number in range(20):
            for i in range(10):
                with open(logs[i * len(logs) // 10], 'ab') as f:
                    f.write(line_of('bench %d failed' % (number * 10 + i)))
            time.sleep(0.05)
        wait_for(process, 'summary=Bench 199 failed')
        time.sleep(3)
        say('files: idle')
        before = process.switches()
        time.sleep(options.idle)
        idle = (process.switches() - before) / options.idle
        memory = process.memory('VmRSS'), process.memory('VmHWM')
        say('files: second start')
        process.stop()
        process, again = start_files(options, directory, 'logs/*.log')
    finally:
        process.stop()
        shutil.rmtree(directory)
    yield ('%s files of 4 kB, of which ten are written to; at most %s '
           'descriptors.' % (format(options.files, ','), format(
               resource.getrlimit(resource.RLIMIT_NOFILE)[0], ',')))
    yield ''
    yield '| | measured | wanted |'
    yield '| --- | ---: | ---: |'
    yield row_of('first start until all are watched, s', '%.2f' % first, 2)
    yield row_of('start with the state of before, s', '%.2f' % again, 2)
    yield row_of('resident, MB', '%.1f' % memory[0], 64)
    yield row_of('peak resident, MB', '%.1f' % memory[1], '')
    yield row_of('context switches a second when idle, over %d s' %
                 options.idle, '%.2f' % idle, 2)


def grown(process, log, write, words):
    """Peak memory, MB, and seconds that one thing written takes."""
    before, start = process.memory('VmHWM'), time.monotonic()
    with open(log, 'r+b') as f:
        f.seek(0, os.SEEK_END)
        write(f)
    written = time.monotonic()
    wait_for(process, words)
    return (process.memory('VmHWM') - before, time.monotonic() - start,
            time.monotonic() - written)


def long_line(f):
    for _ in range(100):
        f.write(b'x' * 1000000)
    f.write(b'\nbench 1001 failed\n')


def hole(f):
    f.truncate(f.tell() + 10 * 1000 ** 3)
    f.seek(0, os.SEEK_END)
    f.write(b'bench 1002 failed\n')


def memory(options, directory):
    directory = os.path.join(directory, 'memory')
    os.mkdir(directory)
    log = os.path.join(directory, 'bench.log')
    with open(log, 'wb') as f:
        f.write(line_of('start'))
    process = run_logwatch(options, directory, 'bench.log')
    try:
        wait_for(process, 'following version=')
        # What any log costs is there before.
        grown(process, log, lambda f: f.write(
            line_of(ORDINARY[0] % 1) * 100000 + b'bench 1000 failed\n'),
              'summary=Bench 1000 failed')
        say('memory: a line of 100 MB')
        line = grown(process, log, long_line, 'summary=Bench 1001 failed')
        say('memory: a hole of 10 GB')
        gap = grown(process, log, hole, 'summary=Bench 1002 failed')
        peak = process.memory('VmHWM')
    finally:
        process.stop()
        shutil.rmtree(directory)
    yield ('Peak memory that each adds, and the seconds until an incident of '
           'the line behind it.')
    yield ''
    yield '| | measured | wanted |'
    yield '| --- | ---: | ---: |'
    yield row_of('line of 100 MB: peak resident grows by, MB',
                 '%.1f' % line[0], 2)
    yield row_of('line of 100 MB: seconds from its first byte on',
                 '%.2f' % line[1], '')
    yield row_of('hole of 10 GB: peak resident grows by, MB',
                 '%.1f' % gap[0], 2)
    yield row_of('hole of 10 GB: seconds from its end on', '%.2f' % gap[2], 1)
    yield row_of('peak resident in the end, MB', '%.1f' % peak, '')


PARTS = {'throughput': throughput, 'files': files, 'memory': memory}


def say(words):
    if sys.stderr.isatty():
        sys.stderr.write('\r\033[K%s ' % words)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--logwatch', required=True)
    parser.add_argument('--writer', required=True)
    parser.add_argument('--dir', default='.',
                        help='where the logs and the states lie')
    parser.add_argument('--only', choices=PARTS, action='append')
    parser.add_argument('--tools', action='append',
                        choices=('logwatch', 'rsyslog', 'sec', 'mtail'))
    parser.add_argument('--seconds', type=int,
                        default=int(os.environ.get('BENCH_SECONDS', 60)))
    parser.add_argument('--rate', type=int, default=500000)
    parser.add_argument('--bound', type=float, default=None,
                        help='seconds after which a tool that is behind is '
                        'stopped; default: as many as the writer wrote')
    parser.add_argument('--files', type=int, default=10000)
    parser.add_argument('--idle', type=int, default=20)
    parser.add_argument('--write', action='store_true',
                        help='puts the tables into bench/RESULTS.md, too')
    options = parser.parse_args()
    options.bound = options.bound or options.seconds
    options.dir = os.path.abspath(options.dir)
    random.seed(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(
            prefix='tail-', dir=options.dir) as directory:
        for name in options.only or PARTS:
            text = '\n'.join(PARTS[name](options, directory))
            say('')
            print('\nFollowing: %s\n\n%s' % (name, text), flush=True)
            if options.write:
                section_put('Following: ' + name,
                            text + '\n\n`make bench-tail%s`, %s.' % (
                                ' BENCH_SECONDS=%d' % options.seconds
                                if name == 'throughput' else '',
                                machine(options.logwatch, options.dir,
                                        ('rsyslog', 'sec', 'mtail'))))


if __name__ == '__main__':
    main()
