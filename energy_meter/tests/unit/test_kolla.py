# SPDX-License-Identifier: Apache-2.0

"""The files for Kolla add the definitions of etc/ceilometer, unchanged.

doc/source/install/kolla.rst shows what the real tools render.
"""

import pathlib
import re
import typing

import jinja2
from oslotest import base
import yaml

import energy_meter
from energy_meter.tests.unit import test_installation

ETC = pathlib.Path(energy_meter.__file__).parents[1] / 'etc'

#: In place of the pipeline of kolla-ansible.
THEIRS = """\
sources:
  - {name: meter_source, meters: ["*"], sinks: [meter_sink]}
sinks:
  - {name: meter_sink, publishers: ["gnocchi://"]}
"""


def ours() -> typing.Any:
    return yaml.safe_load((ETC / 'ceilometer/pipeline.yaml').read_text())


class PipelineTest(base.BaseTestCase):
    def lookup(self, plugin: str, path: str) -> str:
        """Look up as Ansible does, from the paths of kolla-ansible."""
        return {
            ('template', '/role/templates/pipeline.yaml.j2'): THEIRS,
            ('file', '/config/ceilometer/energy_meter/pipeline.yaml'): (
                ETC / 'ceilometer/pipeline.yaml'
            ).read_text(),
        }[plugin, path]

    def test_pipeline_of_kolla_ansible_is_kept_and_ours_is_added(self):
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
        environment.filters['from_yaml'] = yaml.safe_load
        environment.filters['to_nice_yaml'] = yaml.safe_dump
        environment.globals['lookup'] = self.lookup

        text = environment.from_string(
            (ETC / 'kolla/pipeline.yaml').read_text()
        ).render(role_path='/role', node_custom_config='/config')

        theirs, merged = yaml.safe_load(THEIRS), yaml.safe_load(text)
        self.assertEqual(
            {kind: theirs[kind] + ours()[kind] for kind in theirs}, merged
        )


class ImageTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.override = (ETC / 'kolla/template-overrides.j2').read_text()

    def test_image_links_the_installed_resource_definitions(self):
        source, target = re.findall(r'(/\S+\.yaml)', self.override)

        setup = test_installation.read(
            test_installation.CHECKOUT / 'setup.cfg'
        )
        directory, _, name = source.partition('/venv/')[2].rpartition('/')
        self.assertEqual('gnocchi_resources.yaml', name)
        self.assertEqual(
            'etc/ceilometer/*', setup['options.data_files'][directory]
        )
        (publisher,) = ours()['sinks'][0]['publishers']
        self.assertTrue(publisher.endswith(f'={target}'), publisher)
