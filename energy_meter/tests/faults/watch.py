# SPDX-License-Identifier: Apache-2.0

"""Looks at an installation from outside while faults strike it."""

import contextlib
import threading
import time
import typing

import fixtures
import psutil
import requests

from energy_meter.tests.faults import installation
from energy_meter.tests.functional.services import base

#: Seconds that the API has for an answer.
TIMEOUT = 2.0


class Watch(fixtures.Fixture):
    """Asks the API what it shows, and the kernel for the memory.

    :param interval: seconds between two looks.
    :ivar pause: longest time, in seconds, for which the API showed nothing
        new of a probe.
    :ivar memory: by process of ours, the most that it ever had resident, in
        bytes.
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
        self._shown: dict[str, dict[str, typing.Any]] = {}
        self._news: dict[str, float] = {}
        self.pause = 0.0
        self.memory = dict.fromkeys(installation.OURS, 0)

    def _setUp(self) -> None:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def wait_until_current(self, timeout: float) -> float:
        """Wait until the API shows of each probe what is measured from now on.

        :returns: how many seconds that took.
        :raises AssertionError: it does not in time.
        """
        began, since = time.monotonic(), time.time()
        base.wait_for(
            lambda: self._is_current(since), timeout, 'the API is current'
        )
        return time.monotonic() - began

    def _is_current(self, since: float) -> bool:
        shown = self._shown
        return all(
            probe in shown and shown[probe]['timestamp'] >= since
            for probe in self._probes
        )

    def _look(self) -> None:
        with requests.Session() as session:
            while not self._stopping.wait(self._interval):
                with contextlib.suppress(requests.RequestException):
                    self._ask(session)
                self._weigh()

    def _ask(self, session: requests.Session) -> None:
        answer = session.get(self._url, timeout=TIMEOUT)
        answer.raise_for_status()
        before, self._shown = self._shown, answer.json()['probes']
        now = time.monotonic()
        for probe, fields in self._shown.items():
            if fields['kwh'] != before.get(probe, {}).get('kwh'):
                self.pause = max(self.pause, now - self._news.get(probe, now))
                self._news[probe] = now

    def _weigh(self) -> None:
        for name in self.memory:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(self._site.processes[name].pid)
                self.memory[name] = max(
                    self.memory[name], process.memory_info().rss
                )
