# SPDX-License-Identifier: Apache-2.0

"""The body of an envelope: registers of one wattmeter, as JSON."""

import collections.abc
import functools
import typing

import msgspec
import orjson

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.bus import content
from energy_meter.bus import fields
from energy_meter.bus import layouts

#: Energy in mJ, or CPU time in ms: that of a host and of its instances.
_ENERGY, _CPU = 'energy', 'cpu'
#: Position of the value of a register among those of a measurement.
_VALUE = 2

#: Number of series that are kept, so that the names of each are validated
#: once, not again with each message. Each takes about 1 kB.
_MAX_SERIES = 2**16


class Register(typing.NamedTuple):
    """A register of a body.

    :ivar probe: that it belongs to.
    :ivar content: its fields as received.
    :ivar measurements: its measurements of energy.
    :ivar usages: its measurements of CPU time. A register has either.
    """

    probe: measurement.Probe
    content: content.Register
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
        content = msgspec.structs.replace(self.content, host=probe.id)
        return type(self)(probe, content, measurements, usages)


def encode(
    measurements: collections.abc.Sequence[measurement.Measurement],
) -> str:
    """Return measurements as JSON.

    :param measurements: at least one; all of the same agent and wattmeter.
    """
    registers: dict[
        tuple[measurement.Series, cpu_usage.Layout | None],
        dict[str, typing.Any],
    ] = {}
    for outgoing in measurements:
        # A register occurs twice if its probe was reconfigured, the clock was
        # synchronized or the layout changed between its measurements.
        usage = outgoing.usage
        key = outgoing.series, None if usage is None else usage.layout
        register = registers.get(key)
        if register is None:
            register = registers[key] = _encode_register(*key)
        row: list[object] = [*outgoing[1:-2], int(outgoing.is_mark)]
        if usage is not None:
            row[_VALUE] = [outgoing.millijoules, *usage.cpu]
        register['measurements'].append(row)
    return _to_json(measurements[0].probe, list(registers.values()))


def _encode_register(
    series: measurement.Series, layout: cpu_usage.Layout | None
) -> dict[str, typing.Any]:
    """Return the fields of a register, without measurements."""
    probe = series.probe
    register: dict[str, typing.Any] = {
        'probe': probe.id,
        'scope': probe.scope,
        'host': probe.host,
        'register': series.register.id,
        'quantity': _ENERGY if layout is None else _CPU,
        'after': series.after,
        'synced': series.synced,
        'measurements': [],
    }
    if layout is not None:
        register['usage'] = layouts.encode(layout)
    return register


def encode_registers(
    registers: collections.abc.Sequence[Register],
) -> str:
    """Return registers as JSON, with the content that was received.

    :param registers: at least one; all of the same wattmeter.
    """
    contents = [register.content for register in registers]
    return _to_json(registers[0].probe, msgspec.to_builtins(contents))


def _to_json(
    probe: measurement.Probe, registers: list[dict[str, typing.Any]]
) -> str:
    return orjson.dumps(
        {
            'wattmeter': probe.wattmeter,
            'driver': probe.driver,
            'registers': registers,
        },
        default=tuple,
    ).decode()


def decode(text: str, agent: str, agent_name: str) -> list[Register]:
    """Return the registers of a body.

    :param agent: UUID of the agent that sent it.
    :raises RejectedMessage: if the body is invalid.
    """
    body = content.parse(text)
    wattmeter = fields.check_id(body.wattmeter, 'wattmeter')
    driver = fields.check_id(body.driver, 'driver')
    return [
        _decode_register(
            _series(
                received.probe,
                received.scope,
                received.host,
                wattmeter,
                driver,
                agent_name,
                agent,
                received.register,
                received.after,
                received.synced,
            ),
            received,
        )
        for received in body.registers
    ]


@functools.lru_cache(_MAX_SERIES)
def _series(
    probe: str,
    scope: str,
    host: str,
    wattmeter: str,
    driver: str,
    agent_name: str,
    agent: str,
    register: str,
    after: tuple[str, int] | None,
    synced: bool,
) -> measurement.Series:
    """Return what the measurements of a register have in common.

    :raises RejectedMessage: if the names of the probe, of its scope or of its
        host are invalid.
    """
    return measurement.Series(
        measurement.Probe(
            fields.check_id(probe, 'probe'),
            fields.check_choice(scope, measurement.SCOPES, 'scope'),
            fields.check_id(host, 'host'),
            wattmeter,
            driver,
            agent_name,
        ),
        measurement.RegisterKey(agent, register),
        None if after is None else measurement.Predecessor(*after),
        synced,
    )


def _decode_register(
    series: measurement.Series, received: content.Register
) -> Register:
    layout = None
    if received.quantity == _CPU:
        layout = layouts.decode(received.usage)
    elif received.usage is not msgspec.UNSET:
        raise fields.malformed('a register of energy has a usage')
    measurements = [
        _decode_row(series, row, layout) for row in received.measurements
    ]
    if layout is None:
        return Register(series.probe, received, measurements, [])
    return Register(series.probe, received, [], measurements)


def _decode_row(
    series: measurement.Series,
    row: content.Row,
    layout: cpu_usage.Layout | None,
) -> measurement.Measurement:
    """Return a measurement.

    :param layout: that of a register of CPU time, else None.
    """
    timestamp, elapsed, value, metered, watts, volts, amperes, mark = row
    usage = None
    if layout is not None:
        value, usage = _decode_vector(value, layout)
    elif isinstance(value, list):
        raise fields.malformed('an energy is not an integer')
    if mark and not (watts is volts is amperes is None):
        raise fields.malformed('a mark has no watts, volts and amperes')
    return measurement.Measurement(
        series,
        timestamp,
        elapsed,
        value,
        metered,
        watts,
        volts,
        amperes,
        mark == 1,
        usage,
    )


def _decode_vector(
    values: int | list[int], layout: cpu_usage.Layout
) -> tuple[int, cpu_usage.Usage]:
    """Return the CPU time of a host, and that of its instances."""
    if isinstance(values, int) or len(values) != 1 + len(layout.instances):
        raise fields.malformed('a value does not fit to the instances')
    return values[0], cpu_usage.Usage(layout, tuple(values[1:]))
