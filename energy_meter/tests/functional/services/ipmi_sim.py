# SPDX-License-Identifier: Apache-2.0

"""Simulated BMC: ipmi_sim of OpenIPMI."""

import collections.abc
import dataclasses
import os
import pathlib
import socket
import struct
import unittest

from energy_meter.tests.functional.services import base

USER = 'meter'
PASSWORD = 's3cret-Meter'

#: Get Channel Authentication Capabilities request, which needs no session.
_PING = bytes.fromhex(
    '0600ff07 00 00000000 00000000 092018c8 81 00 38 8e 04 b5'
)

#: Watts per unit of a sensor, whose value has 8 bits.
STEP = 4

_BMC_RECORD = """\
sdr type 18
    device_slave_address 0x20
    device_channel_number 0
    chassis true
    sdr true
    sensor true
    entity_id system_board
    entity_instance 1
    id_string "BMC"
endsdr
"""

_SENSOR_RECORD = """\
sdr type 1
    sensor_owner_id {sensor.owner:#04x}
    sensor_owner_lun 0
    channel_number 0
    sensor_number {number}
    entity_id {sensor.entity}
    entity_instance {number}
    sensor_type {sensor_type}
    init_scanning true
    init_sensor_type true
    default_sensor_scan_on true
    event_reading_type_code 1
    analog_data_format unsigned
    rate_unit none
    modifier_unit none
    percentage false
    base_unit {sensor.unit}
    modifier_unit_code unspecified
    linearization linear
    m {step}
    tolerance 0
    b 0
    accuracy 1
    accuracy_exp 0
    sensor_direction input
    r_exp 0
    b_exp 0
    sensor_maximum 255
    sensor_minimum 0
    id_string "{sensor.name}"
endsdr
"""

#: Sensor types of sdrcomp by unit; the type of others is not specified.
_SENSOR_TYPES = {'degrees_C': 'Temperature', 'RPM': 'Fan'}

_CONFIGURATION = """\
name "bmc"
set_working_mc 0x20
{module}
startlan 1
 addr {sim.address} {sim.port}
 priv_limit admin
 allowed_auths_callback none md2 md5 straight
 allowed_auths_user none md2 md5 straight
 allowed_auths_operator none md2 md5 straight
 allowed_auths_admin none md2 md5 straight
 guid a123456789abcdefa123456789abcdef
 {key}
endlan
console 127.0.0.1 {sim.console_port}
user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
user 3 true "reader" "{password}" user 10 none md2 md5 straight
"""


@dataclasses.dataclass
class Sensor:
    """Sensor of the BMC.

    :ivar value: multiple of STEP.
    :ivar exists: whether the BMC has the sensor, rather than only a record
        of it. A request for a sensor that does not exist fails with
        completion code 0xcc.
    """

    name: str = 'Pwr Consumption'
    value: int = 200
    unit: str = 'Watts'
    owner: int = 0x20
    available: bool = True
    entity: str = 'system_board'
    exists: bool = True


