# SPDX-License-Identifier: Apache-2.0

"""Network UPS Tools: upsd, and a dummy-ups driver for each UPS."""

import collections.abc
import os
import pathlib
import pwd

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from energy_meter.tests.functional.services import base

#: User who may read, and user who may set variables.
USER, PASSWORD = 'meter', 's3cret pass"word'
ADMIN, ADMIN_PASSWORD = 'admin', 'adm1n'

#: Password of the database with upsd's certificate.
_DATABASE_PASSWORD = 'database'

Variables = collections.abc.Mapping[str, str]


class DummyUPS(base.Process):
    """Driver that reports the variables of a file.

    :param server: directory of upsd.
    :param name: name of the UPS.
    """

    def __init__(self, server: pathlib.Path, name: str) -> None:
        socket = server / f'dummy-ups-{name}'
        super().__init__(
            ['dummy-ups', '-F', '-u', _user(), '-a', name],
            ready=socket.exists,
            env=_environment(server),
        )


class Upsd(base.Process):
    """Server of some UPSes.

    :param upses: variables of each UPS; None for one without a driver.
    :param max_age: seconds after which the data of a driver is stale.
    :param certificate: files of a certificate and its key, for STARTTLS.
    :ivar drivers: driver of each UPS that has one.
    """

    def __init__(
        self,
        upses: collections.abc.Mapping[str, Variables | None],
        max_age: int = 15,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.port = base.free_port()
        self.drivers: dict[str, DummyUPS] = {}
        self._upses = dict(upses)
        self._max_age = max_age
        self._certificate = certificate
        super().__init__(
            ['upsd', '-F', '-u', _user()], ready=self._has_variables
        )

    def prepare(self) -> None:
        base.require('dummy-ups', 'upsc', 'upsrw')
        # The upsd in /usr/sbin is a script that does nothing unless
        # /etc/nut/nut.conf enables the server of this machine.
        driver = pathlib.Path(base.program('dummy-ups'))
        self.argv[0] = os.fspath(driver.with_name('upsd'))
        self.env |= _environment(self.directory)
        self._write_configuration()
        for name, variables in self._upses.items():
            if variables is not None:
                self.drivers[name] = self.useFixture(
                    DummyUPS(self.directory, name)
                )

    def set(self, ups: str, variable: str, value: str) -> None:
        """Set a variable, and wait until upsd has its new value."""
        base.run(
            [
                'upsrw',
                *('-s', f'{variable}={value}'),
                *('-u', ADMIN, '-p', ADMIN_PASSWORD),
                f'{ups}@127.0.0.1:{self.port}',
            ]
        )
        base.wait_for(
            lambda: self.get(ups, variable) == value,
            30,
            f'{variable} to change',
        )

    def get(self, ups: str, variable: str) -> str:
        """Return a variable, as upsc shows it."""
        name = f'{ups}@127.0.0.1:{self.port}'
        return base.run(['upsc', name, variable]).strip()

    def _write_configuration(self) -> None:
        sections = []
        for name, variables in self._upses.items():
            file = self.directory / f'{name}.dev'
            sections += [
                f'[{name}]',
                'driver = dummy-ups',
                'mode = dummy-once',
                f'port = {file}',
                f'desc = "Rack \\"7\\", {name}"',
            ]
            _write(
                file,
                (
                    f'{key}: {value}'
                    for key, value in (variables or {}).items()
                ),
            )
        _write(self.directory / 'ups.conf', ['pollinterval = 1', *sections])
        _write(
            self.directory / 'upsd.users',
            [
                f'[{USER}]',
                'password = "' + PASSWORD.replace('"', '\\"') + '"',
                'upsmon slave',
                f'[{ADMIN}]',
                f'password = {ADMIN_PASSWORD}',
                'actions = SET',
            ],
        )
        _write(
            self.directory / 'upsd.conf',
            [
                f'LISTEN 127.0.0.1 {self.port}',
                f'MAXAGE {self._max_age}',
                *self._tls(),
            ],
        )

    def _tls(self) -> list[str]:
        """Return the settings of STARTTLS; Debian's upsd uses NSS."""
        if self._certificate is None:
            return []
        certificate, key = (pathlib.Path(path) for path in self._certificate)
        password = self.directory / 'password'
        _write(password, [_DATABASE_PASSWORD])
        bundle = self.directory / 'upsd.p12'
        bundle.write_bytes(_bundle(certificate.read_bytes(), key.read_bytes()))
        database = self.directory / 'certificates'
        database.mkdir()
        base.run(['certutil', '-N', '-d', database, '-f', password])
        base.run(
            [
                'pk12util',
                *('-i', bundle, '-w', password),
                *('-d', database, '-k', password),
            ]
        )
        return [f'CERTPATH {database}', f'CERTIDENT upsd {_DATABASE_PASSWORD}']

    def _has_variables(self) -> bool:
        """Return whether upsd has the variables of all drivers."""
        for name in self.drivers:
            try:
                output = base.run(['upsc', f'{name}@127.0.0.1:{self.port}'])
            except AssertionError:
                return False
            for variable in self._upses[name] or ():
                if f'{variable}: ' not in output:
                    return False
        return True


def _user() -> str:
    """Return the name of this user; otherwise the programs change theirs."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _environment(directory: pathlib.Path) -> dict[str, str]:
    return dict.fromkeys(
        ('NUT_CONFPATH', 'NUT_STATEPATH', 'NUT_ALTPIDPATH'),
        os.fspath(directory),
    )


def _write(file: pathlib.Path, lines: collections.abc.Iterable[str]) -> None:
    """Write a file; upsd rejects files that others can read."""
    file.touch(0o600)
    file.write_text(''.join(f'{line}\n' for line in lines))


def _bundle(certificate: bytes, key: bytes) -> bytes:
    """Return a certificate and its key in the format PKCS #12."""
    return pkcs12.serialize_key_and_certificates(
        b'upsd',
        serialization.load_pem_private_key(key, None),  # type: ignore[arg-type]
        x509.load_pem_x509_certificate(certificate),
        None,
        serialization.BestAvailableEncryption(_DATABASE_PASSWORD.encode()),
    )
