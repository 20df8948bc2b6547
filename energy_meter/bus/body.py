# SPDX-License-Identifier: Apache-2.0

"""The body of an envelope: measurements of one wattmeter, as JSON."""

import collections.abc
import json
import re
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.bus import fields

_FIELDS = {'wattmeter', 'driver', 'registers'}
_REGISTER_FIELDS = {
    'probe',
    'scope',
    'host',
    'register',
    'incarnation',
    'measurements',
}
_REGISTER_ID = re.compile(r'[0-9a-f]{16}')


def encode(
    measurements: collections.abc.Sequence[measurement.Measurement],
) -> str:
    """Return measurements as JSON.

    :param measurements: at least one; all of the same agent and wattmeter.
    """
    registers: dict[
        tuple[measurement.Probe, measurement.RegisterKey],
        dict[str, typing.Any],
    ] = {}
    for outgoing in measurements:
        # When a forwarder re-signs, one register key may have two probes.
        key = (outgoing.probe, outgoing.register)
        register = registers.get(key)
        if register is None:
            register = registers[key] = {
                'probe': outgoing.probe.id,
                'scope': outgoing.probe.scope,
                'host': outgoing.probe.host,
                'register': outgoing.register.id,
                'incarnation': outgoing.register.incarnation,
                'measurements': [],
            }
        register['measurements'].append(outgoing[2:])
    probe = measurements[0].probe
    return json.dumps(
        {
            'wattmeter': probe.wattmeter,
            'driver': probe.driver,
            'registers': list(registers.values()),
        },
        ensure_ascii=False,
        allow_nan=False,
        separators=(',', ':'),
    )


def decode(
    text: str, agent: str, agent_name: str
) -> list[measurement.Measurement]:
    """Return the measurements of a body.

    :param agent: UUID of the agent that sent it.
    :raises RejectedMessage: if the body is invalid.
    """
    content = fields.check_object(_parse(text), _FIELDS, 'the body')
    wattmeter = fields.check_id(content['wattmeter'], 'wattmeter')
    driver = fields.check_id(content['driver'], 'driver')
    measurements: list[measurement.Measurement] = []
    for value in fields.check_list(content['registers'], 'registers'):
        register = fields.check_object(value, _REGISTER_FIELDS, 'a register')
        probe = _decode_probe(register, wattmeter, driver, agent_name)
        measurements += _decode_register(register, probe, agent)
    return measurements


def _parse(text: str) -> object:
    try:
        return json.loads(
            text,
            object_pairs_hook=_reject_duplicate_keys,
            parse_constant=_reject_constant,
        )
    except exception.RejectedMessage:
        raise
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise fields.malformed(f'body is not JSON: {error!s:.80}')


def _reject_duplicate_keys(
    pairs: list[tuple[str, object]],
) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise fields.malformed('an object contains a key twice')
    return result


def _reject_constant(name: str) -> typing.NoReturn:
    raise fields.malformed(f'{name} is not a JSON number')


def _decode_probe(
    register: dict[str, typing.Any],
    wattmeter: str,
    driver: str,
    agent_name: str,
) -> measurement.Probe:
    scope = register['scope']
    if type(scope) is not str or scope not in measurement.SCOPES:
        raise fields.malformed(
            f'scope must be one of {", ".join(measurement.SCOPES)}'
        )
    return measurement.Probe(
        fields.check_id(register['probe'], 'probe'),
        scope,
        fields.check_id(register['host'], 'host'),
        wattmeter,
        driver,
        agent_name,
    )


def _decode_register(
    register: dict[str, typing.Any], probe: measurement.Probe, agent: str
) -> list[measurement.Measurement]:
    register_id = register['register']
    if type(register_id) is not str or not _REGISTER_ID.fullmatch(register_id):
        raise fields.malformed('register must be 16 hexadecimal digits')
    key = measurement.RegisterKey(
        agent,
        register_id,
        fields.check_integer(register['incarnation'], 'incarnation'),
    )
    return [
        _decode_measurement(probe, key, values)
        for values in fields.check_list(
            register['measurements'], 'measurements'
        )
    ]


def _decode_measurement(
    probe: measurement.Probe, key: measurement.RegisterKey, values: object
) -> measurement.Measurement:
    if type(values) is not list or len(values) != 7:
        raise fields.malformed('a measurement must be a list of 7 values')
    timestamp, elapsed, millijoules, metered, watts, volts, amperes = values
    fields.check_integer(millijoules, 'millijoules')
    for number in (timestamp, elapsed, metered):
        fields.check_number(number)
    for number in (watts, volts, amperes):
        if number is not None:
            fields.check_number(number)
    return measurement.Measurement(
        probe,
        key,
        float(timestamp),
        float(elapsed),
        millijoules,
        float(metered),
        watts,
        volts,
        amperes,
    )
