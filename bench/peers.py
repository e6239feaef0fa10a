# SPDX-License-Identifier: MIT
"""The tools that match logs: the same rules as each reads them, how it is run,
what that took, and which hits it counted."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from signatures import rules

LAST = 'bench: end of the log'  # the last line of a log that rsyslog reads
PATIENCE = 1200  # seconds


def capture(pattern, mark):
    """The pattern with a name for its first group."""
    return re.sub(r'(?<!\\)\((?!\?)', '(' + mark, pattern, count=1)


class Tool:
    """One that is measured, in a directory for its files; what it took is the
    best of its runs."""

    name = ''
    slow = True

    def __init__(self, directory, count, log, processors):
        self.dir = tempfile.mkdtemp(dir=directory)
        self.log = log
        self.size = os.path.getsize(log)
        self.rules = rules(count)
        self.wall = self.cpu = float('inf')
        self.rss = 0
        self.out = ''
        self.command = ['taskset', '-c', processors, *self.argv()]

    def argv(self):
        raise NotImplementedError

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def patterns(self):
        return self.write('patterns', ''.join(
            pattern + '\n' for _, pattern, _ in self.rules))

    def wait(self, process):
        """Until the log is read; who ends then is left to be waited for."""
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    def run(self):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start = time.monotonic()
            process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=err)
            try:
                self.wait(process)
                wall = time.monotonic() - start
            finally:
                os.kill(process.pid, signal.SIGTERM)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            self.out = out.read().decode(errors='replace')
            if process.returncode not in (0, 1):
                raise RuntimeError('%s: %s' % (
                    self.command[3],
                    err.read().decode(errors='replace')[-300:]))
        self.wall = min(self.wall, wall)
        self.cpu = min(self.cpu, usage.ru_utime + usage.ru_stime)
        self.rss = max(self.rss, usage.ru_maxrss / 1024)

    def speed(self):
        return self.size / 1e6 / self.wall

    def cost(self):
        """CPU seconds a GiB."""
        return self.cpu * (1 << 30) / self.size

    def hits(self):
        """Of each rule; or, of who does not tell them apart, how many lines
        have one."""
        return int(self.out or 0)

    def by_name(self, names):
        counted = collections.Counter(names)
        return [counted[name] for name, _, _ in self.rules]


class Bare(Tool):
    name = 'bare'
    slow = False
    program = None

    def argv(self):
        return [self.program, self.patterns(), self.log]

    def hits(self):
        return [int(text.split('\t')[1]) for text in self.out.splitlines()][
            :-1]

    def lines(self):
        return int(self.out.split()[-1])


class Logwatch(Tool):
    name = 'logwatch'
    slow = False
    program = None

    def argv(self):
        text = 'version: 1\nsources: {app: {path: app.log}}\nrules:\n'
        for name, pattern, _ in self.rules:
            text += "  - {id: %s, match: '%s'}\n" % (
                name, capture(pattern, '?<c>').replace("'", "''"))
        return [self.program, 'scan', '--count', '--rules',
                self.write('rules.yml', text), self.log]

    def hits(self):
        return [int(text.split('\t')[1]) for text in self.out.splitlines()]


class Ripgrep(Tool):
    name = 'ripgrep'
    slow = False

    def argv(self):
        return ['rg', '-a', '-c', '-f', self.patterns(), self.log]


class GrepP(Tool):
    name = 'grep -P'

    def argv(self):
        return ['grep', '-aPc',
                '|'.join(pattern for _, pattern, _ in self.rules), self.log]


class Sec(Tool):
    name = 'SEC'

    def argv(self):
        text = ''.join(
            'type=Single\nptype=RegExp\ncontinue=TakeNext\npattern=%s\n'
            'desc=%s\naction=write - %%s\n\n' % (pattern, name)
            for name, pattern, _ in self.rules)
        return ['sec', '--conf', self.write('sec.conf', text), '--input',
                self.log, '--notail', '--fromstart', '--log=/dev/null',
                '--debug=1']

    def hits(self):
        return self.by_name(self.out.splitlines())


class Mtail(Tool):
    name = 'mtail'

    def argv(self):
        text = 'counter hits by rule\n' + ''.join(
            '/%s/ {\n  hits["%s"]++\n}\n' % (pattern.replace('/', '\\/'), name)
            for name, pattern, _ in self.rules)
        return ['mtail', '--progs', self.write('hits.mtail', text), '--logs',
                self.log, '--one_shot', '--logtostderr']

    def hits(self):
        counted = {value['Labels'][0]: value['Value']['Value']
                   for metric in json.loads(self.out).get('hits', ())
                   for value in metric.get('LabelValues') or ()}
        return self.by_name(counted)


class Rsyslog(Tool):
    """In the foreground, with this log alone, and no queue between reading and
    matching, which is quickest.  It goes on at the end: that the last line is
    matched, and so all before it, is when a file is there."""

    name = 'rsyslog'
    conf = '''\
global(workDirectory="%(dir)s")
main_queue(queue.type="direct")
module(load="imfile")
template(name="hit" type="string" string="%%$.rule%%\\n")
ruleset(name="hit") {
  action(type="omfile" file="%(dir)s/hits" template="hit")
}
ruleset(name="bench") {
  if $msg == "%(last)s" then {
    action(type="omfile" file="%(dir)s/end" template="hit")
    stop
  }
%(rules)s}
input(type="imfile" file="%(log)s" tag="bench:" ruleset="bench")
'''

    @staticmethod
    def posix(pattern):
        """As regcomp() of glibc takes it, in the quotes of RainerScript."""
        for ours, theirs in ((r'\d', '[0-9]'), ('(?:', '('),
                             (r'[^\]]', '[^]]'), ('\\', r'\\'), ("'", r"\'")):
            pattern = pattern.replace(ours, theirs)
        return "'%s'" % pattern

    def argv(self):
        text = ''.join(
            '  if re_match($msg, %s) then { set $.rule = "%s"; call hit }\n' %
            (self.posix(pattern), name) for name, pattern, _ in self.rules)
        # It is where the path of most users does not lead.
        program = shutil.which('rsyslogd', path=':'.join(
            [*os.get_exec_path(), '/usr/sbin']))
        conf = self.write('rsyslog.conf', self.conf % {
            'dir': self.dir, 'log': self.log, 'last': LAST, 'rules': text})
        return [program or 'rsyslogd', '-n', '-f', conf, '-i',
                os.path.join(self.dir, 'pid')]

    def wait(self, process):
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(os.path.join(self.dir, 'end')):
            ended = os.waitid(os.P_PID, process.pid,
                              os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended or time.monotonic() > deadline:
                raise RuntimeError('rsyslogd did not read to the end')
            time.sleep(0.001)

    def hits(self):
        try:
            with open(os.path.join(self.dir, 'hits')) as f:
                return self.by_name(f.read().splitlines())
        except FileNotFoundError:
            return self.by_name(())


class Fail2ban(Tool):
    """What it finds must be somebody's address, or another identity, which it
    takes apart unless it is to be raw."""

    name = 'fail2ban-regex'

    def argv(self):
        text = '[Definition]\ndatepattern = {NONE}\nfailregex =\n' + ''.join(
            '  %s\n' % capture(pattern, '?P<fid>').replace('%', '%%')
            for _, pattern, _ in self.rules)
        return ['fail2ban-regex', '--encoding=utf-8', '--raw',
                '--print-no-missed', self.log,
                self.write('filter.conf', text)]

    def hits(self):
        counted = {int(number) - 1: int(count) for number, count in re.findall(
            r'^\| +(\d+)\) \[(\d+)\] ', self.out, re.MULTILINE)}
        return [counted.get(i, 0) for i in range(len(self.rules))]


PEERS = (Ripgrep, GrepP, Sec, Mtail, Rsyslog, Fail2ban)
