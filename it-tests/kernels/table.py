#!/usr/bin/env python3
"""Prints what the last runs found, as Markdown; with --write also between the two marker lines of docs/kernel.md.

table.py [--write] REPORTS ...: the folders linux-VERSION-reports of it-tests/target, each with TEST-*.xml, version and doctor.json.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree as xml

BEGIN, END = '<!-- matrix: begin -->', '<!-- matrix: end -->'
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/kernel.md')


class Kernel:
    def __init__(self, folder):
        with open(os.path.join(folder, 'version')) as file:
            self.version = file.read().strip()
        try:
            with open(os.path.join(folder, 'doctor.json')) as file:
                self.features = {line['name']: line for line in json.load(file)}
        except OSError:
            self.features = {}
        self.groups = {}
        for name in sorted(os.listdir(folder)):
            group = re.fullmatch(r'TEST-linux-[0-9.]+(?:-full)?-(.*)\.xml', name)
            if group:
                cases = list(xml.parse(os.path.join(folder, name)).iter('testcase'))
                failed = sum(case.find('failure') is not None or case.find('error') is not None for case in cases)
                skipped = sum(case.find('skipped') is not None for case in cases)
                self.groups[group.group(1)] = (len(cases) - failed - skipped, len(cases) - skipped, skipped)

    def feature(self, name):
        line = self.features.get(name)
        return '' if line is None else 'yes' if line['text'] == 'yes' else 'no'

    def group(self, name):
        if name not in self.groups:
            return 'not run'
        passed, total, skipped = self.groups[name]
        return f'{passed} of {total}' + (f', {skipped} not possible' if skipped else '')

    def all(self):
        passed, total, skipped = (sum(column) for column in zip(*self.groups.values()))
        return f'**{passed} of {total}**' + (f', {skipped} not possible' if skipped else '')


def table(folders):
    kernels = [Kernel(folder) for folder in folders]
    names = [name for name, line in kernels[0].features.items() if line['text'] == 'yes' or line['text'].startswith('no')]
    groups = sorted({group for kernel in kernels for group in kernel.groups})
    rows = [[''] + [kernel.version for kernel in kernels], ['---'] * (len(kernels) + 1)]
    rows += [[f'`{name}`'] + [kernel.feature(name) for kernel in kernels] for name in names]
    rows += [[f'tests: {group}'] + [kernel.group(group) for kernel in kernels] for group in groups]
    rows += [['all tests'] + [kernel.all() for kernel in kernels]]
    return ''.join('|' + '|'.join(f' {cell} ' for cell in row) + '|\n' for row in rows).replace(' --- ', '---')


def main(arguments):
    write = arguments[:1] == ['--write']
    folders = arguments[1:] if write else arguments
    if not folders or folders[0] in ('-h', '--help'):
        print(__doc__.strip())
        return 0 if folders else 2
    text = table(folders)
    print(text, end='')
    if write:
        with open(DOCUMENT) as file:
            before, rest = file.read().split(BEGIN + '\n')
        after = rest.split(END + '\n')[1]
        with open(DOCUMENT, 'w') as file:
            file.write(before + BEGIN + '\n' + text + END + '\n' + after)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
