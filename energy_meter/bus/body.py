# SPDX-License-Identifier: Apache-2.0

"""The body of an envelope: registers of one wattmeter, as JSON."""

import collections.abc
import json
import re
import typing

import orjson

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.bus import fields
from energy_meter.bus import layouts

#: Energy in mJ, or CPU time in ms: that of a host and of its instances.
_ENERGY, _CPU = 'energy', 'cpu'

_FIELDS = {'wattmeter', 'driver', 'registers'}
_REGISTER_FIELDS = {
    'probe',
    'scope',
    'host',
    'register',
    'quantity',
    'after',
    'synced',
    'measurements',
}
_CPU_REGISTER_FIELDS = {*_REGISTER_FIELDS, 'usage'}
_REGISTER_ID = re.compile(r'[0-9a-f]{16}')
_MEASUREMENT_LENGTH = 8
#: Position of the value of a register among those of a measurement.
_VALUE = 2


class Register(typing.NamedTuple):
    """A register of a body.

    :ivar probe: that it belongs to.
    :ivar content: its fields as received.
    :ivar measurements: its measurements of energy.
    :ivar usages: its measurements of CPU time. A register has either.
    """

    probe: measurement.Probe
    content: dict[str, typing.Any]
    measurements: list[measurement.Measurement]
    usages: list[measurement.Measurement]

    def as_own_host(self) -> typing.Self:
        """Return the register of the same probe, as a host of its own."""
        probe = self.probe._replace(host=self.probe.id)
        measurements, usages = (
            [
                measured._replace(series=measured.series._replace(probe=probe))
                for measured in each
            ]
            for each in (self.measurements, self.usages)
        )
        content = {**self.content, 'host': probe.id}
        return type(self)(probe, content, measurements, usages)


def encode(
    measurements: collections.abc.Sequence[measurement.Measurement],
) -> str:
    """Return measurements as JSON.

    :param measurements: at least one; all of the same agent and wattmeter.
    """
    registers: dict[tuple[object, ...], dict[str, typing.Any]] = {}
    for outgoing in measurements:
        # A register occurs twice if its probe was reconfigured, the clock was
        # synchronized or the layout changed between its measurements.
        usage = outgoing.usage
        key = outgoing.series, None if usage is None else usage.layout
        register = registers.get(key)
        if register is None:
            register = registers[key] = _encode_register(outgoing)
        row: list[object] = [*outgoing[1:-2], int(outgoing.is_mark)]
        if usage is not None:
            row[_VALUE] = [outgoing.millijoules, *usage.cpu]
        register['measurements'].append(row)
    return _to_json(measurements[0].probe, registers.values())


def _encode_register(
    outgoing: measurement.Measurement,
) -> dict[str, typing.Any]:
    """Return the register of a measurement, without measurements."""
    register: dict[str, typing.Any] = {
        'probe': outgoing.probe.id,
        'scope': outgoing.probe.scope,
        'host': outgoing.probe.host,
        'register': outgoing.register.id,
        'quantity': _ENERGY if outgoing.usage is None else _CPU,
        'after': outgoing.after,
        'synced': outgoing.synced,
        'measurements': [],
    }
    if outgoing.usage is not None:
        register['usage'] = layouts.encode(outgoing.usage.layout)
    return register


def encode_registers(
    registers: collections.abc.Sequence[Register],
) -> str:
    """Return registers as JSON, with the content that was received.

    :param registers: at least one; all of the same wattmeter.
    """
    return _to_json(
        registers[0].probe, [register.content for register in registers]
    )


def _to_json(
    probe: measurement.Probe,
    registers: collections.abc.Iterable[dict[str, typing.Any]],
) -> str:
    return orjson.dumps(
        {
            'wattmeter': probe.wattmeter,
            'driver': probe.driver,
            'registers': list(registers),
        },
        default=tuple,
    ).decode()


def decode(text: str, agent: str, agent_name: str) -> list[Register]:
    """Return the registers of a body.

    :param agent: UUID of the agent that sent it.
    :raises RejectedMessage: if the body is invalid.
    """
    content = fields.check_object(_parse(text), _FIELDS, 'the body')
    wattmeter = fields.check_id(content['wattmeter'], 'wattmeter')
    driver = fields.check_id(content['driver'], 'driver')
    registers = [
        _decode_register(value, agent, agent_name, wattmeter, driver)
        for value in fields.check_list(content['registers'], 'registers')
    ]
    _check_keys(text, content)
    return registers


