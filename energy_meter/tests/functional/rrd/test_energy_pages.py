# SPDX-License-Identifier: Apache-2.0

"""Tests of bars of energy, the cursor and zooming in a browser."""

import re

from axe_core_python import selenium as axe
import requests
from selenium.webdriver.common import action_chains
from selenium.webdriver.common import by
from selenium.webdriver.common import keys

from energy_meter.tests.functional.rrd import browsing
from energy_meter.tests.functional.rrd import site
from energy_meter.tests.functional.services import http

_FIXED = re.compile('([0-9]{10})-([0-9]{10})/$')


class EnergyPagesTest(browsing.PagesTestCase):
    def serve(self):
        return self.useFixture(site.Site())

    # Actions of a user.

    def wait_for(self, selector):
        self.wait(lambda: self.find_all(selector), selector)
        return self.find(selector)

    def wait_for_bars(self):
        """Wait for bars and return their classes."""
        self.wait_for('svg.bars .bar')
        return [bar.get_attribute('class') for bar in self.bars()]

    def bars(self):
        return self.find_all('svg.bars .bar')

    def move_to(self, element):
        self.driver.execute_script(
            'arguments[0].scrollIntoView({block: "center"})', element
        )
        action_chains.ActionChains(self.driver).move_to_element(
            element
        ).perform()

    def click(self, element):
        self.move_to(element)
        action_chains.ActionChains(self.driver).click().perform()

    def tip(self):
        """Return the text of the values at the cursor; empty if hidden."""
        texts = [tip.text for tip in self.find_all('.tip')]
        return next(filter(None, texts), '')

    def period(self):
        """Return the start and the end of the period in the URL."""
        match = _FIXED.search(self.driver.current_url)
        return match and tuple(map(int, match.groups()))

    def wait_for_zoom(self, previous=None):
        return self.wait(
            lambda: self.period() != previous and self.period(), 'a zoom'
        )

    def wait_for_period(self, period):
        self.wait(lambda: self.period() == period, f'the period {period}')

    def color(self, element, name='fill'):
        return element.value_of_css_property(name)


