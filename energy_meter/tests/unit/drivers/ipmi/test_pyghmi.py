# SPDX-License-Identifier: Apache-2.0

"""Test of what the driver uses of pyghmi's private modules.

They may change in any release. The driver overrides some of their methods: a
renamed one would not fail, but restore pyghmi's own behavior, for example
waiting without a timeout.
"""

from importlib import metadata
import inspect

from oslotest import base
from pyghmi import exceptions as pyghmi_exceptions
from pyghmi.ipmi import sdr
from pyghmi.ipmi.private import constants
from pyghmi.ipmi.private import simplesession

from energy_meter.drivers.ipmi import sensors
from energy_meter.drivers.ipmi import session as ipmi_session

#: Parameters of the methods that the driver calls or overrides, by class.
METHODS = {
    simplesession.Session: {
        '__init__': 'self bmc userid password port kg onlogon privlevel '
        'keepalive',
        'logout': 'self sessionok',
        'raw_command': 'self netfn command bridge_request data retry '
        'delay_xmit timeout callback rslun',
        'awaitresponse': 'self retry',
        'wait_for_rsp': 'self timeout callout',
        'send_payload': 'self payload payload_type retry delay_xmit '
        'needskeepalive timeout',
        '_get_session_challenge': 'self',
        '_handle_ipmi_packet': 'self data sockaddr qent',
    },
    sdr.SDR: {
        '__init__': 'self ipmicmd cachedir',
        'get_sdr': 'self',
        'add_sdr': 'self sdrbytes',
        'make_sdr_entry': 'self sdrbytes',
        'get_sensor_numbers': 'self',
    },
    sdr.SDREntry: {
        '__init__': 'self entrybytes event_consts reportunsupported mfg_id '
        'prod_id',
        'tlv_decode': 'self tlv data',
        'decode_sensor_reading': 'self ipmicmd reading',
    },
}

#: Attributes that the classes assign and the driver uses.
ATTRIBUTES = {
    simplesession.Session: 'socket logged incommand lastresponse lastpayload '
    'sessioncontext hasretried',
    sdr.SDR: 'sensors device_id mfg_id prod_id',
    sdr.SDREntry: 'sensor_owner sensor_number sensor_lun unit_suffix '
    'numeric_format',
}


class PyghmiTest(base.BaseTestCase):
    def expect(self, used: object, condition: object) -> None:
        if not condition:
            self.fail(
                f'pyghmi {metadata.version("pyghmi")} changed {used}, which '
                'energy_meter/drivers/ipmi uses. Adapt the driver, or exclude '
                'this version in requirements.txt'
            )

    def test_methods_have_expected_parameters(self):
        for owner, methods in METHODS.items():
            for name, expected in methods.items():
                used = f'{owner.__module__}.{owner.__name__}.{name}'
                method = getattr(owner, name, None)
                self.expect(used, inspect.isfunction(method))
                parameters = ' '.join(inspect.signature(method).parameters)
                self.expect(
                    f'{used}: {parameters!r} instead of {expected!r}',
                    parameters == expected,
                )

    def test_classes_assign_expected_attributes(self):
        for owner, names in ATTRIBUTES.items():
            source = inspect.getsource(owner)
            for name in names.split():
                self.expect(
                    f'{owner.__module__}.{owner.__name__}.{name}',
                    f'self.{name} = ' in source,
                )

    def test_overridden_methods_are_called(self):
        for owner, calls in {
            simplesession.Session: 'awaitresponse( wait_for_rsp( '
            '_get_session_challenge( send_payload( _handle_ipmi_packet(',
            sdr.SDR: 'get_sdr( add_sdr( make_sdr_entry( raw_command( '
            'xraw_command(',
            sdr.SDREntry: 'tlv_decode(',
        }.items():
            source = inspect.getsource(owner)
            for call in calls.split():
                self.expect(
                    f'the calls of {owner.__module__}.{owner.__name__}.{call}',
                    f'.{call}' in source,
                )

    def test_tables_are_available(self):
        self.expect(
            'simplesession.Session.keepalive_sessions',
            isinstance(simplesession.Session.keepalive_sessions, dict),
        )
        self.expect('sdr.shared_sdrs', isinstance(sdr.shared_sdrs, dict))
        for status in (0x09, 0x0A, 0x0C, 0x0D, 0x0F):
            self.expect(
                f'constants.rmcp_codes[{status:#04x}]',
                isinstance(constants.rmcp_codes.get(status), str),
            )

    def test_login_errors_are_recognized(self):
        source = inspect.getsource(simplesession)
        for message in (
            'Incorrect password',
            'Invalid RAKP4 integrity code',
            'requesting privelege',
        ):
            self.expect(f'the message {message!r}', message in source)

    def test_session_states_are_known(self):
        source = inspect.getsource(simplesession.Session)
        self.expect(
            "the session state 'ESTABLISHED'",
            "self.sessioncontext = 'ESTABLISHED'" in source,
        )

    def test_errors_have_one_base(self):
        for name in ('IpmiException', 'BmcErrorException'):
            error = getattr(pyghmi_exceptions, name, Exception)
            self.expect(
                f'exceptions.{name}',
                issubclass(error, pyghmi_exceptions.PyghmiException),
            )

    def test_driver_overrides_nothing_else(self):
        # Given the classes of the driver that inherit from pyghmi
        for own in (
            ipmi_session._Link,
            sensors._Repository,
            sensors._Entry,
        ):
            inherited = own.__mro__[1]
            overridden = {
                name
                for name, value in vars(own).items()
                if inspect.isfunction(value) and hasattr(inherited, name)
            }

            # then METHODS lists all methods that they override
            self.assertLessEqual(
                overridden - {'close'}, set(METHODS[inherited])
            )
