# SPDX-License-Identifier: Apache-2.0

"""Identity of an instance, from the metadata that Nova gives its domain.

Source: Nova's virt/libvirt/config.py. Nova writes it when it creates the
domain, and again at each hard reboot, resize and migration.
"""

import re
import xml.etree.ElementTree as etree

from energy_meter import cpu_usage

#: Namespace of the metadata of current releases of Nova.
NAMESPACE = 'http://openstack.org/xmlns/libvirt/nova/1.1'

#: IDs of Keystone, or of a directory that it uses.
_ID = re.compile(r'[A-Za-z0-9_.:@+-]{1,64}')
#: Maximum length of names in messages, and of names of projects.
_MAX_LENGTH, _MAX_PROJECT_LENGTH = 190, 64
#: Maximum number of vCPUs, and of MiB of memory.
_MAX_SIZE = 2**31


def parse(
    uuid: str, metadata: str, is_reserved: bool
) -> cpu_usage.Instance | None:
    """Return the instance of a domain; None if the metadata is not Nova's.

    libvirt leaves out the prefix of the namespace.

    :param uuid: UUID of the domain, which is that of the instance.
    :param metadata: XML of the metadata.
    :param is_reserved: whether the domain is active.
    """
    try:
        # libvirt has parsed and formatted it, so it has no entities.
        root = etree.fromstring(metadata)  # noqa: S314
        vcpus = _size(root.findtext('{*}flavor/{*}vcpus'))
        memory = _size(root.findtext('{*}flavor/{*}memory'))
        project = _id(root.find('{*}owner/{*}project'))
        user = _id(root.find('{*}owner/{*}user'))
    except (etree.ParseError, ValueError):
        return None
    return cpu_usage.Instance(
        uuid,
        _name(root, 'name', _MAX_LENGTH) or uuid,
        project,
        _name(root, 'owner/{*}project', _MAX_PROJECT_LENGTH),
        user,
        vcpus,
        memory,
        is_reserved,
    )


def _size(text: str | None) -> int:
    size = int(text or '')
    if not 0 <= size < _MAX_SIZE:
        raise ValueError(size)
    return size


def _id(element: etree.Element | None) -> str:
    text = '' if element is None else element.get('uuid', '')
    if not _ID.fullmatch(text):
        raise ValueError(text)
    return text


def _name(root: etree.Element, path: str, max_length: int) -> str:
    """Return a text without what names in messages may not contain."""
    text = root.findtext(f'{{*}}{path}') or ''
    printable = ''.join(
        character if character.isprintable() else ' ' for character in text
    )
    return printable.strip()[:max_length].rstrip()
