#!/usr/bin/env python3
"""Prints what the last runs found, as Markdown; with --write also between the two marker lines of docs/kernel.md.

table.py [--write] REPORTS ...: the folders linux-VERSION-reports of it-tests/target, each with TEST-*.xml, version and doctor.json.
What the reports do not tell of (another kernel, a group that did not run) stays as it stands in docs/kernel.md. A kernel of another
version begins anew. A group whose guest gave no report has none, whatever stood there.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree as xml

NO_REPORT = 'no report'
BEGIN, END = '<!-- matrix: begin -->', '<!-- matrix: end -->'
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(HERE, 'tests')
DOCUMENT = os.path.join(HERE, '../../docs/kernel.md')


class Kernel:
    """A column: `features` has "yes" or "no" by the doctor's name, `groups` has (passed, of, not possible), or None without report."""

    def __init__(self, version):
        self.version = version
        self.features = {}
        self.groups = {}

    @staticmethod
    def of(folder, document):
        with open(os.path.join(folder, 'version')) as file:
            version = file.read().strip()
        kernel = document.get(version, Kernel(version))
        doctor = os.path.join(folder, 'doctor.json')
        if os.path.exists(doctor) and os.path.getsize(doctor):
            with open(doctor) as file:
                texts = {line['name']: line['text'] for line in json.load(file)}
            kernel.features = {name: text[: found.end()] for name, text in texts.items()
                               if (found := re.match(r'(yes|no)(?=[,:]|$)', text))}
        for name in sorted(os.listdir(folder)):
            group = re.fullmatch(r'TEST-linux-[0-9.]+(?:-full)?-(.*)\.xml', name)
            if group:
                suite = xml.parse(os.path.join(folder, name))
                cases = list(suite.iter('testcase'))
                if not cases or suite.getroot().get('name') == 'kernels':
                    kernel.groups[group.group(1)] = None
                    continue
                failed = sum(case.find('failure') is not None or case.find('error') is not None for case in cases)
                skipped = sum(case.find('skipped') is not None for case in cases)
                kernel.groups[group.group(1)] = (len(cases) - failed - skipped, len(cases) - skipped, skipped)
        return kernel

    def total(self, groups):
        counts = [self.groups[group] for group in groups if self.groups.get(group)]
        lost = sum(group in self.groups and self.groups[group] is None for group in groups)
        return cell(tuple(map(sum, zip(*counts))) or (0, 0, 0)) + (f', groups without report: {lost}' if lost else '')


def cell(counts):
    if counts is None:
        return NO_REPORT
    passed, total, skipped = counts
    return f'{passed} of {total}' + (f', {skipped} not possible' if skipped else '')


def read(text):
    """The columns of a table that was written before, by version and in order."""
    rows = [[part.strip() for part in line.strip('|').split('|')] for line in text.splitlines()]
    if not rows or rows[0][0]:
        return {}
    kernels = [Kernel(version) for version in rows[0][1:]]
    for name, *cells in rows[2:]:
        for kernel, found in zip(kernels, cells):
            counts = re.fullmatch(r'(\d+) of (\d+)(?:, (\d+) not possible)?', found)
            if name.startswith('tests: ') and counts:
                kernel.groups[name.removeprefix('tests: ')] = tuple(int(count or 0) for count in counts.groups())
            elif name.startswith('tests: ') and found == NO_REPORT:
                kernel.groups[name.removeprefix('tests: ')] = None
            elif name.startswith('`') and found:
                kernel.features[name.strip('`')] = found
    return {kernel.version: kernel for kernel in kernels}


def all_groups():
    """Those of the whole matrix, in the order of their file."""
    with open(TESTS) as file:
        groups = [line.split()[0] for line in file if re.match('[a-z]', line)]
    return [group for group in dict.fromkeys(groups) if not group.startswith('short')]


def series(version):
    return [int(number) for number in re.match(r'(\d+)\.(\d+)', version).groups()]


def table(folders, text):
    kernels = read(text)
    for folder in folders:
        if not os.path.exists(os.path.join(folder, 'version')):
            continue
        kernel = Kernel.of(folder, kernels)
        kernels = {version: other for version, other in kernels.items() if series(version) != series(kernel.version)}
        kernels[kernel.version] = kernel
    kernels = sorted(kernels.values(), key=lambda kernel: series(kernel.version))
    names = dict.fromkeys(name for kernel in kernels for name in kernel.features)
    groups = all_groups()
    rows = [[''] + [kernel.version for kernel in kernels], ['---'] * (len(kernels) + 1)]
    rows += [[f'`{name}`'] + [kernel.features.get(name, '') for kernel in kernels] for name in names]
    rows += [[f'tests: {group}'] + [cell(kernel.groups[group]) if group in kernel.groups else 'not run' for kernel in kernels] for group in groups]
    rows += [['all that ran'] + [f'**{kernel.total(groups)}**' for kernel in kernels]]
    return ''.join('|' + '|'.join(f' {part} ' for part in row) + '|\n' for row in rows).replace(' --- ', '---')


def main(arguments):
    write = arguments[:1] == ['--write']
    folders = arguments[1:] if write else arguments
    if not folders or folders[0] in ('-h', '--help'):
        print(__doc__.strip())
        return 0 if folders else 2
    with open(DOCUMENT) as file:
        before, rest = file.read().split(BEGIN + '\n')
    old, after = rest.split(END + '\n')
    text = table(folders, old)
    print(text, end='')
    if write:
        with open(DOCUMENT, 'w') as file:
            file.write(before + BEGIN + '\n' + text + END + '\n' + after)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
