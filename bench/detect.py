#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What detecting costs: see bench/detect.c.

Prints a table, and with --write puts it into bench/RESULTS.md.
"""

import argparse
import json
import subprocess
import sys

import results

ROW = '| %s | %s | %s |'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--logwatch', required=True)
    parser.add_argument('--detect', required=True)
    parser.add_argument('--runs', type=int, default=3,
                        help='of which the fastest counts')
    parser.add_argument('--write', action='store_true')
    args = parser.parse_args()
    runs = []
    for _ in range(args.runs):
        run = subprocess.run([args.detect], check=True, capture_output=True,
                             text=True)
        runs.append(json.loads(run.stdout))
    best = max(runs, key=lambda run: run['hits_a_second'])
    lines = [
        '500 rules with a threshold, {:,} keys that are hit three times in '
        'their window, {:,} incidents open; all that changes is told as for '
        'saving, every 500 hits.'.format(best['keys'], best['open']),
        '',
        ROW % ('', 'measured', 'wanted'),
        ROW % ('---', '---:', '---:'),
        ROW % ('bytes a key', '%.0f' % best['bytes_a_key'], '200'),
        ROW % ('hits/s through detect and incident, one processor',
               '{:,.0f}'.format(best['hits_a_second']), '300,000'),
        '',
        '`make bench-detect`, the fastest of %d, %s.' % (
            args.runs, results.machine(args.logwatch, '.', [])),
    ]
    text = '\n'.join(lines)
    print(text)
    if args.write:
        results.section_put('Detecting', text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
