# SPDX-License-Identifier: Apache-2.0


"""Fixture for a headless browser."""

import collections.abc
import json
import typing

import fixtures
from selenium import webdriver
from selenium.webdriver.chrome import service

from energy_meter.tests.functional.services import base

_ARGUMENTS = (
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    # Its own start page is on a public server.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    '--window-size=1400,1000',
)

_TIMEOUT_S = 30


class Response(typing.NamedTuple):
    """Response to a request of the browser.

    :ivar status: status code; None until the server responds.
    """

    url: str
    status: int | None


class Chromium(base.Service):
    """Debian's Chromium, driven through Selenium.

    :ivar driver: Selenium's driver.
    """

    def _setUp(self) -> None:
        base.require('chromium', 'chromedriver')
        profile = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        options = webdriver.ChromeOptions()
        options.binary_location = base.program('chromium')
        for argument in (*_ARGUMENTS, f'--user-data-dir={profile}'):
            options.add_argument(argument)
        options.set_capability(
            'goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'}
        )
        self.driver = webdriver.Chrome(
            options, service.Service(base.program('chromedriver'))
        )
        self.addCleanup(self.driver.quit)
        self.driver.set_page_load_timeout(_TIMEOUT_S)
        self.driver.set_script_timeout(_TIMEOUT_S)
        self._network: list[tuple[str, dict[str, typing.Any]]] = []

    def prefer(self, scheme: str) -> None:
        """Emulate a system that prefers ``light`` or ``dark``."""
        self.driver.execute_cdp_cmd(
            'Emulation.setEmulatedMedia',
            {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]},
        )

    def resize(self, width: int) -> None:
        """Emulate a screen of this width, in pixels."""
        self.driver.execute_cdp_cmd(
            'Emulation.setDeviceMetricsOverride',
            {
                'width': width,
                'height': 800,
                'deviceScaleFactor': 0,
                'mobile': False,
            },
        )

    def reset_size(self) -> None:
        """Show the screen of a PC again."""
        self.driver.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})

    def console_messages(self) -> list[str]:
        """Return the messages of the console since the last call."""
        return [entry['message'] for entry in self.driver.get_log('browser')]

    def clear(self, origin: str) -> None:
        """Leave the page and clear all data of a server."""
        self.driver.get('about:blank')
        self.driver.execute_cdp_cmd(
            'Storage.clearDataForOrigin',
            {'origin': origin, 'storageTypes': 'all'},
        )
        self.console_messages()
        self.clear_responses()

    def clear_responses(self) -> None:
        """Start a new list of responses."""
        self._read()
        self._network.clear()

    def responses(self) -> list[Response]:
        """Return all responses since :meth:`clear_responses`, in order."""
        self._read()
        statuses = {
            event['requestId']: event['statusCode']
            for event in self._events('Network.responseReceivedExtraInfo')
        }
        return [
            Response(event['request']['url'], statuses.get(event['requestId']))
            for event in self._events('Network.requestWillBeSent')
        ]

    def _read(self) -> None:
        for entry in self.driver.get_log('performance'):
            message = json.loads(entry['message'])['message']
            self._network.append((message['method'], message['params']))

    def _events(
        self,
        method: str,
    ) -> collections.abc.Iterator[dict[str, typing.Any]]:
        return (event for name, event in self._network if name == method)
