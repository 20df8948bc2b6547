# SPDX-License-Identifier: Apache-2.0

"""Add the definitions of energy_meter to Ceilometer's files or remove them.

    parts.py add|remove PART FILE

PART is polling.yaml or pipeline.yaml of this directory, FILE the file that
Ceilometer reads. Definitions of the same name in FILE are replaced.
"""

import pathlib
import sys

import yaml


def main() -> None:
    """Edit the file that the arguments name."""
    action, part, path = sys.argv[1:]
    file = pathlib.Path(path)
    ours = yaml.safe_load(pathlib.Path(part).read_text())
    merged = yaml.safe_load(file.read_text())
    for kind, items in ours.items():
        names = {item['name'] for item in items}
        merged[kind] = [
            item for item in merged[kind] if item['name'] not in names
        ]
        if action == 'add':
            merged[kind] += items
    file.write_text(yaml.safe_dump(merged, sort_keys=False))


if __name__ == '__main__':
    main()
