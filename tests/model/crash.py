#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Kills logwatch at chosen system calls, and at random under load.

After a start without kills every line is counted exactly once, every incident
is there once, each script ran at most once, each delivery has one body, and
the state is sound.
"""

import argparse
import glob
import http.server
import json
import multiprocessing
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

DEADLINE_S = 60
LINES = 200
EVERY = 20  # lines to an incident with actions

CALL_RULES = r"""version: 1
settings: {context: {before: 0, after: 0}}
sources:
  app: {path: app.log, start_at: beginning}
rules:
  - id: line
    match: '^a L(?<n>[0-9]{6})E \w+$'
    key: [n]
    severity: info
    resolve: manual
  - id: mark
    match: '^a L(?<n>[0-9]{6})E mark$'
    key: [n]
    severity: info
    resolve: manual
    actions: [note, hook]
actions:
  note: {exec: [./note.sh]}
  hook: {webhook: {url: 'http://127.0.0.1:PORT/'}}
"""
NOTE = '#!/bin/sh\necho "$LOGWATCH_ID" >>notes\n'
# The same line is in one incident of each rule, so a loss and a repetition
# never make up for each other in both.
LOAD_RULES = r"""version: 1
settings: {context: {before: 0, after: 0}}
sources:
  app: {path: app.log, start_at: beginning}
rules:
  - id: head
    match: '^a L(?<n>[0-9]{6})[0-9]{3}E z$'
    key: [n]
    severity: info
    resolve: manual
  - id: tail
    match: '^a L[0-9]{7}(?<n>[0-9]{2})E z$'
    key: [n]
    severity: info
    resolve: manual
"""
CALL_SETS = ['write,pwrite64,writev', 'fsync,fdatasync', 'openat,openat2',
             'rename,renameat,renameat2,unlink,unlinkat']


class Failure(Exception):
    """What does not hold."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps the bodies of each delivery id."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Answer)
        self.bodies = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', '0')))
        self.server.bodies.setdefault(self.headers.get('webhook-id'),
                                      set()).add(body)
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


class Place:
    """A directory with a rule file, and the logwatch that works in it."""

    def __init__(self, binary, rules):
        self.path = tempfile.mkdtemp(prefix='logwatch-crash.')
        self.binary = binary
        self.write('rules.yml', rules)
        self.log = open(self.file('logwatch.log'), 'ab')
        self.process = None

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text, mode='w'):
        with open(self.file(name), mode, encoding='ascii') as f:
            f.write(text)

    def command(self, *arguments):
        return [self.binary, *arguments, '--state', 'state/state.db']

    def start(self, *tracer):
        # The leak check wants to be the only tracer.
        self.process = subprocess.Popen(
            [*tracer, *self.command('--rules', 'rules.yml')], cwd=self.path,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=os.environ | {'ASAN_OPTIONS': 'detect_leaks=0'})

    def await_state(self):
        """Until the state knows that the log is followed."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            for name in glob.glob(f'{self.path}/state/state.db*'):
                if stat.S_ISSOCK(os.stat(name).st_mode):
                    continue
                with open(name, 'rb') as state:
                    if b'app.log' in state.read():
                        return
            time.sleep(0.01)
        expect(False, 'the state does not say that the log is followed')

    def end(self, number):
        """Returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def once(self):
        status = subprocess.run(
            self.command('--rules', 'rules.yml', '--once'), cwd=self.path,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            timeout=DEADLINE_S, check=False).returncode
        expect(status == 0, f'--once: exit status {status}')

    def incidents(self):
        """Records by rule; none where there is no answer yet."""
        done = subprocess.run(
            self.command('incidents', '--all', '--json'), cwd=self.path,
            capture_output=True, timeout=DEADLINE_S, check=False)
        rules = {}
        for record in map(json.loads, done.stdout.splitlines()):
            rules.setdefault(record['rule'], []).append(record)
        return rules

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


# --- a kill at the n-th call

def feed(place):
    """The log's life: 200 lines in 20 pieces, a rotation in the middle; not
    before logwatch knows of the log, for what was rotated away by its very
    first start is none of its business."""
    for number in range(1, LINES + 1):
        word = 'mark' if number % EVERY == 0 else 'plain'
        place.write('app.log', f'a L{number:06d}E {word}\n', 'a')
        if number == LINES // 2 and place.incidents():
            os.rename(place.file('app.log'), place.file('app.log.1'))
            place.write('app.log', '')
        if number % 10 == 0:
            yield


