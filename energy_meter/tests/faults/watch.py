# SPDX-License-Identifier: Apache-2.0

"""Observes an installation from outside during a fault."""

import contextlib
import threading
import time
import typing

import fixtures
import psutil
import requests

from energy_meter.tests.faults import installation
from energy_meter.tests.functional.services import base

#: Timeout of a request to the API, in seconds.
TIMEOUT_S = 2.0


class Watch(fixtures.Fixture):
    """Polls the API for probes and the kernel for memory.

    :param interval: seconds between two polls.
    :ivar pause: longest time, in seconds, without a new value of a probe in
        the API.
    :ivar memory: peak resident memory of each service, in bytes.
    """

    def __init__(
        self, site: installation.Installation, interval: float = 0.1
    ) -> None:
        super().__init__()
        self._site = site
        self._probes = site.all_probes()
        self._interval = interval
        self._url = f'http://127.0.0.1:{site.api_port}/v1/probes/'
        self._stopping = threading.Event()
        self._probes_seen: dict[str, dict[str, typing.Any]] = {}
        self._updated_at: dict[str, float] = {}
        self.pause = 0.0
        self.memory = dict.fromkeys(installation.OURS, 0)

    def _setUp(self) -> None:
        thread = threading.Thread(target=self._poll, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def wait_until_current(self, timeout: float) -> float:
        """Wait until the API has a measurement of each probe made after now.

        :returns: seconds waited.
        :raises AssertionError: if the timeout expires.
        """
        began, since = time.monotonic(), time.time()
        base.wait_for(
            lambda: self._is_current(since), timeout, 'the API to be current'
        )
        return time.monotonic() - began

    def _is_current(self, since: float) -> bool:
        probes, now = self._probes_seen, time.time()
        # After a clock was stepped back, its register keeps the wrong time
        # until the agent opens the next one.
        return all(
            probe in probes
            and (now - probes[probe]['timestamp']) % installation.HOUR
            <= now - since
            for probe in self._probes
        )

    def _poll(self) -> None:
        with requests.Session() as session:
            while not self._stopping.wait(self._interval):
                with contextlib.suppress(requests.RequestException):
                    self._query(session)
                self._measure_memory()

    def _query(self, session: requests.Session) -> None:
        response = session.get(self._url, timeout=TIMEOUT_S)
        response.raise_for_status()
        previous, self._probes_seen = (
            self._probes_seen,
            response.json()['probes'],
        )
        now = time.monotonic()
        for probe, fields in self._probes_seen.items():
            if fields['kwh'] != previous.get(probe, {}).get('kwh'):
                self.pause = max(
                    self.pause, now - self._updated_at.get(probe, now)
                )
                self._updated_at[probe] = now

    def _measure_memory(self) -> None:
        for name in self.memory:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(self._site.processes[name].pid)
                self.memory[name] = max(
                    self.memory[name], process.memory_info().rss
                )
