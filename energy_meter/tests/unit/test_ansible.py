# SPDX-License-Identifier: Apache-2.0

"""The Ansible role writes configurations that its services accept.

tools/run_install_guide.sh runs the whole role on a machine; see
doc/source/install/ansible.rst.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing

from oslotest import base as test_base
import yaml

import energy_meter
from energy_meter.cmd import agent
from energy_meter.cmd import api
from energy_meter.cmd import collector
from energy_meter.cmd import rrd
from energy_meter.tests.unit import test_install_guide
from energy_meter.tests.unit import test_installation
from energy_meter.tests.unit.cmd import base

CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]
ANSIBLE = CHECKOUT / 'etc/ansible'
ROLE = ANSIBLE / 'roles/energy_meter'
PAGE = CHECKOUT / 'doc/source/install/ansible.rst'

MAIN: dict[str, typing.Callable[[], None]] = {
    'agent': agent.main,
    'api': api.main,
    'collector': collector.main,
    'rrd': rrd.main,
}

#: A host in addition to those of the example.
EDGE = """\
energy_meter_agent:
  hosts:
    edge-1:
      energy_meter_transport_url: rabbit://u:pa$word@127.0.0.1/
      energy_meter_bus_secrets: [5f1d7a90$c3be4826, 4826]
      energy_meter_agent_devices: [serial]
      energy_meter_config:
        oslo_messaging_rabbit:
          ssl: false
        agent:
          publish_interval: 7
      energy_meter_wattmeters:
        wattmeter:desk:
          driver: dummy
          probes: [desk-1, desk-2]
"""

#: Evaluates the variables of the role and its templates, but not its tasks.
PLAYBOOK = """\
- hosts: all
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    templates: "{{ role_directory }}/templates"
    result:
      services: "{{ energy_meter_services }}"
      requirement: "{{ energy_meter_requirement }}"
      all: "{{ lookup('template', templates ~ '/energy_meter.conf.j2') }}"
      bus: "{{ lookup('template', templates ~ '/bus.conf.j2') }}"
      agent: >-
        {{ lookup('template', templates ~ '/energy-meter-agent.conf.j2') }}
      collector: >-
        {{ lookup('template', templates ~ '/energy-meter-collector.conf.j2') }}
  roles:
    - role: energy_meter
      tags: role
  post_tasks:
    - ansible.builtin.copy:
        content: "{{ result | to_json }}"
        dest: "{{ directory }}/{{ inventory_hostname }}.json"
        mode: "0600"
"""


def evaluate(directory: pathlib.Path) -> dict[str, typing.Any]:
    """Return what the role would write, by host."""
    playbook, edge = directory / 'playbook.yml', directory / 'edge.yml'
    playbook.write_text(PLAYBOOK)
    edge.write_text(EDGE)
    subprocess.run(
        [
            pathlib.Path(sys.executable).with_name('ansible-playbook'),
            f'--inventory={ANSIBLE / "inventory.yml"}',
            f'--inventory={edge}',
            '--skip-tags=role',
            f'--extra-vars=directory={directory} role_directory={ROLE}',
            playbook,
        ],
        check=True,
        timeout=120,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            'ANSIBLE_HOME': str(directory),
            'ANSIBLE_ROLES_PATH': str(ROLE.parent),
            # Ansible ends in a locale without UTF-8.
            'LC_ALL': 'C.UTF-8',
        },
    )
    return {
        path.stem: json.loads(path.read_text())
        for path in directory.glob('*.json')
    }


class RoleTest(base.CommandTest):
    hosts: dict[str, typing.Any]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        with tempfile.TemporaryDirectory() as directory:
            cls.hosts = evaluate(pathlib.Path(directory))

    def test_services_are_those_of_the_groups(self):
        self.assertEqual(
            {
                'controller-1': ['api', 'collector', 'rrd'],
                'controller-2': ['api', 'collector'],
                'monitoring-1': ['agent'],
                'edge-1': ['agent'],
            },
            {name: host['services'] for name, host in self.hosts.items()},
        )

    def test_each_service_accepts_its_configuration(self):
        (self.directory / 'secrets').mkdir()
        (self.directory / 'secrets/bmc').write_text('password\n')
        for name, host in self.hosts.items():
            self.write(host['all'])
            files = []
            for part in 'bus', 'agent', 'collector':
                path = self.directory / f'{part}.conf'
                path.write_text(host[part])
                files.append(f'--config-file={path}')
            for service in host['services']:
                result = self.run_command(MAIN[service], '--check', *files)

                self.assertEqual(0, result.code, (name, service, result))

    def test_host_gets_only_what_its_services_read(self):
        for name in 'monitoring-1', 'edge-1':
            host = self.hosts[name]

            self.assertNotIn('[database]', host['all'])
            self.assertNotIn('[keystone_authtoken]', host['all'])
            self.assertIn('[wattmeter:', host['agent'])
        self.assertNotIn('bmc', self.hosts['controller-1'].values())

    def test_dollar_signs_and_lists_are_written_as_the_options_need_them(self):
        host = self.hosts['edge-1']

        self.assertIn(
            'transport_url = rabbit://u:pa$$word@127.0.0.1/\n', host['all']
        )
        self.assertIn('ssl = False\n', host['all'])
        self.assertIn('publish_interval = 7\n', host['all'])
        self.assertIn('secrets = 5f1d7a90$$c3be4826, 4826\n', host['bus'])
        self.assertIn('probes = desk-1, desk-2\n', host['agent'])

    def test_extras_follow_from_the_services(self):
        self.assertEqual(
            {
                'controller-1': 'energy-meter[postgresql,rrd]',
                'controller-2': 'energy-meter[postgresql]',
                'monitoring-1': 'energy-meter',
                'edge-1': 'energy-meter',
            },
            {name: host['requirement'] for name, host in self.hosts.items()},
        )


class PageTest(test_base.BaseTestCase):
    def read(self, name: str) -> typing.Any:
        return yaml.safe_load((ROLE / name).read_text())

    def test_each_variable_is_documented(self):
        specified = self.read('meta/argument_specs.yml')['argument_specs']

        options = specified['main']['options']

        documented = re.findall(
            r'\* - ``(energy_meter_\w+)``', PAGE.read_text()
        )
        groups = {
            f'energy_meter_{name}' for name in test_installation.SERVICES
        }
        self.assertEqual({*options} | groups, {*documented})
        self.assertEqual(set(), {*self.read('defaults/main.yml')} - {*options})
        self.assertEqual(
            test_installation.SERVICES,
            {*options['energy_meter_services']['choices']},
        )

    def test_page_can_be_run_on_a_machine(self):
        script = test_install_guide.script(PAGE.read_text())

        subprocess.run(['bash', '-n'], check=True, input=script, text=True)
        self.assertIn("grep 'changed=0 .* failed=0' second\n", script)
