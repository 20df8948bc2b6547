# SPDX-License-Identifier: Apache-2.0

"""Fixtures for nginx and uWSGI with the configurations in etc/."""

import os
import pathlib
import ssl
import sys

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import stack

#: Number of uWSGI processes in the shipped configuration.
_PROCESSES = 2

ETC = stack.CHECKOUT / 'etc'


def adapt(
    path: str, places: dict[str, object], directory: pathlib.Path
) -> pathlib.Path:
    """Copy a shipped file and replace its paths and addresses.

    :param path: path below etc/.
    :param places: replacements; each key must occur in the file.
    :param directory: directory for the copy.
    """
    text = (ETC / path).read_text(encoding='utf-8')
    for shipped, here in places.items():
        assert shipped in text, f'{path} has no {shipped}'
        text = text.replace(shipped, str(here))
    copy = directory / pathlib.Path(path).name
    copy.write_text(text, encoding='utf-8')
    return copy


class UWSGI(base.Process):
    """The API as energy-meter-api.service runs it."""

    def __init__(self, configuration: commands.Configuration) -> None:
        """Choose the port."""
        self.port = base.free_port()
        super().__init__(
            [commands.script('uwsgi')],
            ready=lambda: self.output().count('WSGI app 0') == _PROCESSES,
            env={
                'OS_ENERGY_METER_CONFIG_FILES': os.fspath(configuration.path)
            },
        )

    def prepare(self) -> None:
        self.argv += [
            '--ini',
            os.fspath(
                adapt(
                    'uwsgi/energy-meter-api.ini',
                    {
                        '/opt/energy_meter': sys.prefix,
                        '127.0.0.1:8878': f'127.0.0.1:{self.port}',
                        '/run/energy-meter-api': self.directory,
                    },
                    self.directory,
                )
            ),
        ]

    def reload(self) -> None:
        """Do what the unit's ExecReload does."""
        (self.directory / 'control').write_text('c')


class Nginx(base.Process):
    """TLS in front of the API and of the pages.

    :ivar tls: trusts its certificate, which is for 127.0.0.1.
    """

    _CONFIGURATION = """\
daemon off;
master_process off;
pid {directory}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/client_body;
    fastcgi_temp_path {directory}/fastcgi;
    proxy_temp_path {directory}/proxy;
    scgi_temp_path {directory}/scgi;
    uwsgi_temp_path {directory}/uwsgi;
    include {shipped};
}}
"""

    def __init__(self, api_port: int, pages_port: int) -> None:
        """Choose the port.

        :param api_port: of the API on 127.0.0.1.
        :param pages_port: of the pages on 127.0.0.1.
        """
        self.port = base.free_port()
        self._api_port = api_port
        self._pages_port = pages_port
        super().__init__(['nginx'], ready=lambda: base.listening(self.port))

    def prepare(self) -> None:
        authority = self.useFixture(http.Authority())
        certificate, key = authority.issue('127.0.0.1')
        self.tls = ssl.create_default_context(cafile=authority.file)
        shipped = adapt(
            'nginx/energy-meter.conf',
            {
                'listen 443': f'listen 127.0.0.1:{self.port}',
                '/etc/ssl/certs/energy.example.org.pem': certificate,
                '/etc/ssl/private/energy.example.org.key': key,
                '127.0.0.1:8878': f'127.0.0.1:{self._api_port}',
                '127.0.0.1:8879': f'127.0.0.1:{self._pages_port}',
            },
            self.directory,
        )
        configuration = self.directory / 'nginx.conf'
        configuration.write_text(
            self._CONFIGURATION.format(
                directory=self.directory, shipped=shipped
            )
        )
        self.argv += [
            '-e',
            'stderr',
            '-p',
            os.fspath(self.directory),
            '-c',
            os.fspath(configuration),
        ]