def _parse(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise fields.malformed(f'body is not JSON: {error!s:.80}')


def _check_keys(text: str, content: dict[str, typing.Any]) -> None:
    """Check that no object of a body contains a key twice.

    Each key of the text has a colon, even one that occurs twice, of which
    ``content`` has only the last. Names may have colons as well, so with more
    of them than keys the text is parsed again, by a slower parser that shows
    each key.

    :raises RejectedMessage: if one does.
    """
    registers = content['registers']
    keys = len(content) + sum(map(len, registers))
    keys += sum(len(each['usage']) for each in registers if 'usage' in each)
    if text.count(':') <= keys:
        return
    try:
        json.loads(text, object_pairs_hook=_reject_duplicate_keys)
    except (ValueError, RecursionError) as error:
        raise fields.malformed(f'body is not JSON: {error!s:.80}')


def _reject_duplicate_keys(
    pairs: list[tuple[str, object]],
) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise fields.malformed('an object contains a key twice')
    return result


def _decode_register(
    value: object, agent: str, agent_name: str, wattmeter: str, driver: str
) -> Register:
    is_energy = _is_energy(value)
    content = fields.check_object(
        value,
        _REGISTER_FIELDS if is_energy else _CPU_REGISTER_FIELDS,
        'a register',
    )
    probe = measurement.Probe(
        fields.check_id(content['probe'], 'probe'),
        fields.check_choice(content['scope'], measurement.SCOPES, 'scope'),
        fields.check_id(content['host'], 'host'),
        wattmeter,
        driver,
        agent_name,
    )
    key = measurement.RegisterKey(
        agent, _check_register_id(content['register'])
    )
    after = _decode_after(content['after'])
    synced = fields.check_boolean(content['synced'], 'synced')
    rows = fields.check_list(content['measurements'], 'measurements')
    layout = None if is_energy else layouts.decode(content['usage'])
    measurements = [
        measurement.Measurement(
            measurement.Series(probe, key, after, synced),
            *_decode_measurement(row, layout),
        )
        for row in rows
    ]
    if is_energy:
        return Register(probe, content, measurements, [])
    return Register(probe, content, [], measurements)


def _is_energy(register: object) -> bool:
    """Return whether a register contains energy.

    :raises RejectedMessage: if its quantity is unknown.
    """
    if type(register) is not dict:
        raise fields.malformed('a register is not an object')
    quantity = fields.check_choice(
        register.get('quantity'), (_ENERGY, _CPU), 'quantity'
    )
    return quantity == _ENERGY


def _check_register_id(value: object) -> str:
    if type(value) is not str or not _REGISTER_ID.fullmatch(value):
        raise fields.malformed('register must be 16 hexadecimal digits')
    return value


def _decode_after(value: object) -> measurement.Predecessor | None:
    if value is None:
        return None
    if type(value) is not list or len(value) != 2:
        raise fields.malformed('after must be null or a list of 2 values')
    return measurement.Predecessor(
        _check_register_id(value[0]), fields.check_integer(value[1], 'after')
    )


def _decode_measurement(
    values: object, layout: cpu_usage.Layout | None
) -> list[typing.Any]:
    """Return the fields of a measurement from ``timestamp`` on.

    :param layout: that of a register of CPU time, else None.
    """
    if type(values) is not list or len(values) != _MEASUREMENT_LENGTH:
        raise fields.malformed(
            f'a measurement must be a list of {_MEASUREMENT_LENGTH} values'
        )
    usage = None
    if layout is not None:
        busy, *cpu = layouts.decode_cpu(values[_VALUE], layout)
        usage = cpu_usage.Usage(layout, tuple(cpu))
        values = [*values[:_VALUE], busy, *values[_VALUE + 1 :]]
    for integer in values[:4]:
        fields.check_integer(integer, 'a time or an energy')
    watts, volts, amperes, mark = values[4:]
    for number in (watts, volts, amperes):
        if number is not None:
            fields.check_number(number)
    if type(mark) is not int or mark not in (0, 1):
        raise fields.malformed('mark must be 0 or 1')
    if mark and not (watts is volts is amperes is None):
        raise fields.malformed('a mark has no watts, volts and amperes')
    return [*values[:-1], mark == 1, usage]
