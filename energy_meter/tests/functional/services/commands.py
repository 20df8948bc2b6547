# SPDX-License-Identifier: Apache-2.0

"""Fixtures for the commands of energy_meter and their configuration."""

import configparser
import os
import pathlib
import subprocess
import sys

import sqlalchemy as sa

from energy_meter.db import schema
from energy_meter.db import tips
from energy_meter.tests.functional.services import agent_state
from energy_meter.tests.functional.services import base

SECRET = 'a secret of the tests'

#: Intervals fast enough for a test and slow enough for two cores.
OPTIONS: dict[str, dict[str, object]] = {
    'bus': {'secrets': SECRET},
    'agent': {
        'publish_interval': 0.2,
        'checkpoint_interval': 0.2,
        'max_backoff': 1,
    },
    'collector': {'flush_interval': 0.1},
    'api': {'auth_strategy': 'noauth'},
}


def script(name: str) -> str:
    """Return the path of a console script of this environment."""
    beside = pathlib.Path(sys.executable).with_name(name)
    return os.fspath(beside) if beside.exists() else base.program(name)


class Configuration:
    """A configuration file and the directory of the services that use it.

    :ivar path: the file.
    """

    def __init__(
        self, directory: str | pathlib.Path, **sections: dict[str, object]
    ) -> None:
        self.directory = pathlib.Path(directory)
        self.path = self.directory / 'energy_meter.conf'
        self._parser = configparser.RawConfigParser()
        for section, options in OPTIONS.items():
            self.set(section, **options)
        self.set('DEFAULT', state_path=self.directory / 'state')
        for section, options in sections.items():
            self.set(section, **options)

    def set(self, section: str, **options: object) -> None:
        """Set options of a section and write the file."""
        if section != 'DEFAULT' and not self._parser.has_section(section):
            self._parser.add_section(section)
        for name, value in options.items():
            self._parser.set(section, name, str(value))
        with self.path.open('w', encoding='utf-8') as stream:
            self._parser.write(stream)

    def remove(self, section: str) -> None:
        """Remove a section and write the file."""
        self._parser.remove_section(section)
        self.set('DEFAULT')

    def add_dummy(self, name: str, *probes: str, **options: object) -> None:
        """Add a dummy wattmeter of constant power, read ten times a second."""
        self.set(
            f'wattmeter:{name}',
            **{
                'driver': 'dummy',
                'probes': ', '.join(probes),
                'interval': 0.1,
                'waveform': 'constant',
                **options,
            },
        )

    def run(self, *command: str) -> str:
        """Run a command and return its output."""
        name, *arguments = command
        return base.run([script(name), '--config-file', self.path, *arguments])

    def refusal(self, name: str) -> str:
        """Run a service that fails to start; return its last log line."""
        done = subprocess.run(
            [script(name), '--config-file', self.path],
            timeout=30,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 1:
            raise AssertionError(
                f'{name} exited with {done.returncode}:\n{done.stdout}'
            )
        return done.stdout.splitlines()[-1]

    def registers(self) -> dict[str, int]:
        """Read the registers in the agent's state directory.

        :returns: millijoules by register id.
        """
        saved = agent_state.saved(self.directory / 'state')
        return {key.id: latest.millijoules for key, latest in saved.items()}


class Command(base.Process):
    """A service of energy_meter.

    :param name: name of its console script.
    :param ready: text in its log that shows that it is ready.
    """

    def __init__(
        self,
        configuration: Configuration,
        name: str,
        ready: str,
        *arguments: str,
    ) -> None:
        self.configuration = configuration
        super().__init__(
            [script(name), '--config-file', configuration.path, *arguments],
            ready=lambda: ready in self.output(),
        )


def agent(configuration: Configuration) -> Command:
    """Describe the agent of a configuration."""
    return Command(configuration, 'energy-meter-agent', 'Reading wattmeter')


def collector(configuration: Configuration) -> Command:
    """Describe a collector of a configuration."""
    return Command(configuration, 'energy-meter-collector', 'Reading the bus')


def energy(url: str) -> dict[str, int]:
    """Read the energy that probes show from the database.

    :returns: millijoules by probe.
    """
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            query = sa.select(schema.probe.c.id, tips.SHOWN).select_from(
                tips.PROBES
            )
            return {row[0]: row[1] for row in connection.execute(query)}
    finally:
        engine.dispose()
