# SPDX-License-Identifier: Apache-2.0


"""The pages of a running standalone, in a browser."""

import urllib.parse

from axe_core_python import selenium as axe
from oslotest import base as test_base
import requests
from selenium.webdriver.common import by
from selenium.webdriver.common import keys
from testtools import content
from testtools import content_type

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import chromium
from energy_meter.tests.functional.services import standalone

HOSTILE = 'x:y\'"\\n%s<script>'
PERIODS = ('minute', 'hour', 'day', 'week', 'month', 'year')
REFRESH = 1
NODES = 40
PROBES = NODES + 3

#: For a browser, on a machine that does other things, too.
PATIENCE = 60


class Site(standalone.Standalone):
    """Forty servers, and a few odd things."""

    def __init__(self):
        nodes = ', '.join(f'node-{number}' for number in range(1, NODES + 1))
        sampled = {'driver': 'dummy', 'interval': 0.5}
        super().__init__(
            **{
                'rrd': {
                    'refresh': REFRESH,
                    'flush_interval': 0.5,
                    'kwh_price': 0.3,
                },
                'wattmeter:rack': {
                    **sampled,
                    'probes': nodes,
                    'waveform': 'sine',
                    'min_watts': 80,
                    'max_watts': 240,
                },
                'wattmeter:pdu': {
                    **sampled,
                    'probes': f'pdu/1, {HOSTILE}',
                    'scope': 'outlet',
                    'metered_host': 'storage',
                },
                'wattmeter:cpu': {
                    **sampled,
                    'probes': 'node-1-cpu',
                    'scope': 'cpu-package',
                    'metered_host': 'node-1',
                },
            }
        )

    def start(self):
        """Start it, and wait until its pages show all probes."""
        super().start()
        base.wait_for(self._shows_all, PATIENCE, f'{PROBES} probes are shown')

    def _shows_all(self):
        try:
            page = requests.get(f'{self.url}/last/hour/', timeout=10)
        except requests.ConnectionError:
            return False
        return page.text.count('data-card=') >= PROBES


class PagesTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.standalone = base.shared(Site)
        self.browser = base.shared(chromium.Chromium)
        self.driver = self.browser.driver
        self.browser.prefer('light')
        self.browser.forget(self.standalone.url)

    # What a reader does.

    def open(self, path):
        self.driver.get(self.standalone.url + path)

    def find(self, selector):
        return self.driver.find_element(by.By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(by.By.CSS_SELECTOR, selector)

    def shown(self, selector):
        return [
            element
            for element in self.find_all(selector)
            if element.is_displayed()
        ]

    def press(self, *pressed):
        self.driver.switch_to.active_element.send_keys(*pressed)

    def active(self):
        return self.driver.switch_to.active_element

    def wait(self, condition, what):
        return base.wait_for(condition, PATIENCE, what)

    def wait_for_pictures(self, selector, count=1):
        self.wait(
            lambda: len(self.find_all(f'{selector}.drawn')) >= count,
            f'{count} pictures of {selector}',
        )

    def keep_screenshot(self, name):
        picture = self.driver.get_screenshot_as_png()
        self.addDetail(
            f'{name}.png',
            content.Content(
                content_type.ContentType('image', 'png'), lambda: [picture]
            ),
        )

    def assert_quiet(self):
        """The console is empty, and nobody else was asked for anything."""
        self.assertEqual([], self.browser.complaints())
        for answer in self.browser.answers():
            if not answer.url.startswith('blob:'):
                self.assertEqual(
                    self.standalone.url, answer.url[: len(self.standalone.url)]
                )

    # What happens then.

    def test_every_period_shows_all_probes(self):
        self.open('/')
        for period in PERIODS:
            self.find(f'nav a[href="/last/{period}/"]').click()

            self.assertEqual(f'Last {period}', self.find('h1').text)
            self.wait_for_pictures('.panel .graph')
            self.assertEqual(PROBES, len(self.find_all('tr[data-probe]')))
        self.assert_quiet()

    def test_a_click_leads_to_a_probe_and_all_its_periods(self):
        self.open('/last/hour/')
        self.wait_for_pictures('.panel .graph')
        self.keep_screenshot('last-hour')

        self.find('[data-card="node-1"] a').click()

        self.assertEqual('node-1', self.find('h1').text)
        for period in PERIODS:
            self.driver.execute_script(
                'document.getElementById(arguments[0]).scrollIntoView()',
                period,
            )
            self.wait_for_pictures(f'#{period} .graph')
        self.driver.execute_script('scrollTo(0, 0)')
        self.keep_screenshot('probe')
        self.assert_quiet()

    def test_odd_names_break_nothing(self):
        for probe in (HOSTILE, 'pdu/1'):
            self.open('/last/hour/')
            (row,) = (
                row
                for row in self.find_all('tr[data-probe]')
                if row.get_attribute('data-probe') == probe
            )
            row.find_element(by.By.TAG_NAME, 'a').click()

            self.assertEqual(probe, self.find('h1').text)
            self.assertIn(
                urllib.parse.quote(probe, safe=''), self.driver.current_url
            )
            self.wait_for_pictures('#hour .graph')
        self.assert_quiet()

    def test_a_watched_graph_moves(self):
        self.open('/last/minute/')
        self.wait_for_pictures('.panel .graph')
        source = self.find('.panel .graph').get_attribute('src')
        before = len(self.asked('/graph/minute/?'))

        self.wait(
            lambda: self.find('.panel .graph').get_attribute('src') != source,
            'another picture',
        )

        # One more may be on its way.
        self.assertLessEqual(len(self.asked('/graph/minute/?')) - before, 3)
        self.assert_quiet()

    def asked(self, path):
        return [
            answer
            for answer in self.browser.answers()
            if answer.url.startswith(self.standalone.url + path)
        ]

    def test_a_graph_that_did_not_change_is_not_sent_again(self):
        self.open('/last/year/')
        self.wait_for_pictures('.panel .graph')
        source = self.find('.panel .graph').get_attribute('src')

        self.wait(
            lambda: (
                304
                in {answer.status for answer in self.asked('/graph/year/?')}
            ),
            'a 304',
        )

        self.assertEqual(
            source, self.find('.panel .graph').get_attribute('src')
        )
        self.assert_quiet()

    def test_figures_move_without_reloading_the_page(self):
        self.open('/last/minute/')
        self.driver.execute_script('window.sameWindow = true')
        before = self.find('[data-total=now]').text

        self.wait(
            lambda: self.find('[data-total=now]').text != before,
            'another power',
        )

        self.assertTrue(self.driver.execute_script('return window.sameWindow'))
        self.assert_quiet()

    def test_only_graphs_in_view_are_fetched(self):
        self.open('/last/hour/')
        self.wait_for_pictures('.panel .graph')

        fetched = {answer.url for answer in self.asked('/graph/hour/')}
        self.assertLess(len(fetched), PROBES / 2)

        self.driver.execute_script('scrollTo(0, document.body.scrollHeight)')
        self.wait(
            lambda: (
                'drawn'
                in self.find_all('.card .graph[data-graph]')[-1].get_attribute(
                    'class'
                )
            ),
            'the last graph',
        )

    def test_the_filter_leaves_what_matches(self):
        self.open('/last/hour/')

        self.find('body').send_keys('/')
        self.press('node-1 CPU')

        self.assertEqual('filter', self.active().get_attribute('id'))
        self.assertEqual(
            ['node-1-cpu'],
            [
                row.get_attribute('data-probe')
                for row in self.shown('tr[data-probe]')
            ],
        )
        self.assertEqual(1, len(self.shown('.card')))
        self.assertEqual(1, len(self.shown('[data-group]')))
        self.assertEqual(f'1 of {PROBES} probes', self.find('#shown').text)

        self.press(keys.Keys.ESCAPE)

        self.assertEqual(PROBES, len(self.shown('tr[data-probe]')))

    def test_the_table_is_sorted_by_what_is_clicked(self):
        self.open('/last/hour/')
        button = self.find('button[data-order=now]')

        button.click()

        values = [
            float(cell.text) for cell in self.find_all('td[data-figure=now]')
        ]
        self.assertEqual(values, sorted(values, reverse=True))
        heading = button.find_element(by.By.XPATH, '..')
        self.assertEqual('descending', heading.get_attribute('aria-sort'))
        button.click()
        self.assertEqual('ascending', heading.get_attribute('aria-sort'))

    def test_the_keyboard_is_enough(self):
        self.open('/last/hour/')

        self.press(keys.Keys.TAB)
        self.assertEqual('Skip to the content', self.active().text)
        self.press(keys.Keys.ENTER)
        self.assertEqual('main', self.active().get_attribute('id'))

        reached = []
        while self.active().get_attribute('data-order') != 'kwh':
            self.press(keys.Keys.TAB)
            reached.append(self.active().get_attribute('id'))
            self.assertLess(len(reached), 20)
        self.assertIn('filter', reached)
        self.press(keys.Keys.SPACE)
        self.assertEqual('kwh', self.find('#order').get_attribute('value'))

        while self.active().tag_name != 'a':
            self.press(keys.Keys.TAB)
        name = self.active().text
        self.press(keys.Keys.ENTER)
        self.assertEqual(name, self.find('h1').text)

    def test_dark_where_the_system_is_dark(self):
        self.browser.prefer('dark')
        self.open('/last/hour/')
        self.wait_for_pictures('.panel .graph')
        self.keep_screenshot('dark')

        self.assertEqual('dark', self.theme())
        self.assertTrue(
            all('theme=dark' in answer.url for answer in self.asked('/graph/'))
        )

        self.browser.prefer('light')
        self.wait(lambda: self.theme() == 'light', 'light')
        self.wait(
            lambda: any(
                'theme=light' in answer.url for answer in self.asked('/graph/')
            ),
            'a light graph',
        )
        self.assert_quiet()

    def test_a_choice_of_colours_is_remembered(self):
        self.open('/last/hour/')

        self.find('#theme [value=dark]').click()

        self.assertEqual('dark', self.theme())
        self.open('/last/day/')
        self.assertEqual('dark', self.theme())
        self.find('#theme [value=auto]').click()
        self.assertEqual('light', self.theme())

    def theme(self):
        return self.find('html').get_attribute('data-theme')

    def test_a_hidden_tab_asks_for_nothing(self):
        self.open('/last/minute/')
        self.wait_for_pictures('.panel .graph')
        self.addCleanup(self.driver.set_window_size, 1400, 1000)

        self.driver.minimize_window()
        self.wait(
            lambda: self.driver.execute_script('return document.hidden'),
            'a hidden tab',
        )
        # What was on its way has arrived after one interval.
        self.pass_time(REFRESH)
        self.browser.forget_answers()
        self.pass_time(3 * REFRESH)
        self.assertEqual([], self.browser.answers())

        self.driver.set_window_size(1400, 1000)
        self.wait(lambda: self.asked('/graph/'), 'graphs')

    def pass_time(self, seconds):
        self.driver.execute_async_script(
            'setTimeout(arguments[1], arguments[0])', seconds * 1000
        )

    def test_a_server_that_goes_and_comes_back(self):
        self.open('/last/minute/')
        self.wait(lambda: self.shown('#live'), 'a sign of life')
        source = self.find('.panel .graph').get_attribute('src')

        self.standalone.stop()
        self.addCleanup(self.start_again)
        self.wait(lambda: self.shown('#banner'), 'a banner')
        self.assertIn('does not answer', self.find('#banner').text)

        self.start_again()
        self.wait(lambda: not self.shown('#banner'), 'no banner')
        self.wait(
            lambda: self.find('.panel .graph').get_attribute('src') != source,
            'another picture',
        )

    def start_again(self):
        if self.standalone.returncode is not None:
            self.standalone.start()

    def test_nothing_keeps_anybody_out(self):
        for scheme in ('light', 'dark'):
            self.browser.prefer(scheme)
            for path in ('/last/hour/', '/probe/node-1/', '/nothing'):
                self.open(path)

                found = axe.Axe().run(self.driver)

                self.assertEqual(
                    [],
                    [
                        (
                            fault['id'],
                            [node['html'] for node in fault['nodes']],
                        )
                        for fault in found['violations']
                        if fault['impact'] in ('serious', 'critical')
                    ],
                )
