# SPDX-License-Identifier: MIT
"""bench/RESULTS.md, and what it says of the machine."""

import datetime
import os
import platform
import re
import subprocess

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       'RESULTS.md')


def package_version(package):
    out = subprocess.run(
        ['dpkg-query', '-W', '-f', '${Version}', package],
        capture_output=True, text=True, check=False)
    return '%s %s' % (package, out.stdout or '(no package)')


def machine(logwatch, directory, packages):
    with open('/proc/cpuinfo') as f:
        cpu = re.search(r'model name\s*: (.*)', f.read())
    kind = subprocess.run(['stat', '-f', '-c', '%T', directory],
                          capture_output=True, text=True, check=False)
    ours = subprocess.run([logwatch, '--version'],
                          capture_output=True, text=True, check=False)
    return '%s; %d × %s, %.0f GB, Linux %s, logs on %s; %s' % (
        datetime.date.today(), os.cpu_count(),
        cpu.group(1) if cpu else platform.machine(),
        os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9,
        '.'.join(platform.release().split('.')[:2]), kind.stdout.strip(),
        '; '.join([ours.stdout.split('\n')[0]] +
                  ([', '.join(map(package_version, packages))]
                   if packages else [])))


def section_put(title, text):
    """Replaces the section of that title in bench/RESULTS.md, or adds it."""
    path = RESULTS
    try:
        with open(path) as f:
            old = f.read()
    except FileNotFoundError:
        old = '# Results\n'
    head = '## %s\n' % title
    before, found, rest = old.partition(head)
    after = re.search('^## ', rest, re.MULTILINE)
    after = rest[after.start():] if found and after else ''
    new = before.rstrip('\n') + '\n\n' + head + '\n' + text + '\n'
    with open(path + '.new', 'w') as f:
        f.write(new + ('\n' + after if after else ''))
    os.replace(path + '.new', path)
