# SPDX-License-Identifier: Apache-2.0

"""Identity of an instance in the metadata of its domain."""

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from energy_meter import cpu_usage
from energy_meter.bus import fields
from energy_meter.bus import layouts
from energy_meter.drivers.libvirt import identity
from energy_meter.tests import usages
from energy_meter.tests.unit.drivers.libvirt import fakes

UUID = 'c7a5fdbd-edaf-9455-926a-d65c16db1809'

#: As Nova writes it; libvirt returns it without the prefix.
NOVA = """
<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
  <nova:package version="27.1.0"/>
  <nova:name>web &amp; mail</nova:name>
  <nova:creationTime>2026-11-03 10:00:00</nova:creationTime>
  <nova:flavor name="m1.small">
    <nova:memory>2048</nova:memory>
    <nova:disk>20</nova:disk>
    <nova:swap>0</nova:swap>
    <nova:ephemeral>0</nova:ephemeral>
    <nova:vcpus>4</nova:vcpus>
  </nova:flavor>
  <nova:owner>
    <nova:user uuid="0d5c">alice</nova:user>
    <nova:project uuid="9b3e">web</nova:project>
  </nova:owner>
  <nova:root type="image" uuid="155d"/>
</nova:instance>
"""


class IdentityTest(base.BaseTestCase):
    def test_identity_is_that_of_nova(self):
        self.assertEqual(
            cpu_usage.Instance(
                UUID, 'web & mail', '9b3e', 'web', '0d5c', 4, 2048, True
            ),
            identity.parse(UUID, NOVA, True),
        )

    def test_prefix_does_not_matter(self):
        self.assertEqual(
            identity.parse(UUID, NOVA, False),
            identity.parse(UUID, NOVA.replace('nova:', ''), False),
        )

    def test_metadata_without_owner_is_not_novas(self):
        for text in (
            fakes.metadata(project=''),
            fakes.metadata(user=' '),
            fakes.metadata(user='u' * 65),
            fakes.metadata(project='a b'),
            fakes.metadata(vcpus='four'),
            fakes.metadata(memory=''),
            fakes.metadata(memory=-1),
            fakes.metadata(memory=2**31),
            '<instance/>',
            'no XML',
        ):
            self.assertIsNone(identity.parse(UUID, text, True), text)

    def test_instance_without_name_has_its_uuid(self):
        instance = identity.parse(UUID, fakes.metadata(name=' '), True)

        self.assertEqual(UUID, instance.name)

    def test_project_without_name_is_known(self):
        instance = identity.parse(UUID, fakes.metadata(project='p'), True)

        self.assertEqual(('p', ''), (instance.project, instance.project_name))

    @given(st.text(st.characters(exclude_characters='<&>')))
    def test_any_name_is_valid_in_messages(self, name):
        # XML has no control characters.
        text = ''.join(each for each in name if each >= ' ')
        metadata = fakes.metadata(name=text, project_name=text)
        parsed = identity.parse(UUID, metadata, True)

        # Nova's metadata has none of the characters that XML excludes.
        if parsed is not None:
            layout = usages.layout()._replace(instances=(parsed,))
            self.assertEqual(layout, layouts.decode(layouts.encode(layout)))
            if fields.is_id(text):
                self.assertEqual(text, parsed.name)
                self.assertEqual(text[:64].rstrip(), parsed.project_name)
