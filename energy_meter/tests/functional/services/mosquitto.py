# SPDX-License-Identifier: Apache-2.0

"""Private mosquitto broker, and its clients."""

from energy_meter.tests.functional.services import base


class Mosquitto(base.Process):
    """Mosquitto broker.

    :param passwords: passwords of its users, by name. If empty, anonymous
        access is allowed.
    :param certificate: files of a certificate and its key, for TLS.
    """

    def __init__(
        self,
        passwords: dict[str, str] | None = None,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.port = base.free_port()
        self._passwords = passwords or {}
        self._certificate = certificate
        super().__init__(
            ['mosquitto'], ready=lambda: base.listening(self.port)
        )

    def prepare(self) -> None:
        """Write the configuration."""
        lines = [
            f'listener {self.port} 127.0.0.1',
            'user root',
            'persistence false',
            'log_type all',
        ]
        if self._certificate is not None:
            certificate, key = self._certificate
            lines += [f'certfile {certificate}', f'keyfile {key}']
        if self._passwords:
            file = self.directory / 'passwords'
            file.touch(0o600)
            for user, password in self._passwords.items():
                base.run(['mosquitto_passwd', '-b', file, user, password])
            lines.append(f'password_file {file}')
        else:
            lines.append('allow_anonymous true')
        configuration = self.directory / 'mosquitto.conf'
        configuration.write_text('\n'.join(lines) + '\n')
        self.argv += ['-c', str(configuration)]

    def publish(self, topic: str, payload: str, *options: str) -> None:
        """Publish a message with mosquitto_pub, and wait until it is done."""
        base.run(
            [
                'mosquitto_pub',
                '-h',
                '127.0.0.1',
                '-p',
                str(self.port),
                '-q',
                '1',
                '-t',
                topic,
                '-m',
                payload,
                *options,
            ]
        )


class Device(base.Process):
    """Connected device that has a last will."""

    def __init__(self, broker: Mosquitto, topic: str, will: str) -> None:
        super().__init__(
            [
                'mosquitto_sub',
                '-h',
                '127.0.0.1',
                '-p',
                str(broker.port),
                '-t',
                f'{topic}/command',
                '--will-topic',
                topic,
                '--will-payload',
                will,
                '--will-retain',
            ],
            ready=lambda: f'{topic}/command' in broker.output(),
        )
