# SPDX-License-Identifier: Apache-2.0

"""Fuzz one target for as long as libFuzzer is told to.

    python -m energy_meter.tests.fuzz.run TARGET [OPTION...] CORPUS

The options are those of libFuzzer; tools/run_fuzz.sh gives good ones.
"""

import pathlib
import sys

import atheris

with atheris.instrument_imports(include=['energy_meter']):
    from energy_meter.tests.fuzz import envelopes
    from energy_meter.tests.fuzz import merges

#: Seeds and function of each.
TARGETS = {
    'envelopes': (envelopes.seeds(), envelopes.try_one),
    'merges': (merges.seeds(), merges.try_one),
    'tables': (merges.seeds(), merges.try_tables),
}


def main() -> None:
    name, *options, corpus = sys.argv[1:]
    seeds, try_one = TARGETS[name]
    directory = pathlib.Path(corpus)
    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (directory / f'seed-{number}').write_bytes(seed)
    atheris.Setup([name, *options, corpus], try_one)
    atheris.Fuzz()


if __name__ == '__main__':
    main()
