# SPDX-License-Identifier: Apache-2.0

"""The end-to-end installation guide becomes a script that can be run."""

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
PAGE = CHECKOUT / 'doc/source/install/guide.rst'


def load():
    """Import tools/install_guide.py, which does not belong to a package."""
    spec = importlib.util.spec_from_file_location(
        'install_guide', CHECKOUT / 'tools/install_guide.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


install_guide = load()


def script(text: str) -> str:
    return install_guide.script(
        install_guide.parse(textwrap.dedent(text), 'page')
    )


class ScriptTest(base.BaseTestCase):
    def run_script(self, text):
        """Return the output of the script, or its exit status on failure."""
        process = subprocess.run(
            ['bash', '-c', script(text)],
            timeout=60,
            capture_output=True,
            text=True,
        )
        return process.returncode or process.stdout

    def test_commands_after_prompts_are_run(self):
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

    def test_files_are_written_unchanged(self):
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

    def test_examples_are_left_out(self):
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

            .. literalinclude:: example.yml
               :language: yaml
            """),
        )

    def test_script_stops_at_first_failing_command(self):
        self.assertEqual(
            1,
            self.run_script("""\
            .. code-block:: console

               # false
               # true
            """),
        )

    def test_rejects_console_block_without_prompt(self):
        error = self.assertRaises(
            ValueError,
            script,
            """\
            .. code-block:: console

               $ echo one
            """,
        )

        self.assertIn('$ echo one', str(error))

    def test_rejects_directive_that_could_hide_blocks(self):
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
        self.page = install_guide.parse(
            PAGE.read_text(encoding='utf-8'), str(PAGE)
        )
        self.files = {
            caption: text
            for _, caption, text in install_guide.blocks(self.page)
            if caption is not None
        }

    def test_script_is_valid_bash(self):
        process = subprocess.run(
            ['bash', '-n'],
            input=install_guide.script(self.page),
            timeout=60,
            capture_output=True,
            text=True,
        )

        self.assertEqual((0, ''), (process.returncode, process.stderr))

    def test_oslo_config_parses_configuration_files(self):
        for name in 'keystone', 'gnocchi', 'ceilometer', 'energy_meter':
            path = self.create_tempfiles(
                [(name, self.files[f'/etc/{name}/{name}.conf'])]
            )[0]
            sections = {}
            cfg.ConfigParser(path, sections).parse()
            self.assertNotEqual({}, sections)

    def test_energy_meter_configuration_has_no_errors(self):
        text = self.files['/etc/energy_meter/energy_meter.conf']
        path = self.create_tempfiles([('energy_meter', text)])[0]

        conf = energy_meter_conf.load(['--config-file', path], 'test')

        wattmeters, errors = wattmeter.load(conf, 'agent')
        self.assertEqual([], [str(error) for error in errors])
        self.assertEqual(['demo'], [meter.name for meter in wattmeters])

    def test_services_have_the_versions_of_the_tests(self):
        pinned = (CHECKOUT / 'tools/stack-requirements.txt').read_text()

        arguments = install_guide.script(self.page).replace("'", '').split()

        versions = {argument for argument in arguments if '==' in argument}
        self.assertEqual(3, len(versions))
        self.assertEqual(set(), versions - set(pinned.split()))
