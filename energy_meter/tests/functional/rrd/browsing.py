# SPDX-License-Identifier: Apache-2.0

"""Base of the tests of pages in a browser."""

import typing

from oslotest import base as test_base
from selenium.webdriver.common import by
from testtools import content
from testtools import content_type

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import chromium

#: Long enough for a browser on a busy machine.
TIMEOUT_S = 60


class Server(typing.Protocol):
    """Server of pages."""

    url: str


class PagesTestCase(test_base.BaseTestCase):
    """Test with a browser without cookies and stored settings.

    :ivar site: server of the pages.
    """

    def setUp(self):
        super().setUp()
        self.site = self.serve()
        self.browser = base.shared(chromium.Chromium)
        self.driver = self.browser.driver
        self.browser.prefer('light')
        self.browser.clear(self.site.url)

    def serve(self) -> Server:
        """Return the running server of the pages."""
        raise NotImplementedError

    def open(self, path):
        self.driver.get(self.site.url + path)

    def find(self, selector):
        return self.driver.find_element(by.By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(by.By.CSS_SELECTOR, selector)

    def wait(self, condition, what):
        return base.wait_for(condition, TIMEOUT_S, what)

    def press(self, *pressed):
        self.active().send_keys(*pressed)

    def active(self):
        return self.driver.switch_to.active_element

    def keep_screenshot(self, name):
        screenshot = self.driver.get_screenshot_as_png()
        self.addDetail(
            f'{name}.png',
            content.Content(
                content_type.ContentType('image', 'png'), lambda: [screenshot]
            ),
        )

    def assert_clean(self):
        """Check for console messages and requests to other servers."""
        self.assertEqual([], self.browser.console_messages())
        for response in self.browser.responses():
            if not response.url.startswith('blob:'):
                self.assertTrue(
                    response.url.startswith(self.site.url), response.url
                )