def sound(place, receiver):
    """Whether everything was done; what must hold in any case."""
    rules = place.incidents()
    for rule, number in (('line', LINES), ('mark', LINES // EVERY)):
        records = rules.get(rule, [])
        counts = {}
        for r in records:
            counts[r['key']['n']] = counts.get(r['key']['n'], 0) + r['count']
        wrong = {n: c for n, c in counts.items() if c != 1}
        expect(not wrong, f'rule {rule}: counted {wrong}')
        expect(len(records) == len(counts), f'rule {rule}: incidents twice')
        if len(records) < number:
            return f'rule {rule}: {len(records)} of {number} incidents'
    try:
        with open(place.file('notes'), encoding='ascii') as f:
            notes = f.read().split()
    except FileNotFoundError:
        notes = []
    expect(len(notes) == len(set(notes)), 'a script ran twice')
    for record in rules['mark']:
        state = record['actions'][0]['state'] if record['actions'] else None
        if state in (None, 'pending', 'running'):
            return f'incident {record["id"]}: its script is {state}'
        expect(state != 'succeeded' or record['id'] in notes,
               'a script succeeded without having run')
        if f'{record["id"]}-opened' not in receiver.bodies:
            return f'incident {record["id"]}: was never delivered'
    for name, bodies in list(receiver.bodies.items()):
        expect(len(bodies) == 1, f'delivery {name}: several bodies')
    return None


def wait_sound(place, receiver):
    """Until it is; or until logwatch has ended: whether it still runs."""
    deadline = time.monotonic() + DEADLINE_S
    while place.process.poll() is None:
        missing = sound(place, receiver)
        if missing is None:
            return True
        expect(time.monotonic() < deadline, missing)
        time.sleep(0.02)
    return False


def kill_at(binary, calls, n):
    """Returns whether logwatch was killed, the failure or None, and where."""
    receiver = Receiver()
    place = Place(binary, CALL_RULES.replace('PORT',
                                             str(receiver.server_port)))
    killed, failure = False, None
    try:
        place.write('note.sh', NOTE)
        os.chmod(place.file('note.sh'), 0o755)
        life = feed(place)
        next(life)
        place.start('strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e',
                    f'trace={calls}', '-e',
                    f'inject={calls}:signal=KILL:when={n}')
        for _ in life:
            place.process.poll()
            time.sleep(0.005)  # the writer's pace, waits for nothing
        killed = not wait_sound(place, receiver)
        status = place.process.wait() if killed else place.end(signal.SIGTERM)
        killed = status == -signal.SIGKILL
        expect(status in (0, -signal.SIGKILL), f'exit status {status}')
        place.once()
        missing = sound(place, receiver)
        expect(missing is None, missing)
        damaged = [name for name in os.listdir(place.file('state'))
                   if 'damaged' in name]
        expect(not damaged, f'the state was damaged: {damaged}')
    except (Failure, subprocess.TimeoutExpired, OSError) as f:
        failure = str(f)
    finally:
        place.clean()
        receiver.shutdown()
        receiver.server_close()
    if not failure:
        shutil.rmtree(place.path)
    return killed, failure, place.path


def kill_at_calls(options):
    """Every call, or those that a growing step leaves, until one run
    survives; two survive in a row where the count wavers."""
    good = True
    for calls in CALL_SETS:
        kills = runs = survived = bad = 0
        n = 1
        with ThreadPoolExecutor(options.jobs) as pool:
            while survived < 2:
                batch = []
                for _ in range(options.jobs):
                    batch.append((n, pool.submit(kill_at, options.logwatch,
                                                 calls, n)))
                    n += 1 if options.all else 1 + n // options.spread
                for at, future in batch:
                    killed, failure, path = future.result()
                    runs += 1
                    kills += killed
                    survived = 0 if killed else survived + 1
                    if failure:
                        bad += 1
                        print(f'# {calls} {at}: {failure}\n# kept: {path}')
        print(f'{"not " if bad else ""}ok - killed at {calls}: {runs} runs of '
              f'{LINES} lines and {LINES // EVERY} incidents, {kills} kills, '
              f'up to call {at}', flush=True)
        good = good and not bad
    return good


# --- random kills under load

def write_load(path, seed, stop, total):
    """Up to 20,000 lines a second, in pieces that need not end at a line;
    renamed now and then, often several times at once."""
    rng = random.Random(seed)
    number = serial = 0
    log = os.path.join(path, 'app.log')

    def opened():
        return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def lines(count):
        nonlocal number
        text = ''.join(f'a L{i:09d}E z\n'
                       for i in range(number, number + count)).encode()
        number += count
        return text

    fd = opened()
    while not stop.is_set():
        began = time.monotonic()
        count = rng.randint(1, 200)
        text = lines(count)
        cut = rng.randrange(len(text))
        os.write(fd, text[:cut])
        os.write(fd, text[cut:])
        if rng.random() < 0.03:
            for _ in range(rng.choice([1, 1, 2, 5])):
                os.rename(log, f'{log}-{serial:06d}')
                serial += 1
                os.write(fd, lines(rng.randint(0, 5)))  # not told yet
                os.close(fd)
                fd = opened()
                os.write(fd, lines(rng.randint(0, 5)))
        # The pace: 20,000 a second.
        time.sleep(max(0, count / 20000 - (time.monotonic() - began)))
    os.close(fd)
    total.value = number
    total.renames = serial


def tally(place):
    rules = place.incidents()
    return {rule: {r['key']['n']: r['count'] for r in records}
            for rule, records in rules.items()}


def wanted(total):
    want = {'head': {}, 'tail': {}}
    for block in range((total + 999) // 1000):
        want['head'][f'{block:06d}'] = min(1000, total - block * 1000)
    for digits in range(min(100, total)):
        want['tail'][f'{digits:02d}'] = (total - digits + 99) // 100
    return want


def kill_under_load(options):
    place = Place(options.logwatch, LOAD_RULES)
    rng = random.Random(options.seed)
    manager = multiprocessing.Manager()
    stop, total = manager.Event(), manager.Namespace()
    writer = multiprocessing.Process(
        target=write_load, args=(place.path, options.seed, stop, total))
    failure = None
    place.start()
    place.await_state()  # before, it would be another first start
    writer.start()
    try:
        for _ in range(options.kills):
            time.sleep(rng.uniform(0, 0.6))  # when the kill comes
            status = place.end(signal.SIGKILL)
            expect(status == -signal.SIGKILL, f'exit status {status}')
            place.start()
        stop.set()
        writer.join(DEADLINE_S)
        want = wanted(total.value)
        deadline = time.monotonic() + options.deadline
        got = {}
        while got != want and time.monotonic() < deadline:
            expect(place.process.poll() is None, 'it has ended by itself')
            time.sleep(0.1)
            got = tally(place)
        status = place.end(signal.SIGTERM)
        expect(status == 0, f'exit status {status}')
        place.once()
        got = tally(place)
        wrong = {n: (got['head'].get(n, 0), w) for n, w in
                 want['head'].items() if got['head'].get(n, 0) != w}
        expect(got == want, f'of a thousand lines each, counted and written: '
               f'{dict(list(wrong.items())[:10])}, '
               f'{sum(got["head"].values())} of {total.value} in all')
    except (Failure, subprocess.TimeoutExpired, OSError) as f:
        failure = str(f)
    finally:
        stop.set()
        writer.join(DEADLINE_S)
        place.clean()
    print(f'{"not " if failure else ""}ok - {options.kills} random kills, '
          f'seed {options.seed}: {total.value} lines, {total.renames} '
          f'renames{": " + failure if failure else ""}')
    if failure:
        print(f'# kept: {place.path}')
    else:
        shutil.rmtree(place.path)
    return failure is None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--logwatch', default=os.environ.get('LOGWATCH'),
                        help='the binary; default: $LOGWATCH')
    parser.add_argument('--all', action='store_true',
                        help='every call, not a sample')
    parser.add_argument('--spread', type=int, default=4,
                        help='the sample goes from n to n + 1 + n/SPREAD')
    parser.add_argument('--kills', type=int, default=30,
                        help='random kills under load')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--deadline', metavar='SECONDS', type=float,
                        default=DEADLINE_S, help='to catch up after the kills')
    parser.add_argument('--only', choices=['calls', 'load'])
    options = parser.parse_args()
    if not options.logwatch:
        parser.error('name the binary with --logwatch or $LOGWATCH')
    options.logwatch = os.path.abspath(options.logwatch)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f'# seed {options.seed}', flush=True)
    good = True
    if options.only != 'load':
        good = kill_at_calls(options) and good
    if options.only != 'calls':
        good = kill_under_load(options) and good
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
