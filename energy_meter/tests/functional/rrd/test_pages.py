# SPDX-License-Identifier: Apache-2.0

"""Tests of the pages of a running standalone in a browser."""

import urllib.parse

from axe_core_python import selenium as axe
import requests
from selenium.webdriver.common import by
from selenium.webdriver.common import keys

from energy_meter.tests.functional.rrd import browsing
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import standalone

HOSTILE = 'x:y\'"\\n%s<script>'
PERIODS = ('minute', 'hour', 'day', 'week', 'month', 'year')
REFRESH_S = 1
NODES = 40
PROBES = NODES + 3


class Site(standalone.Standalone):
    """A standalone with forty servers and some special probes."""

    def __init__(self):
        nodes = ', '.join(f'node-{number}' for number in range(1, NODES + 1))
        sampled = {'driver': 'dummy', 'interval': 0.5}
        super().__init__(
            **{
                'rrd': {
                    'refresh_interval': REFRESH_S,
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
        """Start and wait until the pages show all probes."""
        super().start()
        base.wait_for(
            self._shows_all, browsing.TIMEOUT_S, f'{PROBES} probes to be shown'
        )

    def _shows_all(self):
        try:
            page = requests.get(f'{self.url}/last/hour/', timeout=10)
        except requests.ConnectionError:
            return False
        return page.text.count('data-card=') >= PROBES


class PagesTest(browsing.PagesTestCase):
    def serve(self):
        return base.shared(Site)

    def heading(self):
        # In one step, because an element of the page before would be stale.
        return self.driver.execute_script(
            "return document.querySelector('h1')?.textContent.trim()"
        )

    # Actions of a user.

    def shown(self, selector):
        return [
            element
            for element in self.find_all(selector)
            if element.is_displayed()
        ]

    def wait_for_graphs(self, selector, count=1):
        self.wait(
            lambda: len(self.find_all(f'{selector}.loaded')) >= count,
            f'{count} graphs of {selector}',
        )

    def test_every_period_shows_all_probes(self):
        self.open('/')
        for period in PERIODS:
            self.find(f'nav a[href="/last/{period}/"]').click()

            self.assertEqual(f'Last {period}', self.find('h1').text)
            self.wait_for_graphs('.panel .graph')
            self.assertEqual(PROBES, len(self.find_all('tr[data-probe]')))
        self.assert_clean()

    def test_click_opens_probe_with_all_periods(self):
        self.open('/last/hour/')
        self.wait_for_graphs('.panel .graph')
        self.keep_screenshot('last-hour')

        self.find('[data-card="node-1"] a').click()

        self.assertEqual('node-1', self.find('h1').text)
        for period in PERIODS:
            self.driver.execute_script(
                'document.getElementById(arguments[0]).scrollIntoView()',
                period,
            )
            self.wait_for_graphs(f'#{period} .graph')
        self.driver.execute_script('scrollTo(0, 0)')
        self.keep_screenshot('probe')
        self.assert_clean()

    def test_special_characters_in_names_are_escaped(self):
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
            self.wait_for_graphs('#hour .graph')
        self.assert_clean()

    def test_visible_graph_is_updated(self):
        self.open('/last/minute/')
        self.wait_for_graphs('.panel .graph')
        source = self.find('.panel .graph').get_attribute('src')
        before = len(self.responses('/graph/minute/?'))

        self.wait(
            lambda: self.find('.panel .graph').get_attribute('src') != source,
            'another image',
        )

        # One more request may be in progress.
        self.assertLessEqual(
            len(self.responses('/graph/minute/?')) - before, 3
        )
        self.assert_clean()

    def responses(self, path):
        return [
            response
            for response in self.browser.responses()
            if response.url.startswith(self.site.url + path)
        ]

    def test_unchanged_graph_gives_304(self):
        self.open('/last/year/')
        self.wait_for_graphs('.panel .graph')
        source = self.find('.panel .graph').get_attribute('src')

        self.wait(
            lambda: (
                304
                in {
                    response.status
                    for response in self.responses('/graph/year/?')
                }
            ),
            'a 304',
        )

        self.assertEqual(
            source, self.find('.panel .graph').get_attribute('src')
        )
        self.assert_clean()

    def test_figures_are_updated_without_reload(self):
        self.open('/last/minute/')
        self.driver.execute_script('window.sameWindow = true')
        before = self.find('[data-total=now]').text

        self.wait(
            lambda: self.find('[data-total=now]').text != before,
            'another power',
        )

        self.assertTrue(self.driver.execute_script('return window.sameWindow'))
        self.assert_clean()

    def test_only_graphs_in_view_are_loaded(self):
        self.open('/last/hour/')
        self.wait_for_graphs('.panel .graph')

        loaded = {response.url for response in self.responses('/graph/hour/')}
        self.assertLess(len(loaded), PROBES / 2)

        self.driver.execute_script('scrollTo(0, document.body.scrollHeight)')
        self.wait(
            lambda: (
                'loaded'
                in self.find_all('.card .graph[data-graph]')[-1].get_attribute(
                    'class'
                )
            ),
            'the last graph',
        )

    def test_filter_shows_only_matching_probes(self):
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
        self.assertEqual(
            f'1 of {PROBES} probes', self.find('#match-count').text
        )

        self.press(keys.Keys.ESCAPE)

        self.assertEqual(PROBES, len(self.shown('tr[data-probe]')))

    def test_click_on_heading_sorts_table(self):
        self.open('/last/hour/')
        button = self.find('button[data-sort=now]')

        # In one step, because the figures change every second.
        texts = self.driver.execute_script(
            """
            arguments[0].click();
            return [...document.querySelectorAll('td[data-figure=now]')]
              .map(cell => cell.textContent);
            """,
            button,
        )

        values = list(map(float, texts))
        self.assertEqual(values, sorted(values, reverse=True))
        heading = button.find_element(by.By.XPATH, '..')
        self.assertEqual('descending', heading.get_attribute('aria-sort'))
        button.click()
        self.assertEqual('ascending', heading.get_attribute('aria-sort'))

    def test_pages_can_be_used_with_keyboard_only(self):
        self.open('/last/hour/')

        self.press(keys.Keys.TAB)
        self.assertEqual('Skip to main content', self.active().text)
        self.press(keys.Keys.ENTER)
        self.wait(
            lambda: self.active().get_attribute('id') == 'main',
            'focus on the main content',
        )

        focused = []
        while self.active().get_attribute('data-sort') != 'kwh':
            self.press(keys.Keys.TAB)
            focused.append(self.active().get_attribute('id'))
            self.assertLess(len(focused), 20)
        self.assertIn('filter', focused)
        self.press(keys.Keys.SPACE)
        self.assertEqual('kwh', self.find('#sort').get_attribute('value'))

        while self.active().tag_name != 'a':
            self.press(keys.Keys.TAB)
        name = self.active().text
        self.press(keys.Keys.ENTER)
        # Unlike a click, a key does not wait for the page that it opens.
        self.wait(lambda: self.heading() == name, f'the page of {name}')

    def hold_phone(self):
        self.browser.resize(400)
        self.addCleanup(self.browser.reset_size)

    def test_phone_gets_graphs_with_legible_text(self):
        self.hold_phone()

        self.open('/last/hour/')
        self.wait_for_graphs('.panel .graph')

        self.assertTrue(self.responses('/graph/hour/?size=narrow'))
        self.assertFalse(self.responses('/graph/hour/?size=full'))
        plot = self.find('.panel .plot')
        share = float(plot.get_attribute('data-narrow-width'))
        self.assertAlmostEqual(
            share * plot.size['width'],
            self.find('.panel .cursor').size['width'],
            delta=2,
        )

    def test_turned_phone_gets_another_graph(self):
        self.hold_phone()
        self.open('/last/hour/')
        self.wait_for_graphs('.panel .graph')

        self.browser.resize(800)

        self.wait(
            lambda: self.responses('/graph/hour/?size=full'), 'a wide graph'
        )

    def test_words_in_tables_do_not_break_on_phone(self):
        self.hold_phone()
        self.open('/last/hour/')

        lines = self.driver.execute_script(
            """
            const range = document.createRange();
            const lines = {};
            for (const cell of document.querySelectorAll(
              '[data-probe="node-1"] > *, thead th')) {
              range.selectNodeContents(cell);
              const tops = [...range.getClientRects()].map(box => box.bottom);
              lines[cell.textContent] =
                Math.max(...tops) - Math.min(...tops) > 10;
            }
            return lines;
            """
        )

        self.assertEqual([], [text for text in lines if lines[text]])
        width = 'return document.documentElement.scrollWidth'
        self.assertLessEqual(self.driver.execute_script(width), 400)

    def test_theme_follows_system(self):
        self.browser.prefer('dark')
        self.open('/last/hour/')
        self.wait_for_graphs('.panel .graph')
        self.keep_screenshot('dark')

        self.assertEqual('dark', self.theme())
        self.assertTrue(
            all(
                'theme=dark' in response.url
                for response in self.responses('/graph/')
            )
        )

        self.browser.prefer('light theme')
        self.wait(lambda: self.theme() == 'light', 'light theme')
        self.wait(
            lambda: any(
                'theme=light' in response.url
                for response in self.responses('/graph/')
            ),
            'a light graph',
        )
        self.assert_clean()

    def test_chosen_theme_is_stored(self):
        self.open('/last/hour/')

        self.find('#theme [value=dark]').click()

        self.assertEqual('dark', self.theme())
        self.open('/last/day/')
        self.assertEqual('dark', self.theme())
        self.find('#theme [value=auto]').click()
        self.assertEqual('light', self.theme())

    def theme(self):
        return self.find('html').get_attribute('data-theme')

    def test_hidden_tab_sends_no_requests(self):
        self.open('/last/minute/')
        self.wait_for_graphs('.panel .graph')
        self.addCleanup(self.driver.set_window_size, 1400, 1000)

        self.driver.minimize_window()
        self.wait(
            lambda: self.driver.execute_script('return document.hidden'),
            'a hidden tab',
        )
        # Requests in progress end within one interval.
        self.sleep(REFRESH_S)
        self.browser.clear_responses()
        self.sleep(3 * REFRESH_S)
        self.assertEqual([], self.browser.responses())

        self.driver.set_window_size(1400, 1000)
        self.wait(lambda: self.responses('/graph/'), 'graphs')

    def sleep(self, seconds):
        self.driver.execute_async_script(
            'setTimeout(arguments[1], arguments[0])', seconds * 1000
        )

    def test_page_recovers_from_server_restart(self):
        self.open('/last/minute/')
        self.wait(lambda: self.shown('#live'), 'the connection status')
        source = self.find('.panel .graph').get_attribute('src')

        self.site.stop()
        self.addCleanup(self.start_again)
        self.wait(lambda: self.shown('#banner'), 'the banner')
        self.assertIn('not responding', self.find('#banner').text)

        self.start_again()
        self.wait(lambda: not self.shown('#banner'), 'the banner to disappear')
        self.wait(
            lambda: self.find('.panel .graph').get_attribute('src') != source,
            'another image',
        )

    def start_again(self):
        if self.site.returncode is not None:
            self.site.start()

    def test_pages_have_no_serious_accessibility_violations(self):
        for scheme in ('light', 'dark'):
            self.browser.prefer(scheme)
            for path in ('/last/hour/', '/probe/node-1/', '/nothing'):
                self.open(path)

                report = axe.Axe().run(self.driver)

                self.assertEqual(
                    [],
                    [
                        (
                            violation['id'],
                            [node['html'] for node in violation['nodes']],
                        )
                        for violation in report['violations']
                        if violation['impact'] in ('serious', 'critical')
                    ],
                )
