# SPDX-License-Identifier: Apache-2.0

"""Verify what the sdist and the wheel of a release contain.

Usage: ``git ls-files | check_release.py VERSION DIRECTORY``. The directory
contains the two files. Each file that is missing in one of them, or that does
not belong there, is printed; the exit status is then 1.
"""

import collections.abc
import pathlib
import sys
import tarfile
import zipfile

TESTS = 'energy_meter/tests/'
COMPLETIONS = 'etc/bash-completion/'
#: Inputs of the generators of the samples, which the wheel contains.
GENERATORS = 'etc/energy_meter/'

#: Tracked files that pbr leaves out.
ONLY_IN_GIT = {'.gitignore', '.gitreview'}
#: Files that pbr, reno and setuptools generate.
GENERATED = {
    'AUTHORS',
    'ChangeLog',
    'PKG-INFO',
    'RELEASENOTES.rst',
    'releasenotes/notes/reno.cache',
}
SAMPLES = {'energy_meter.conf.sample', 'energy_meter.policy.yaml.sample'}


def below(directory: str, files: set[str]) -> set[str]:
    """Return the files of a directory, relative to it."""
    return {
        file.removeprefix(directory)
        for file in files
        if file.startswith(directory)
    }


def expected_in_sdist(tracked: set[str]) -> set[str]:
    """Return the files of an sdist, except those of ``egg-info``."""
    samples = {f'doc/source/configuration/{name}' for name in SAMPLES}
    pages = {
        f'doc/build/man/{command}.1' for command in below(COMPLETIONS, tracked)
    }
    return (tracked - ONLY_IN_GIT) | GENERATED | samples | pages


def expected_in_wheel(tracked: set[str], version: str) -> set[str]:
    """Return the files of a wheel as :func:`in_wheel` names them.

    :param tracked: files in git. Each command has a completion.
    """
    metadata = {
        f'energy_meter-{version}.dist-info/{name}'
        for name in (
            'METADATA',
            'RECORD',
            'WHEEL',
            'entry_points.txt',
            'licenses/AUTHORS',
            'licenses/LICENSE',
            'top_level.txt',
        )
    }
    package = {
        file
        for file in tracked
        if file.startswith('energy_meter/') and not file.startswith(TESTS)
    }
    share = {f'energy_meter/{name}' for name in SAMPLES}
    for command in below(COMPLETIONS, tracked):
        share |= {
            f'bash-completion/completions/{command}',
            f'man/man1/{command}.1',
        }
    for file in tracked:
        if file.startswith('etc/') and not file.startswith(
            (COMPLETIONS, GENERATORS)
        ):
            share.add(f'energy_meter/{file.removeprefix("etc/")}')
    return metadata | package | {f'share/{file}' for file in share}


def in_sdist(path: pathlib.Path) -> set[str]:
    """Return the files of an sdist, except those of ``egg-info``."""
    with tarfile.open(path) as archive:
        files = {
            member.name.partition('/')[2]
            for member in archive.getmembers()
            if member.isfile()
        }
    return {
        file for file in files if not file.startswith('energy_meter.egg-info/')
    }


def in_wheel(path: pathlib.Path, version: str) -> set[str]:
    """Return the files of a wheel: where pip installs them."""
    with zipfile.ZipFile(path) as archive:
        return {
            file.removeprefix(f'energy_meter-{version}.data/data/')
            for file in archive.namelist()
        }


def differences(
    kind: str, expected: set[str], found: set[str]
) -> collections.abc.Iterator[str]:
    """Yield a line for each file that is missing or does not belong there."""
    for file in sorted(expected - found):
        yield f'missing in the {kind}: {file}'
    for file in sorted(found - expected):
        yield f'does not belong in the {kind}: {file}'


def check(
    directory: pathlib.Path, version: str, tracked: set[str]
) -> list[str]:
    """Return what is wrong with the files of a release, a line for each.

    :param directory: contains nothing but the sdist and the wheel.
    :param tracked: names of the files in git.
    """
    name = f'energy_meter-{version}'
    sdist, wheel = f'{name}.tar.gz', f'{name}-py3-none-any.whl'
    found = {path.name for path in directory.iterdir()}
    if found != {sdist, wheel}:
        return [*differences('release', {sdist, wheel}, found)]
    return [
        *differences(
            'sdist', expected_in_sdist(tracked), in_sdist(directory / sdist)
        ),
        *differences(
            'wheel',
            expected_in_wheel(tracked, version),
            in_wheel(directory / wheel, version),
        ),
    ]


def main() -> int:
    """Print what is wrong, and return the exit status."""
    version, directory = sys.argv[1:]
    wrong = check(
        pathlib.Path(directory), version, set(sys.stdin.read().splitlines())
    )
    print('\n'.join(wrong), end='\n' if wrong else '')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
