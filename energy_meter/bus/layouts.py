# SPDX-License-Identifier: Apache-2.0

"""Vectors of CPU time, and their layouts, as JSON."""

import collections.abc
import re
import typing

from energy_meter import cpu_usage
from energy_meter.bus import fields

#: Maximum number of instances of a layout, and devices, in all.
MAX_INSTANCES = 750
#: Number of measurements of energy that take as much space in a body as an
#: instance and its value, or a device, at least. A layout of any allowed
#: content, with one measurement, so fits into a body.
INSTANCE_WEIGHT = 0.66
#: Maximum length of the name of a project, that of Keystone.
MAX_PROJECT_NAME_LENGTH = 64

_FIELDS = {'threads', 'memory', 'idle_watts', 'instances', 'devices'}
_INSTANCE_LENGTH = len(cpu_usage.Instance._fields)
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
# Keystone's own have 32 digits, those of a directory up to 64.
_OWNER = re.compile(r'[A-Za-z0-9_.:@+-]{0,64}')


def encode(layout: cpu_usage.Layout) -> dict[str, typing.Any]:
    """Return a layout as it is sent."""
    return {
        'threads': layout.threads,
        'memory': layout.memory,
        'idle_watts': layout.idle_watts,
        'instances': [
            [*instance[:-1], int(instance.is_reserved)]
            for instance in layout.instances
        ],
        'devices': [[*device] for device in layout.devices],
    }


def decode(value: object) -> cpu_usage.Layout:
    """Return a layout that was sent.

    :raises RejectedMessage: if it is invalid.
    """
    content = fields.check_object(value, _FIELDS, 'usage')
    idle_watts = content['idle_watts']
    if idle_watts is not None:
        fields.check_number(idle_watts)
    rows = fields.check_list(content['instances'], 'instances')
    devices = fields.check_list(content['devices'], 'devices')
    if len(rows) + len(devices) > MAX_INSTANCES:
        raise fields.malformed(
            f'more than {MAX_INSTANCES} instances and devices'
        )
    instances = tuple(map(_decode_instance, rows))
    uuids = [instance.uuid for instance in instances]
    if uuids != sorted(set(uuids)):
        raise fields.malformed('instances are not in the order of their UUIDs')
    return cpu_usage.Layout(
        fields.check_integer(content['threads'], 'threads'),
        fields.check_integer(content['memory'], 'memory'),
        idle_watts,
        instances,
        _decode_devices(devices, uuids),
    )


def _decode_instance(value: object) -> cpu_usage.Instance:
    if type(value) is not list or len(value) != _INSTANCE_LENGTH:
        raise fields.malformed(
            f'an instance must be a list of {_INSTANCE_LENGTH} values'
        )
    uuid, name, project, project_name, user, vcpus, memory, reserved = value
    if type(uuid) is not str or not _UUID.fullmatch(uuid):
        raise fields.malformed('an instance must have a UUID in lower case')
    if type(reserved) is not int or reserved not in (0, 1):
        raise fields.malformed('reserved must be 0 or 1')
    return cpu_usage.Instance(
        uuid,
        fields.check_id(name, 'the name of an instance'),
        _check_owner(project, 'project'),
        _check_project_name(project_name),
        _check_owner(user, 'user'),
        fields.check_integer(vcpus, 'vcpus'),
        fields.check_integer(memory, 'memory'),
        reserved == 1,
    )


def _check_project_name(value: object) -> str:
    """Return the name of a project, which may be empty."""
    if value == '':
        return ''
    name = fields.check_id(value, 'project_name')
    if len(name) > MAX_PROJECT_NAME_LENGTH:
        raise fields.malformed(
            f'project_name exceeds {MAX_PROJECT_NAME_LENGTH} characters'
        )
    return name


def _decode_devices(
    rows: list[typing.Any], uuids: collections.abc.Container[str]
) -> tuple[cpu_usage.Device, ...]:
    """Return devices that were sent.

    :param uuids: those of the instances of the layout.
    """
    devices = []
    for row in rows:
        if type(row) is not list or len(row) != 2:
            raise fields.malformed('a device must be a list of 2 values')
        probe, instance = row
        if instance is not None and instance not in uuids:
            raise fields.malformed('a device must have an instance, or null')
        devices.append(
            cpu_usage.Device(fields.check_id(probe, 'probe'), instance)
        )
    probes = [device.probe for device in devices]
    if probes != sorted(set(probes)):
        raise fields.malformed('devices are not in the order of their probes')
    return tuple(devices)


def _check_owner(value: object, name: str) -> str:
    if type(value) is not str or not _OWNER.fullmatch(value):
        raise fields.malformed(f'{name} must match {_OWNER.pattern}')
    return value
