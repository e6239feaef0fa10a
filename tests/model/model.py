#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random things done to a log, against a model of what must be counted.

A sequence of operations (write, rotate, truncate, stop, kill ...) is done to
real files under the real logwatch, whose rules count each line by its number.
The model knows for each line whether it must be counted exactly once, or may
be lost because its last copy was destroyed before logwatch was sure to have
it; then the loss must have been said wherever logwatch could know of it.

What is counted is asked of `logwatch incidents`, nothing else is looked at but
the exit status and the warnings in logwatch's own log.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 15
NEWS_S = 0.1           # how long a change of the state is waited for
SHRINK_DEADLINE_S = 2  # how long a shrunk sequence is waited for
SHRINK_S = 60          # how long one failure is shrunk
SHRINK_TRIES = 2       # a race is not lost every time
KEEP = 4               # rotated files with a number
LEAST_OPS = 15

RULES = r"""version: 1
settings: {context: {before: 0, after: 0}}
sources:
  app: {path: logs/app.log, start_at: beginning}
rules:
  - id: line
    match: '^a L(?<n>[0-9]{6})E z$'
    key: [n]
    severity: info
    resolve: manual
  - id: other
    match: '^(?<text>.*)$'
    except: '^a L[0-9]{6}E z$'
    key: [text]
    severity: info
    resolve: manual
"""
LINE = re.compile(r'^a L([0-9]{6})E z$')
SAID = re.compile(r' (warning|error): .*(truncat|lost|destroy|gone|remov|'
                  r'rewrit|replac|disappear|unread|missing|not found)')


class Failure(Exception):
    """The promise that was broken, in one word, and how."""

    def __init__(self, kind, text):
        super().__init__(f'{kind}: {text}')
        self.kind = kind


# --- the model of files

class Text:
    """What was written to a file since it was made or last emptied."""

    def __init__(self, ids=(), tail='', seen=False):
        self.ids = list(ids)
        self.tail = tail
        self.known = seen  # logwatch counted a line of it


class File:
    """An inode.  Held: this logwatch process has it open for sure.  Away: it was
    rotated away since, so that it may count as done with though it came back.
    """

    def __init__(self, text=None):
        self.text = text or Text()
        self.held = False
        self.away = False