class BarsTest(EnergyPagesTest):
    def test_quality_and_state_are_visible(self):
        self.open('/probe/node-1/')
        self.move_to(self.find('#day'))
        self.wait_for('#day svg.bars')
        self.keep_screenshot('energy')

        (hatched, *_) = self.find_all('#day .bar.estimated .outline')
        (partial, *_) = self.find_all('#day .bar.partial .solid')
        (missing, *_) = self.find_all('#day .bar.missing .outline')
        solid, light = (
            self.find(f'#day svg.bars .bar.measured.{state} .solid')
            for state in ('closed', 'open')
        )

        self.assertIn('bars-day-hatch', self.color(hatched))
        self.assertEqual('none', self.color(missing))
        self.assertNotEqual('none', self.color(missing, 'stroke-dasharray'))
        whole = partial.find_element(by.By.XPATH, '..').find_element(
            by.By.CSS_SELECTOR, '.outline'
        )
        self.assertLess(partial.size['width'], 0.5 * whole.size['width'])
        self.assertEqual('1', self.color(solid, 'opacity'))
        self.assertLess(float(self.color(light, 'opacity')), 1)
        self.assertEqual(
            ['measured', 'estimated', 'partial', 'missing'],
            [item.text for item in self.find_all('#day .legend li')[:4]],
        )
        self.assert_clean()

    def test_all_probes_are_added_up(self):
        self.open('/last/day/')
        self.wait_for_bars()

        self.assertIn(
            ': 0.3000 kWh', self.bars()[-1].get_attribute('aria-label')
        )
        self.assert_clean()

    def test_bar_under_the_cursor_shows_its_values(self):
        self.open('/last/week/')
        self.wait_for_bars()

        self.move_to(self.bars()[2])

        self.wait(lambda: 'kWh' in self.tip(), 'values')
        self.assertEqual(
            self.tip(),
            ' '.join(self.bars()[2].get_attribute('aria-label').split()),
        )

    def test_bars_can_be_read_and_opened_with_the_keyboard(self):
        self.open('/last/week/')
        self.wait_for_bars()
        self.driver.execute_script('arguments[0].focus()', self.bars()[-1])

        self.press(keys.Keys.ARROW_LEFT)
        self.press(keys.Keys.ARROW_LEFT)

        self.assertEqual(self.bars()[-3], self.driver.switch_to.active_element)
        self.assertIn('partial', self.tip())
        self.press(keys.Keys.ENTER)
        start, end = self.wait_for_zoom()
        self.assertEqual(86_400, end - start)

    def test_click_zooms_from_month_to_quarter_hours_and_back(self):
        self.open('/probe/node-1/')
        self.move_to(self.find('#year'))
        self.wait_for('#year svg.bars')

        periods = [None]
        self.click(self.find_all('#year svg.bars .bar.closed')[-1])
        for step in ('day', 'hour', 'quarter-hour'):
            periods.append(self.wait_for_zoom(periods[-1]))
            self.wait_for('svg.bars')
            self.assertEqual(f'Energy per {step}', self.find('.chart h3').text)
            if step != 'quarter-hour':
                self.click(self.find('svg.bars .bar'))

        self.assertEqual(3600, periods[-1][1] - periods[-1][0])
        self.assertEqual([], self.find_all('svg.bars a'))
        for period in periods[-2::-1]:
            self.driver.back()
            self.wait_for_period(period)
        self.wait_for('#year svg.bars')
        self.assert_clean()

    def test_csv_has_the_energy_that_is_shown(self):
        self.open('/probe/node-1/')
        self.move_to(self.find('#week'))
        self.wait_for('#week svg.bars')
        (link,) = (
            item
            for item in self.find_all('#week .chart .formats a')
            if item.text == 'CSV'
        )

        text = requests.get(link.get_attribute('href'), timeout=10).text

        self.assertEqual(
            len(self.find_all('#week svg.bars .bar')),
            len(text.splitlines()) - 1,
        )

    def test_page_without_scripts_has_a_table(self):
        self.driver.execute_cdp_cmd(
            'Emulation.setScriptExecutionDisabled', {'value': True}
        )
        self.addCleanup(
            self.driver.execute_cdp_cmd,
            'Emulation.setScriptExecutionDisabled',
            {'value': False},
        )
        self.open('/last/week/')
        self.find('.energy a').click()

        self.find('summary').click()

        self.assertEqual(
            len(self.bars()), len(self.find_all('.chart tbody tr'))
        )
        self.find('.chart tbody a').click()
        self.assertIsNotNone(self.period())

    def test_hostile_name_is_harmless(self):
        self.open('/last/day/')
        (row,) = (
            row
            for row in self.find_all('tr[data-probe]')
            if row.get_attribute('data-probe') == site.HOSTILE
        )
        row.find_element(by.By.TAG_NAME, 'a').click()
        self.move_to(self.find('#day'))
        self.wait_for('#day svg.bars')

        self.click(self.find('#day svg.bars .bar'))

        self.wait_for_zoom()
        self.assertEqual(site.HOSTILE, self.find('h1').text)
        self.wait_for('svg.bars')
        self.assert_clean()

    def test_pages_have_no_serious_accessibility_violations(self):
        for scheme in ('light', 'dark'):
            self.browser.prefer(scheme)
            for path in ('/last/day/', '/probe/node-1/', '/energy/day/'):
                self.open(path)
                self.wait_for('svg.bars')

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


class FailureTest(EnergyPagesTest):
    def test_page_says_that_energy_is_unavailable(self):
        self.site.api.answer = lambda request: http.Answer(503)

        self.open('/last/day/')

        self.wait(
            lambda: 'unavailable right now' in self.find('.energy').text,
            'a message',
        )
        self.wait_for('.plot .graph.loaded')
        self.assertFalse(self.find('#banner').is_displayed())

    def test_hanging_api_does_not_delay_the_page(self):
        listener = self.useFixture(http.Listener())
        hanging = self.useFixture(
            site.Site(api_url=f'http://127.0.0.1:{listener.port}')
        )
        self.driver.get(f'{hanging.url}/probe/node-1/')

        # The browser asks for energy, and all graphs are loaded meanwhile.
        self.wait(listener.accepted.is_set, 'a request to the API')
        self.wait_for('.plot .graph.loaded')
        self.assertNotIn('unavailable', self.find('#hour').text)

        self.wait(
            lambda: 'unavailable right now' in self.find('#hour').text,
            'a message',
        )

    def test_bars_appear_when_the_api_is_back(self):
        energy = self.site.api.answer
        self.site.api.answer = lambda request: http.Answer(503)
        self.open('/last/day/')
        self.wait_for('.energy > p')

        self.site.api.answer = energy

        self.wait_for_bars()


