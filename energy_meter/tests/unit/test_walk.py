# SPDX-License-Identifier: Apache-2.0

"""The walk is a script made of the documentation, which can be run."""

import importlib.util
import pathlib
import subprocess
import textwrap

from docutils import utils
from oslo_config import cfg
from oslotest import base

import energy_meter
from energy_meter import conf as energy_meter_conf
from energy_meter.agent import wattmeter

CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]
PAGE = CHECKOUT / 'doc/source/install/walk.rst'


def load():
    """Import tools/walk.py, which is in no package."""
    spec = importlib.util.spec_from_file_location(
        'walk', CHECKOUT / 'tools/walk.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


walk = load()


def script(text: str) -> str:
    return walk.script(walk.parse(textwrap.dedent(text), 'page'))


class ScriptTest(base.BaseTestCase):
    def run_script(self, text):
        """Give what the script prints, or its exit status."""
        done = subprocess.run(
            ['bash', '-c', script(text)],
            timeout=60,
            capture_output=True,
            text=True,
        )
        return done.stdout if done.returncode == 0 else done.returncode

    def test_types_what_stands_behind_prompts(self):
        self.assertEqual(
            'one\ntwo words\n',
            self.run_script("""\
            .. code-block:: console

               # echo one
               one
               # echo two \\
                     words
               two words
            """),
        )

    def test_writes_files_as_they_stand(self):
        path = self.create_tempfiles([('file', '')], ext='')[0]

        self.run_script(f"""\
            .. code-block:: ini
               :caption: {path}

               [section]
               value = $HOME \\
                   `id`

               # a comment
            """)

        self.assertEqual(
            '[section]\nvalue = $HOME \\\n    `id`\n\n# a comment\n',
            pathlib.Path(path).read_text(),
        )

    def test_leaves_examples_out(self):
        self.assertEqual(
            '',
            self.run_script("""\
            .. code-block:: ini

               [section]

            .. code-block:: bash
               :caption: An example

               echo never

            ::

               echo never
            """),
        )

    def test_ends_where_a_command_fails(self):
        self.assertEqual(
            1,
            self.run_script("""\
            .. code-block:: console

               # false
               # true
            """),
        )

    def test_a_block_without_a_prompt_is_an_error(self):
        error = self.assertRaises(
            ValueError,
            script,
            """\
            .. code-block:: console

               $ echo one
            """,
        )

        self.assertIn('$ echo one', str(error))

    def test_a_directive_that_could_hide_blocks_is_an_error(self):
        self.assertRaises(
            utils.SystemMessage,
            script,
            """\
            .. tabs::

               .. code-block:: console

                  # echo one
            """,
        )


class PageTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.page = walk.parse(PAGE.read_text(encoding='utf-8'), str(PAGE))
        self.files = {
            caption: text
            for _, caption, text in walk.blocks(self.page)
            if caption is not None
        }

    def test_bash_understands_the_script(self):
        done = subprocess.run(
            ['bash', '-n'],
            input=walk.script(self.page),
            timeout=60,
            capture_output=True,
            text=True,
        )

        self.assertEqual((0, ''), (done.returncode, done.stderr))

    def test_oslo_config_understands_the_files(self):
        for name in 'keystone', 'gnocchi', 'ceilometer', 'energy_meter':
            path = self.create_tempfiles(
                [(name, self.files[f'/etc/{name}/{name}.conf'])]
            )[0]
            sections = {}
            cfg.ConfigParser(path, sections).parse()
            self.assertNotEqual({}, sections)

    def test_our_file_is_a_configuration_without_errors(self):
        path = self.create_tempfiles(
            [('ours', self.files['/etc/energy_meter/energy_meter.conf'])]
        )[0]

        conf = energy_meter_conf.load(['--config-file', path], 'test')

        found, errors = wattmeter.load(conf, 'agent')
        self.assertEqual([], [str(error) for error in errors])
        self.assertEqual(['demo'], [item.name for item in found])

    def test_services_are_those_of_the_tests(self):
        pinned = (CHECKOUT / 'tools/stack-requirements.txt').read_text()

        words = walk.script(self.page).replace("'", '').split()

        shown = {word for word in words if '==' in word}
        self.assertEqual(3, len(shown))
        self.assertEqual(set(), shown - set(pinned.split()))
