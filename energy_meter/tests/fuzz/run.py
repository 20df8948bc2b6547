# SPDX-License-Identifier: Apache-2.0

"""Run libFuzzer on one target.

    python -m energy_meter.tests.fuzz.run TARGET [OPTION...] CORPUS

The options are those of libFuzzer; see tools/run_fuzz.sh for suitable ones.
"""

import pathlib
import sys

import atheris

with atheris.instrument_imports(include=['energy_meter']):
    from energy_meter.tests.fuzz import bills
    from energy_meter.tests.fuzz import envelopes

#: Seeds and function of each target.
TARGETS = {
    'bills': (bills.seeds(), bills.run),
    'envelopes': (envelopes.seeds(), envelopes.run),
}


def main() -> None:
    name, *options, corpus = sys.argv[1:]
    seeds, run = TARGETS[name]
    directory = pathlib.Path(corpus)
    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (directory / f'seed-{number}').write_bytes(seed)
    atheris.Setup([name, *options, corpus], run)
    atheris.Fuzz()


if __name__ == '__main__':
    main()
