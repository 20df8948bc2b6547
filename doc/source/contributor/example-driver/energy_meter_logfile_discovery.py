# SPDX-License-Identifier: Apache-2.0

"""Discovery of the file that energy-meter-logfile reads."""

import os

from energy_meter.discover import finding
from energy_meter.discover import section

#: Paths at which the other program may write its file.
PATHS = os.environ.get('RACK_WATTS', '/run/rack-watts').split(':')


def discover(tester):
    """Find files; a machine without one yields no finding."""
    for path in filter(os.path.exists, PATHS):
        device = f'watts in {path}'
        try:
            with open(path, encoding='utf-8') as file:
                names = [line.partition(' ')[0] for line in file]
        except (OSError, ValueError) as error:
            yield finding.Finding(device, (str(error),))
            continue
        yield tester.test(
            device,
            section.Section.create(
                section.make_name(os.path.basename(path)),
                'logfile',
                {str(index): name for index, name in enumerate(names, 1)},
                {'path': path},
            ),
            accuracy='that of the program that writes the file',
        )