class World:
    """The files, the writer, the logwatch process, and what must be true."""

    def __init__(self, path, config, binary, user, deadline_s):
        self.path = path
        self.config = config
        self.binary = binary
        self.user = user
        self.deadline_s = deadline_s
        self.logs = os.path.join(path, 'logs')
        self.files = {}       # name below logs -> File
        self.orphans = []     # without a name, but perhaps held
        self.writer = None    # File
        self.writer_fd = -1
        self.rest = ''        # of the line that the writer has begun
        self.next_id = 1
        self.must = set()     # complete lines not yet seen, not destroyed
        self.may = {}         # destroyed: id -> the Text it was in
        self.seen = set()
        self.unheard = set()  # written where nobody could know of it
        self.shapes = {''}    # texts of whole and begun lines
        self.process = None
        self.frozen = False
        self.denied = False
        self.serial = 0
        self.asked = None     # the stamp of the state then
        self.count = {'lines': 0, 'starts': 0, 'kills': 0, 'lost': 0}

    # names

    def real(self, name):
        return os.path.join(self.logs, name)

    def current(self):
        """The name that the log's own path leads to."""
        if self.config['link']:
            return f'run-{self.serial}.log'
        return 'app.log'

    def findable(self, name):
        """Whether logwatch looks there by itself: the log, PATH.*, PATH-*."""
        return (name == self.current() or name.startswith('app.log.')
                or name.startswith('app.log-'))

    # what is destroyed

    def reckon(self):
        """Lines that were in no findable file any more are lost or not, who
        knows."""
        if not self.process:
            for f in self.all_files():
                f.held = False
            self.orphans = []
        alive = set()
        for name, f in self.files.items():
            if f.held or self.findable(name):
                alive.update(f.text.ids)
        for f in self.orphans:
            if f.held:
                alive.update(f.text.ids)
        return self.must - alive

    def destroyed(self, texts):
        """texts: those that may just have been destroyed."""
        gone = self.reckon()
        for text in texts:
            for i in gone.intersection(text.ids):
                self.may[i] = text
        self.must -= gone
        for i in gone:
            self.may.setdefault(i, Text())

    def is_away(self, f):
        return f.away or self.files.get(self.current()) is not f

    def all_files(self):
        return list(self.files.values()) + self.orphans

    def all_texts(self):
        return [f.text for f in self.all_files()]

    # the writer

    def create(self, name):
        """As a rotator or a writer makes the log anew, and opens it."""
        os.close(os.open(self.real(name), os.O_CREAT | os.O_WRONLY, 0o644))
        self.files.setdefault(name, File())

    def reopen(self):
        if self.writer_fd >= 0:
            os.close(self.writer_fd)
        name = self.current()
        fresh = name not in self.files
        self.create(name)
        if self.config['link'] and not os.path.lexists(self.real('app.log')):
            os.symlink(name, self.real('app.log'))
        self.writer_fd = os.open(self.real(name), os.O_WRONLY | os.O_APPEND)
        self.writer = self.files[name]
        self.rest = ''
        if fresh:
            self.banner()

    def close(self):
        if self.writer_fd >= 0:
            os.close(self.writer_fd)
        self.writer_fd = -1
        self.writer = None
        self.rest = ''

    def write(self, data):
        """Writes, and reckons what is a complete line by it."""
        if self.writer is None:
            self.reopen()
        text = self.writer.text
        os.write(self.writer_fd, data.encode())
        *lines, text.tail = (text.tail + data).split('\n')
        for line in lines:
            found = LINE.match(line)
            if found:
                text.ids.append(found[1])
                self.must.add(found[1])
                # To a file that was read to its end and has no writer any
                # more, for all that anybody knows who looks later.
                if self.is_away(self.writer) and \
                        not (self.process and self.writer.held):
                    self.unheard.add(found[1])
                self.count['lines'] += 1
            else:
                self.shapes.add(line)
        self.shapes.add(text.tail)

    def banner(self):
        for i in range(self.config['banner']):
            self.write(f'=== the same at each start, line {i:3d} ' + '=' * 40
                       + '\n')

    def line(self):
        self.next_id += 1
        return f'a L{self.next_id:06d}E z\n'

    def lines(self, count, pieces):
        if self.writer is None:
            self.reopen()
        parts = [self.rest] + [self.line() for _ in range(count)]
        self.rest = ''
        for part in parts if pieces else [''.join(parts)]:
            if part:
                self.write(part)

    # operations: a name, and numbers

    def op_append(self, count, pieces):
        self.lines(count, pieces)

    def op_partial(self, cut):
        self.lines(0, 0)
        line = self.line()
        cut = 1 + cut % (len(line) - 1)
        self.rest = line[cut:]
        self.write(line[:cut])

    def op_finish(self):
        self.lines(0, 0)

    def op_pause(self, ms):
        """Nothing is waited for: it shifts what follows against logwatch."""
        time.sleep(ms / 1000)

    def rename(self, old, new):
        os.rename(self.real(old), self.real(new))
        if new in self.files:
            self.drop_file(self.files[new])
        self.files[new] = self.files.pop(old)

    def drop_file(self, f):
        if self.process and f.held:
            self.orphans.append(f)

    def unlink(self, name):
        os.unlink(self.real(name))
        f = self.files.pop(name)
        self.drop_file(f)
        if f is self.writer:
            self.close()
        self.destroyed([f.text])

    def numbered(self, number):
        for name in (f'app.log.{number}', f'app.log.{number}.gz'):
            if name in self.files:
                return name
        return None

    def shift(self):
        """app.log.1 becomes app.log.2 and so on; whether there was room."""
        last = self.numbered(KEEP)
        if last and self.files[last] is self.writer:
            return False
        if last:
            self.unlink(last)
        for number in range(KEEP - 1, 0, -1):
            name = self.numbered(number)
            if name:
                self.rename(name, f'app.log.{number + 1}' +
                            ('.gz' if name.endswith('.gz') else ''))
        return True

    def rotated_name(self, dated):
        if dated:
            self.serial += 1
            return f'app.log-20260101-{self.serial:03d}'
        return 'app.log.1' if self.shift() else None

    def rotate(self, dated):
        if self.config['link'] or 'app.log' not in self.files:
            return False
        name = self.rotated_name(dated)
        if name:
            self.files['app.log'].away = True
            self.rename('app.log', name)
        return bool(name)

    def op_rotate_create(self, dated):
        if self.rotate(dated):
            self.create('app.log')
            self.reopen()

    def op_rotate_late(self, dated):
        """The writer goes on in the old file, and no new one is made."""
        self.rotate(dated)

    def op_rotate_keep(self, dated):
        """The writer goes on in the old file, and there is a new one."""
        if self.rotate(dated):
            self.create('app.log')

    def op_rotate_often(self, times, dated):
        for _ in range(times):
            if self.rotate(dated):
                self.create('app.log')
                self.reopen()
                self.lines(2, 0)

    def op_reopen(self):
        self.reopen()

    def op_copytruncate(self, dated):
        if self.config['link'] or 'app.log' not in self.files:
            return
        name = self.rotated_name(dated)
        if not name:
            return
        shutil.copyfile(self.real('app.log'), self.real(name))
        shutil.copymode(self.real('app.log'), self.real(name))
        old = self.files['app.log'].text
        self.files[name] = File(Text(old.ids, old.tail))
        self.empty(self.files['app.log'], 'app.log')

    def empty(self, f, name):
        os.truncate(self.real(name), 0)
        old = f.text
        f.text = Text()
        self.destroyed([old])

    def op_truncate(self, more):
        """Rewritten in place, to more than it was."""
        name = self.current()
        if name not in self.files:
            return
        size = os.path.getsize(self.real(name))
        self.empty(self.files[name], name)
        if self.files[name] is self.writer:
            self.banner()
            while os.path.getsize(self.real(name)) < size:
                self.lines(1, 0)
            self.lines(more, 0)

    def op_recreate(self, count):
        if self.current() in self.files:
            self.unlink(self.current())
            self.reopen()
            self.lines(count, 0)

    def op_delete(self):
        if self.current() in self.files:
            self.unlink(self.current())

    def op_swap(self):
        """The log is a link, which is made to lead to a new file."""
        if not self.config['link']:
            return
        old = self.files.get(self.current())
        self.serial += 1
        self.create(self.current())
        os.symlink(self.current(), self.real('link'))
        os.rename(self.real('link'), self.real('app.log'))
        self.reopen()
        self.banner()
        if old:
            self.destroyed([old.text])

    def op_gzip(self):
        """As gzip does it: the new name first, then the old one goes."""
        for name, f in sorted(self.files.items()):
            if (re.fullmatch(r'app\.log[-.][-0-9]+', name)
                    and f is not self.writer):
                break
        else:
            return
        with open(self.real(name), 'rb') as plain, \
                gzip.open(self.real(name + '.gz'), 'wb') as packed:
            shutil.copyfileobj(plain, packed)
        shutil.copystat(self.real(name), self.real(name + '.gz'))
        self.files[name + '.gz'] = File(f.text)
        self.unlink(name)

    def op_back(self):
        if 'app.log.1' in self.files and not self.config['link'] \
                and 'app.log' not in self.files:
            self.rename('app.log.1', 'app.log')

    def op_deny(self):
        name = self.current()
        if name in self.files and (self.user or os.geteuid() != 0):
            os.chmod(self.real(name), 0)
            self.denied = True

    def op_allow(self):
        if self.denied:
            for name in self.files:
                os.chmod(self.real(name), 0o644)
        self.denied = False

    # the process

    def logwatch(self, *arguments):
        return [self.binary, *arguments, '--state', 'state/state.db']

    def op_start(self):
        if self.process:
            return
        with open(os.path.join(self.path, 'logwatch.log'), 'ab') as log:
            self.process = subprocess.Popen(
                self.logwatch('--rules', 'rules.yml'), cwd=self.path,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **self.user)
        self.frozen = False
        self.count['starts'] += 1

    def op_stop(self):
        self.end(signal.SIGTERM, (0, -signal.SIGTERM))

    def op_kill(self):
        if self.process:
            self.count['kills'] += 1
            # In a file that had been rotated away and read to its end: nobody
            # may have heard of it.
            for f in self.all_files():
                if self.is_away(f):
                    self.unheard.update(self.must.intersection(f.text.ids))
        self.end(signal.SIGKILL, (-signal.SIGKILL,))

    def end(self, number, statuses):
        if not self.process:
            return
        self.check_alive()
        self.process.send_signal(number)
        if self.frozen:
            self.process.send_signal(signal.SIGCONT)
        try:
            status = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise Failure('stuck', f'does not end on signal {number}') \
                from None
        self.process = None
        self.frozen = False
        if status not in statuses:
            raise Failure('died', f'exit status {status}')
        self.destroyed(self.all_texts())

    def op_freeze(self):
        if self.process:
            self.process.send_signal(signal.SIGSTOP)
            self.frozen = True

    def op_thaw(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.frozen = False

    def check_alive(self):
        if self.process and self.process.poll() is not None:
            status = self.process.returncode
            self.process = None
            raise Failure('died', f'ended by itself, exit status {status}')

    def op_wait(self):
        """Until all is counted; what the writer's file gets then is held."""
        if not self.process or self.frozen:
            return
        self.op_allow()
        self.lines(1, 0)
        self.wait_for_all()
        self.writer.held = True
        self.writer.away = self.files.get(self.current()) is not self.writer

    def stamp(self):
        """Changes with what is in the state, but for what the file system's
        clock is too coarse for."""
        stamps = []
        for name in ('state.db', 'state.db-wal'):
            try:
                st = os.stat(os.path.join(self.path, 'state', name))
                stamps.append((st.st_mtime_ns, st.st_size))
            except FileNotFoundError:
                stamps.append(None)
        return stamps

    def wait_for_news(self):
        """Asking costs more than what is asked about."""
        until = time.monotonic() + NEWS_S
        while self.stamp() == self.asked and time.monotonic() < until:
            time.sleep(0.002)
        self.asked = self.stamp()

    def wait_for_all(self):
        deadline = time.monotonic() + self.deadline_s
        while True:
            self.wait_for_news()
            counts = self.ask(may_fail=True)[0]
            self.seen.update(counts)
            if self.must <= counts.keys():
                break
            self.check_alive()
            if time.monotonic() > deadline:
                lost = sorted(self.must - counts.keys())
                raise Failure('lost', f'{len(lost)} lines not counted within '
                              f'{self.deadline_s} s: {" ".join(lost[:20])}')
        for i in self.must:
            self.may.pop(i, None)
        self.must.clear()

    def ask(self, may_fail=False):
        """The count of each line and of each other text, and the rules that
        have incidents."""
        try:
            done = subprocess.run(
                self.logwatch('incidents', '--all', '--json'), cwd=self.path,
                capture_output=True, timeout=DEADLINE_S, check=False,
                **self.user)
        except subprocess.TimeoutExpired:
            raise Failure('stuck', 'incidents gives no answer') from None
        if done.returncode != 0:
            if may_fail:
                return {}, {}, set()
            raise Failure('state', done.stderr.decode(errors='replace'))
        lines, others, rules = {}, {}, set()
        for record in map(json.loads, done.stdout.splitlines()):
            rules.add(record['rule'])
            if record['rule'] == 'line':
                i = record['key']['n']
                lines[i] = lines.get(i, 0) + record['count']
            elif record['rule'] == 'other':
                others[record['key']['text']] = record['count']
        return lines, others, rules

    # the whole

    def begin(self):
        os.mkdir(self.logs)
        os.mkdir(os.path.join(self.path, 'state'))
        with open(os.path.join(self.path, 'rules.yml'), 'w',
                  encoding='ascii') as rules:
            rules.write(RULES)
        if self.user:
            entry = pwd.getpwnam('nobody')
            os.chmod(self.path, 0o755)
            os.chown(os.path.join(self.path, 'state'), entry.pw_uid,
                     entry.pw_gid)
        self.reopen()
        # What was rotated away before the very first start is nobody's
        # business, so that start has to be over first.
        self.op_start()
        self.op_wait()

    def do(self, op):
        name, *numbers = op
        getattr(self, 'op_' + name)(*numbers)
        self.check_alive()

    def finish(self):
        """Everything becomes readable, is read to its end, and is judged."""
        self.op_allow()
        self.op_thaw()
        self.op_start()
        self.wait_for_all()
        self.op_stop()
        done = subprocess.run(
            self.logwatch('--rules', 'rules.yml', '--once'), cwd=self.path,
            stdin=subprocess.DEVNULL, capture_output=True,
            timeout=4 * DEADLINE_S, check=False, **self.user)
        with open(os.path.join(self.path, 'logwatch.log'), 'ab') as log:
            log.write(done.stderr)
        if done.returncode != 0:
            raise Failure('died', f'--once: exit status {done.returncode}')
        self.judge()

    def judge(self):
        lines, others, rules = self.ask()
        twice = sorted(i for i, count in lines.items() if count != 1)
        if twice:
            raise Failure('twice', f'{len(twice)} lines counted more than '
                          f'once: {" ".join(twice[:20])}')
        lost = sorted(self.seen - lines.keys())
        if lost:
            raise Failure('lost', 'counted and forgotten: '
                          + ' '.join(lost[:20]))
        strange = [text for text in others if text not in self.shapes]
        if strange:
            raise Failure('torn', f'lines that nobody wrote: {strange[:5]}')
        self.judge_losses(lines, rules)

    def judge_losses(self, lines, rules):
        """A loss is knowable where some of that text was counted."""
        lost = [i for i in self.may if i not in lines]
        self.count['lost'] += len(lost)
        knowable = [i for i in lost if i not in self.unheard and
                    any(j in lines for j in self.may[i].ids)]
        with open(os.path.join(self.path, 'logwatch.log'),
                  encoding='utf-8', errors='replace') as log:
            said = any(SAID.search(line) for line in log)
        if knowable and not said and 'logwatch.lines-lost' not in rules:
            raise Failure('unsaid', 'lost, and nobody said so: '
                          + ' '.join(sorted(knowable)[:20]))

    def clean(self):
        if self.writer_fd >= 0:
            os.close(self.writer_fd)
        if self.process:
            self.process.kill()
            self.process.wait()


# --- sequences

# Operation, how often, and the ranges of its numbers.
OPERATIONS = [
    ('append', 24, (1, 6), (0, 1)),
    ('partial', 8, (0, 999)),
    ('finish', 5),
    ('pause', 5, (0, 10)),
    ('rotate_create', 6, (0, 1)),
    ('rotate_late', 4, (0, 1)),
    ('rotate_keep', 4, (0, 1)),
    ('rotate_often', 3, (2, 4), (0, 1)),
    ('reopen', 6),
    ('copytruncate', 5, (0, 1)),
    ('truncate', 4, (0, 5)),
    ('recreate', 2, (0, 6)),
    ('delete', 1),
    ('swap', 0),
    ('gzip', 4),
    ('back', 3),
    ('deny', 2),
    ('allow', 3),
    ('stop', 4),
    ('start', 6),
    ('freeze', 4),
    ('thaw', 6),
    ('kill', 4),
    ('wait', 8),
]
# What leads to something new where the log is a link.
LINKED = {'swap': 12, 'rotate_create': 0, 'rotate_late': 0, 'rotate_keep': 0,
          'rotate_often': 0, 'copytruncate': 0, 'gzip': 0, 'back': 0}


def make_sequence(seed, most_ops, without):
    """The same for the same arguments, for ever."""
    rng = random.Random(seed)
    config = {'link': int(rng.random() < 0.15),
              'banner': rng.choice([0, 0, 0, 1, 40])}
    weights = [LINKED.get(op[0], op[1]) if config['link'] else op[1]
               for op in OPERATIONS]
    weights = [0 if op[0] in without else weight
               for op, weight in zip(OPERATIONS, weights)]
    ops = []
    down = frozen = False
    for _ in range(rng.randint(LEAST_OPS, max(LEAST_OPS, most_ops))):
        while True:
            name, _, *ranges = rng.choices(OPERATIONS, weights)[0]
            # An operation without effect is a waste of time.
            if not ((name == 'start' and not down)
                    or (name == 'thaw' and not frozen)
                    or (name in ('stop', 'kill', 'freeze', 'wait') and down)
                    or (name in ('freeze', 'wait') and frozen)):
                break
        down = name in ('stop', 'kill') or down and name != 'start'
        frozen = name == 'freeze' or frozen and name not in (
            'thaw', 'stop', 'kill')
        ops.append([name] + [rng.randint(*r) for r in ranges])
    return config, ops


def write_sequence(config, ops):
    head = ' '.join(f'{name}={value}' for name, value in config.items())
    return f'config {head}\n' + ''.join(
        ' '.join(map(str, op)) + '\n' for op in ops)


def read_sequence(text):
    head, *lines = text.strip().split('\n')
    config = {name: int(value) for name, value in
              (pair.split('=') for pair in head.split()[1:])}
    return config, [[name, *map(int, numbers)] for name, *numbers in
                    (line.split() for line in lines)]


def run_sequence(config, ops, options, name, deadline_s):
    """Returns (failure or None, what was done, directory if it failed)."""
    path = tempfile.mkdtemp(prefix=f'logwatch-model-{name}.')
    world = World(path, config, options.logwatch, options.user, deadline_s)
    failure = None
    try:
        world.begin()
        for op in ops:
            world.do(op)
        world.finish()
    except Failure as f:
        failure = f
    finally:
        world.clean()
    if failure:
        with open(os.path.join(path, 'sequence'), 'w', encoding='ascii') as f:
            f.write(write_sequence(config, ops))
        return failure, world.count, path
    shutil.rmtree(path)
    return None, world.count, None


def shrink(config, ops, kind, options, name):
    """Leaves out operations as long as it still fails in that way."""
    until = time.monotonic() + SHRINK_S

    def fails(candidate):
        for _ in range(SHRINK_TRIES):
            failure, _, path = run_sequence(config, candidate, options, name,
                                            SHRINK_DEADLINE_S)
            if failure:
                shutil.rmtree(path)
            if failure and failure.kind == kind:
                return True
        return False

    size = max(1, len(ops) // 2)
    while time.monotonic() < until:
        at = 0
        before = len(ops)
        while at < len(ops) and time.monotonic() < until:
            candidate = ops[:at] + ops[at + size:]
            if fails(candidate):
                ops = candidate
            else:
                at += size
        if size == 1 and len(ops) == before:
            break
        size = max(1, size // 2)
    return ops


enough = None  # in a worker: set once enough have failed


def begin_worker(event):
    global enough
    enough = event
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def run_seed(job):
    seed, options = job
    if enough.is_set():
        return seed, None, {}, None
    config, ops = make_sequence(seed, options.ops, options.without)
    failure, count, path = run_sequence(config, ops, options, seed,
                                        options.deadline)
    return seed, failure and (failure.kind, str(failure)), \
        count | {'operations': len(ops)}, path


# --- the run

def user_for(binary):
    """Root may read a file of mode 0: logwatch runs as nobody if it can."""
    if os.geteuid() != 0:
        return {}
    user = {'user': 'nobody', 'group': pwd.getpwnam('nobody').pw_gid,
            'extra_groups': []}
    try:
        subprocess.run([binary, '--version'], check=True, timeout=DEADLINE_S,
                       stdout=subprocess.DEVNULL, **user)
    except (OSError, subprocess.SubprocessError):
        print('# nobody may not run logwatch: root reads what is denied')
        return {}
    return user


def tell_failure(seed, kind, text, path, options, shrinks, tolerated):
    config, ops = make_sequence(seed, options.ops, options.without)
    word = '# TOLERATED' if tolerated else 'not ok'
    print(f'{word} - seed {seed}: {text}\n# kept: {path}')
    if shrinks:
        ops = shrink(config, ops, kind, options, seed)
        with open(os.path.join(path, 'shrunk'), 'w', encoding='ascii') as f:
            f.write(write_sequence(config, ops))
        print(f'# shrunk, for --replay: {path}/shrunk')
    print('# ' + write_sequence(config, ops).strip().replace('\n', '\n# '),
          flush=True)


def run_seeds(seeds, options):
    total = {}
    failed = []
    done = 0
    stop = multiprocessing.Event()
    with multiprocessing.Pool(options.jobs, begin_worker, (stop,)) as pool:
        results = pool.imap(run_seed, [(seed, options) for seed in seeds])
        good, first = 0, seeds[0]
        for number, (seed, failure, count, path) in enumerate(results, 1):
            done += bool(count)
            for name, value in count.items():
                total[name] = total.get(name, 0) + value
            if failure:
                failed.append((seed, *failure, path))
                print(f'# seed {seed}: {failure[1]}', flush=True)
                if len(failed) == options.most:
                    stop.set()
            elif count:
                good += 1
            if number % 100 == 0 or number == len(seeds):
                if good:
                    print(f'ok - {good} sequences, seeds {first} to {seed}',
                          flush=True)
                good = 0
                first = seeds[number] if number < len(seeds) else None
        # Ended by a signal, a worker may wait for ever for a lock.
        pool.close()
        pool.join()
    tolerated = len(failed) <= options.tolerate
    for number, failure in enumerate(failed):
        tell_failure(*failure, options, number < options.shrink, tolerated)
    print('# ' + ', '.join(f'{value} {name}' for name, value in
                           total.items()))
    print(f'# {done - len(failed)} passed, {len(failed)} failed, '
          f'{len(seeds) - done} not tried after so many')
    return tolerated


def replay(path, times, options):
    with open(path, encoding='ascii') as f:
        config, ops = read_sequence(f.read())
    bad = 0
    for _ in range(times):
        failure, _, kept = run_sequence(config, ops, options, 'replay',
                                          options.deadline)
        if failure:
            bad += 1
            print(f'not ok - {failure}\n# kept: {kept}', flush=True)
        else:
            print('ok - replayed', flush=True)
    return not bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--logwatch', default=os.environ.get('LOGWATCH'),
                        help='the binary; default: $LOGWATCH')
    parser.add_argument('--seed', type=int,
                        help='of the first sequence; default: the clock')
    parser.add_argument('--count', type=int, default=1,
                        help='sequences, of this seed and those after it')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--ops', type=int, default=30,
                        help=f'most operations of one, at least {LEAST_OPS}')
    parser.add_argument('--without', metavar='NAME,...', default=[],
                        type=lambda text: text.split(','),
                        help='operations to leave out, to narrow it down')
    parser.add_argument('--replay', metavar='FILE',
                        help='does the operations in a file, --count times')
    parser.add_argument('--shrink', metavar='N', type=int, default=3,
                        help='failures to shrink, a minute each; default 3')
    parser.add_argument('--tolerate', metavar='N', type=int, default=0,
                        help='so many failures are told and are none')
    parser.add_argument('--most', metavar='N', type=int, default=20,
                        help='failures after which to stop; default 20')
    parser.add_argument('--deadline', metavar='SECONDS', type=float,
                        default=DEADLINE_S, help='for a line to be counted')
    parser.add_argument('--print', action='store_true',
                        help='only print the operations of the seed')
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int(time.time())
    if options.print:
        print(write_sequence(*make_sequence(
            options.seed, options.ops, options.without)),
              end='')
        return 0
    if not options.logwatch:
        parser.error('name the binary with --logwatch or $LOGWATCH')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.logwatch = os.path.abspath(options.logwatch)
    options.user = user_for(options.logwatch)
    if options.replay:
        return 0 if replay(options.replay, options.count, options) else 1
    print(f'# seeds from {options.seed}, {options.count} sequences',
          flush=True)
    return 0 if run_seeds(range(options.seed, options.seed + options.count),
                          options) else 1


if __name__ == '__main__':
    sys.exit(main())