class CursorTest(EnergyPagesTest):
    def open_graph(self, path='/probe/node-1/'):
        """Open a page and return the cursor of the graph of the hour."""
        self.open(path)
        self.move_to(self.find('#hour'))
        self.wait_for('#hour .graph.loaded')
        return self.find('#hour .cursor')

    def point(self, cursor, share):
        """Move the pointer to a place, as a share of the graph's width."""
        offset = round((share - 0.5) * cursor.size['width'])
        return action_chains.ActionChains(
            self.driver
        ).move_to_element_with_offset(cursor, offset, 0)

    def test_power_and_time_are_shown_under_the_cursor(self):
        cursor = self.open_graph()

        self.point(cursor, 0.25).perform()

        text = self.wait(self.tip, 'values')
        values = requests.get(
            f'{self.site.url}/data/hour/node-1/', timeout=10
        ).json()
        watts = values['watts'][len(values['watts']) // 4]
        self.assertRegex(text, r'^20..-..-.. ..:..:.0: [0-9.]+ W$')
        self.assertAlmostEqual(watts, float(text.split()[2]), delta=5)
        line = self.find('#hour .cursor .line')
        self.assertAlmostEqual(
            0.25,
            (line.location['x'] - cursor.location['x']) / cursor.size['width'],
            delta=0.01,
        )
        self.assert_clean()

    def test_unknown_power_is_shown_as_unknown(self):
        self.open('/last/day/')
        self.wait_for('.plot .graph.loaded')

        self.point(self.find('.cursor'), 0.25).perform()

        self.wait(lambda: self.tip().endswith('unknown'), 'a text')

    def test_dragging_zooms_into_a_period(self):
        cursor = self.open_graph()
        values = requests.get(
            f'{self.site.url}/data/hour/node-1/', timeout=10
        ).json()
        self.point(cursor, 0.25).perform()
        self.wait(self.tip, 'values')

        self.point(cursor, 0.25).click_and_hold().perform()
        self.point(cursor, 0.5).perform()
        self.assertTrue(self.find('#hour .selection').is_displayed())
        action_chains.ActionChains(self.driver).release().perform()

        start, end = self.wait_for_zoom()
        self.assertAlmostEqual(values['start'] + 900, start, delta=30)
        self.assertAlmostEqual(values['start'] + 1800, end, delta=30)
        self.wait_for('.plot .graph.loaded')
        self.driver.back()
        self.wait_for_period(None)
        self.assert_clean()

    def test_click_does_not_zoom(self):
        cursor = self.open_graph()
        self.point(cursor, 0.25).perform()
        self.wait(self.tip, 'values')

        self.point(cursor, 0.25).click().perform()

        self.assertIsNone(self.period())
        self.assertFalse(self.find('#hour .selection').is_displayed())

    def test_pointer_that_leaves_does_not_disturb_the_keyboard(self):
        cursor = self.open_graph()
        self.point(cursor, 0.25).perform()
        cursor.send_keys(keys.Keys.HOME)
        self.wait(
            lambda: cursor.get_attribute('aria-valuenow') == '0',
            'the first value',
        )

        self.move_to(self.find('h1'))

        self.assertEqual(cursor.get_attribute('aria-valuetext'), self.tip())

    def test_keyboard_reads_values_and_zooms(self):
        cursor = self.open_graph()
        cursor.send_keys(keys.Keys.HOME)
        self.wait(
            lambda: cursor.get_attribute('aria-valuetext'), 'the first value'
        )
        cursor.send_keys(keys.Keys.HOME)
        self.assertEqual('0', cursor.get_attribute('aria-valuenow'))

        cursor.send_keys(keys.Keys.ARROW_RIGHT)
        self.assertEqual('1', cursor.get_attribute('aria-valuenow'))
        self.assertEqual(self.tip(), cursor.get_attribute('aria-valuetext'))
        cursor.send_keys(keys.Keys.SHIFT, keys.Keys.PAGE_UP)
        cursor.send_keys(keys.Keys.ENTER)

        start, end = self.wait_for_zoom()
        # A tenth of the graph, and the step at which it begins.
        self.assertEqual(370, end - start)
