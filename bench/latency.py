#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""From the append of a line to the first instruction of the script it starts.

Runs logwatch beside SEC, a `tail -F | grep | while read` pipe, and a bare
inotify loop in C, all with the same script.  They take turns event by event,
so that they share whatever the machine does meanwhile, and only one of them
has anything to do at a time.
"""

import argparse
import os
import random
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time

RULES = """\
version: 1

sources:
  bench:
    path: {log}

rules:
  - id: bench
    source: bench
    match: 'event n=(?<n>[0-9]+) failed'
    key: [n]
    summary: 'Event {{{{n}}}} failed'
    actions: [stamp]

actions:
  stamp:
    exec: [{stamp}, {pipe}, logwatch, '{{{{n}}}}']
    limit: {{runs: 1000000, within: 1h}}
"""

SEC_RULES = """\
type=Single
ptype=RegExp
pattern=event n=([0-9]+) failed
desc=$0
action=cmdexec {stamp} {pipe} {name} $1
"""


class Tool:
    """One of those that are measured: its log, its process, its times."""

    def __init__(self, name, label, log):
        self.name = name
        self.label = label
        self.log = log
        self.fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.process = None
        self.times = []

    def start(self, argv, directory):
        with open(os.path.join(directory, self.name + '.out'), 'wb') as out:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=directory, start_new_session=True)

    def append(self, number):
        """Appends one event; returns the moment just before."""
        line = b'2025-10-17 08:00:03 worker: event n=%d failed\n' % number
        before = time.monotonic_ns()
        os.write(self.fd, line)
        return before

    def stop(self):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        except ProcessLookupError:
            self.process.wait()


class Stamps:
    """The pipe into which the scripts write."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR)
        self.rest = b''
        self.lines = []

    def wait(self, name, number, seconds):
        """The stamp of that event, in ns; None: not in time."""
        deadline = time.monotonic() + seconds
        wanted = (name, str(number))
        while True:
            while self.lines:
                stamp, *key = self.lines.pop(0)
                if tuple(key) == wanted:
                    return int(stamp)
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            *lines, self.rest = (
                self.rest + os.read(self.fd, 65536)).split(b'\n')
            self.lines += [line.decode().split() for line in lines]


def percentile(values, share):
    """The smallest value that at least that share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


def tools_start(options, directory, pipe):
    """Starts all; yields each one as soon as its process is there."""
    quoted = shlex.quote

    def tool(name, label, argv):
        t = Tool(name, label, os.path.join(directory, name + '.log'))
        t.start(argv(t), directory)
        return t

    def logwatch(t):
        rules = os.path.join(directory, 'logwatch.yml')
        with open(rules, 'w') as f:
            f.write(RULES.format(log=t.log, stamp=options.stamp, pipe=pipe))
        return [options.logwatch, 'run', '--rules', rules,
                '--state', os.path.join(directory, 'logwatch.db')]

    def sec(*flags):
        def argv(t):
            conf = os.path.join(directory, t.name + '.conf')
            with open(conf, 'w') as f:
                f.write(SEC_RULES.format(
                    stamp=options.stamp, pipe=pipe, name=t.name))
            return ['sec', '--conf=' + conf, '--input=' + t.log,
                    '--debug=1', *flags]
        return argv

    def shell(t):
        return ['sh', '-c', "tail -n 0 -F %s | grep --line-buffered "
                "'event n=[0-9]* failed' | while read -r d h w e n f; do "
                '%s %s %s "${n#n=}"; done' % (
                    quoted(t.log), quoted(options.stamp), quoted(pipe),
                    t.name)]

    def floor(t):
        return [options.floor, t.log, options.stamp, pipe, t.name]

    yield tool('logwatch', 'logwatch', logwatch)
    yield tool('sec', 'SEC, as it comes', sec())
    yield tool('sec-tuned', 'SEC, --poll-timeout=0.001',
               sec('--poll-timeout=0.001'))
    yield tool('shell', 'tail -F | grep | while read', shell)
    yield tool('floor', '(floor: inotify, posix_spawn)', floor)


def warm_up(tool, stamps, directory):
    """Events until one comes through: then it is watching its file."""
    for number in range(1000000, 1000100):
        tool.append(number)
        if stamps.wait(tool.name, number, 0.5) is not None:
            break
    else:
        with open(os.path.join(directory, tool.name + '.out')) as out:
            sys.exit('latency: %s does not start its script:\n%s' % (
                tool.label, out.read()))
    for number in range(2000000, 2000005):
        tool.append(number)
        stamps.wait(tool.name, number, 10)


def measure(tools, stamps, events):
    for number in range(events):
        for i in range(len(tools)):
            tool = tools[(number + i) % len(tools)]
            # Not in step with what any of them does by the clock.
            time.sleep(random.uniform(0.01, 0.06))
            before = tool.append(number)
            stamp = stamps.wait(tool.name, number, 10)
            if stamp is None:
                sys.exit('latency: %s lost event %d' % (tool.label, number))
            tool.times.append((stamp - before) / 1e6)
        if sys.stderr.isatty():
            sys.stderr.write('\r%d of %d ' % (number + 1, events))
    if sys.stderr.isatty():
        sys.stderr.write('\r\033[K')


def report(tools, events, directory):
    print('%d events each, ms from append to the script\'s first '
          'instruction\n' % events)
    print('%-32s %8s %8s %8s' % ('', 'p50', 'p99', 'max'))
    rows = {}
    for tool in tools:
        rows[tool.name] = [percentile(tool.times, share)
                           for share in (0.5, 0.99, 1)]
        print('%-32s %8.3f %8.3f %8.3f' % (tool.label, *rows[tool.name]))
    print()
    peers = [rows[name] for name in ('sec', 'sec-tuned', 'shell')]
    for i, name in enumerate(('p50', 'p99')):
        ours, best = rows['logwatch'][i], min(row[i] for row in peers)
        print('%s: logwatch / best peer = %.2f' % (name, ours / best))
    kind = subprocess.run(['stat', '-f', '-c', '%T', directory],
                          capture_output=True, text=True, check=False)
    print('files and state on: %s' % kind.stdout.strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--logwatch', required=True)
    parser.add_argument('--stamp', required=True)
    parser.add_argument('--floor', required=True)
    parser.add_argument('--events', type=int, default=200)
    parser.add_argument('--dir', default='.',
                        help='where the logs and the state lie')
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tools = []
    with tempfile.TemporaryDirectory(
            prefix='latency-', dir=os.path.abspath(options.dir)) as directory:
        pipe = os.path.join(directory, 'stamps')
        stamps = Stamps(pipe)
        try:
            for tool in tools_start(options, directory, pipe):
                tools.append(tool)
                warm_up(tool, stamps, directory)
            measure(tools, stamps, options.events)
            report(tools, options.events, directory)
        except FileNotFoundError as error:
            sys.exit('latency: %s not found (on Debian: run '
                     './contrib/install-deps.sh --tests)' % error.filename)
        finally:
            for tool in tools:
                tool.stop()


if __name__ == '__main__':
    main()