class IPMISim(base.Process):
    """BMC whose sensors and responses can be changed while it runs.

    Its users are USER, an administrator, and `reader`, which has user level;
    both have PASSWORD.
    """

    def __init__(
        self,
        *sensors: Sensor,
        manufacturer: int = 0x1291,
        address: str = '127.0.0.1',
        key: str | None = None,
        commands: bool = False,
    ) -> None:
        """Allocate the ports.

        :param sensors: sensors; the default is one sensor with 200 W.
        :param manufacturer: IANA enterprise number of the manufacturer.
        :param key: BMC key (Kg).
        :param commands: whether to support set_response(); this requires gcc
            and the headers of OpenIPMI.
        """
        self.sensors = sensors or (Sensor(),)
        self.manufacturer = manufacturer
        self.address = address
        self.port = base.free_port()
        self.console_port = base.free_port()
        self.password = PASSWORD
        self._key = key
        self._commands = commands
        super().__init__(['ipmi_sim', '-n'], ready=self._is_ready)

    def prepare(self) -> None:
        """Write the configuration and the sensor data records."""
        state = self.directory / 'state'
        self._write_records()
        self._responses_directory = self.directory / 'responses'
        self._responses_directory.mkdir()
        module = (
            f'loadlib "{self._module()}" "{self._responses_directory}"'
            if self._commands
            else ''
        )
        key = f'bmc_key "{self._key}"' if self._key else ''
        configuration = self.directory / 'lan.conf'
        configuration.write_text(
            _CONFIGURATION.format(
                sim=self, module=module, key=key, user=USER, password=PASSWORD
            )
        )
        self.argv += [
            '-c',
            os.fspath(configuration),
            '-f',
            os.fspath(self.directory / 'bmc.emu'),
            '-s',
            os.fspath(state),
        ]

    def _write_records(self) -> None:
        records = self.directory / 'state' / 'ipmi_sim' / 'bmc'
        records.mkdir(parents=True, exist_ok=True)
        source = self.directory / 'sensors.sdrs'
        source.write_text(
            _BMC_RECORD
            + ''.join(
                _sensor_record(number, sensor)
                for number, sensor in enumerate(self.sensors, 1)
            )
        )
        base.run(['sdrcomp', '-o', records / 'sdr.20.main', source])

    def replace_sensors(self, *sensors: Sensor) -> None:
        """Restart the BMC with other sensors, as after a firmware update."""
        self.kill()
        self.sensors = sensors
        self._write_records()
        self.start()

    def start(self) -> None:
        """Start the BMC with the present values of its sensors."""
        commands = [
            'mc_setbmc 0x20',
            f'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f '
            f'{self.manufacturer:#x} 0xf02 persist_sdr',
        ]
        for number, sensor in enumerate(self.sensors, 1):
            if not sensor.exists:
                continue
            commands.append(f'sensor_add 0x20 0 {number} 0x0b 0x01')
            commands += _sensor_commands(number, sensor)
        commands.append('mc_enable 0x20')
        (self.directory / 'bmc.emu').write_text('\n'.join(commands) + '\n')
        super().start()

    def set_value(self, value: int, name: str | None = None) -> None:
        """Set the value of a sensor; the default is the first."""
        self._change(name, value=value)

    def set_available(self, available: bool, name: str | None = None) -> None:
        """Set whether a sensor has a value; the default is the first."""
        self._change(name, available=available)

    def _change(self, name: str | None, **changes: object) -> None:
        names = [sensor.name for sensor in self.sensors]
        index = 0 if name is None else names.index(name)
        sensor = self.sensors[index]
        for attribute, value in changes.items():
            setattr(sensor, attribute, value)
        self._console(*_sensor_commands(index + 1, sensor))

    def set_password(self, password: str) -> None:
        """Change the password of USER over IPMI."""
        base.run(
            [
                'ipmitool',
                '-I',
                'lanplus',
                '-C',
                '3',
                '-H',
                self.address,
                '-p',
                str(self.port),
                '-U',
                USER,
                '-P',
                self.password,
                'user',
                'set',
                'password',
                '2',
                password,
            ]
        )
        self.password = password

    def set_response(
        self,
        netfn: int,
        command: int,
        request: bytes,
        response: bytes | None,
        code: int = 0,
    ) -> None:
        """Set the response to a request.

        :param response: data; None to fail the command as invalid.
        :param code: completion code.
        """
        path = self._responses_directory / (
            f'{netfn:02x}-{command:02x}-{request.hex()}'
        )
        if response is None:
            path.unlink()
            return
        new = path.with_suffix('.new')
        new.write_text(f'{code:02x}{response.hex()}')
        new.rename(path)

    def add_dcmi_response(self, watts: int, active: bool = True) -> None:
        """Set the response to DCMI Get Power Reading."""
        self.set_response(
            0x2C,
            0x02,
            b'\xdc\x01\0\0',
            struct.pack(
                '<B4HIIB',
                0xDC,
                watts,
                1,
                999,
                250,
                1_700_000_000,
                1000,
                0x40 if active else 0,
            ),
        )

    def add_dell_responses(self, watts: int, watt_hours: int) -> None:
        """Set the responses to Dell's power and energy commands."""
        self.set_response(0x30, 0xB3, b'\x0a\0', struct.pack('<HH', watts, 7))
        self.set_response(
            0x30,
            0x9C,
            b'\x07\x01',
            struct.pack('<II', 1_700_000_000, watt_hours),
        )

    def add_aem_responses(
        self, millijoules: int, vendor: int = 0x4A66, has_ac: bool = True
    ) -> None:
        """Set the responses to the commands of Active Energy Manager.

        :param vendor: IANA enterprise number of Lenovo or IBM.
        :param has_ac: whether the counter is on the AC side, rather than on
            the DC side.
        """
        iana = vendor.to_bytes(3, 'little')
        handle = b'\x05'
        self.set_response(
            0x2E, 0x82, iana + b'\0\0\x01', b'\0\x02\x06' + handle
        )
        if not has_ac:
            self.set_response(
                0x2E, 0x81, iana + handle + b'\x01\x82\x01\x08', b'', code=0xCB
            )
        self.set_response(
            0x2E,
            0x81,
            iana + handle + b'\x01\x82' + bytes([has_ac]) + b'\x08',
            struct.pack('>Q', millijoules),
        )

    def _module(self) -> pathlib.Path:
        """Compile the module with the commands and return its path.

        :raises unittest.SkipTest: if the headers are not installed.
        """
        if not os.path.exists('/usr/include/OpenIPMI/mcserv.h'):
            raise unittest.SkipTest(
                'The headers of OpenIPMI are not installed '
                '(Debian package: libopenipmi-dev)'
            )
        source = pathlib.Path(__file__).with_name('ipmi_sim_commands.c')
        module = self.directory / 'commands.so'
        base.run(
            [
                'gcc',
                '-Wall',
                '-Wextra',
                '-Werror',
                '-shared',
                '-fPIC',
                '-o',
                module,
                source,
            ]
        )
        return module

    def _console(self, *commands: str) -> None:
        """Run commands of ipmi_sim(5) and wait for their output."""
        with socket.create_connection(
            ('127.0.0.1', self.console_port), timeout=10
        ) as console:
            _read_to_prompt(console)
            for command in commands:
                console.sendall(command.encode() + b'\n')
                output = _read_to_prompt(console)
                assert 'rror' not in output, output

    def _is_ready(self) -> bool:
        family = socket.AF_INET6 if ':' in self.address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            probe.connect((self.address, self.port))
            try:
                probe.send(_PING)
                return bool(probe.recv(1000))
            except OSError:
                return False


def _sensor_record(number: int, sensor: Sensor) -> str:
    sensor_type = _SENSOR_TYPES.get(sensor.unit, 'Other_Units_Based_Sensor')
    return _SENSOR_RECORD.format(
        number=number, sensor=sensor, sensor_type=sensor_type, step=STEP
    )


def _sensor_commands(
    number: int, sensor: Sensor
) -> collections.abc.Iterator[str]:
    scanning = 'scanning' if sensor.available else 'no-scanning'
    yield (
        f'sensor_set_event_support 0x20 0 {number} enable {scanning} '
        f'per-state {" ".join(["0" * 15] * 4)}'
    )
    yield f'sensor_set_value 0x20 0 {number} {sensor.value // STEP} 0'


def _read_to_prompt(console: socket.socket) -> str:
    """Return the output of ipmi_sim's console before its next prompt."""
    output = b''
    while not output.endswith(b'> '):
        chunk = console.recv(4096)
        assert chunk, f'console closed after {output!r}'
        output += chunk
    return output.removesuffix(b'> ').decode(errors='replace')
