# SPDX-License-Identifier: Apache-2.0

"""The logs of all services during an outage of the broker and the database.

Starts an agent, a forwarder, a collector, the RRD plugin and the API. Stops
the broker, then the database, for ``--seconds`` each, and prints what each
service logs in the meantime, and its metrics of outages.
"""

import argparse
import collections.abc
import contextlib
import http.client
import sys
import tempfile
import threading
import urllib.error
import urllib.request

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

#: Text that each service logs when it is ready.
SERVICES = {
    'forwarder': 'Reading the bus',
    'collector': 'Reading the bus',
    'rrd': 'Reading the bus',
    'api': 'Serving',
    'agent': 'Reading wattmeter',
}
API_PORT = base.free_port()
URL = f'http://127.0.0.1:{API_PORT}/v1/probes/'
#: Interval in seconds between requests to the API.
REQUEST_INTERVAL_S = 10.0
#: Maximum time in seconds from the end of an outage to the last log line.
RECOVERY_S = 15.0


def main() -> int:
    """Run the benchmark and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--seconds', type=float, default=60.0, help='length of each outage'
    )
    seconds = parser.parse_args().seconds
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(rabbitmq.RabbitMQ())
        database = stack.enter_context(postgresql.PostgreSQL())
        site = Site(stack, broker, database)
        for name, server in (('broker', broker), ('database', database)):
            print(f'== {seconds:.0f} s without {name} ==')
            site.skip()
            server.kill()
            site.pause(seconds)
            server.start()
            site.pause(RECOVERY_S)
            site.show()
        site.show_metrics()
    return 0


class Site:
    """All services, and the position in their logs."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        broker: rabbitmq.RabbitMQ,
        database: postgresql.PostgreSQL,
    ) -> None:
        edge, center = broker.add_vhost(), broker.add_vhost()
        url = database.create_database()
        self._processes = {}
        self._ports = {}
        for name, ready in SERVICES.items():
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            self._ports[name] = base.free_port()
            configuration = commands.Configuration(
                directory,
                DEFAULT={'transport_url': edge if name == 'agent' else center},
                database={'connection': url},
                forwarder={'sources': edge},
                metrics={'port': self._ports[name]},
                rrd={'directory': f'{directory}/rrd'},
                api={'port': API_PORT},
                agent={'publish_interval': 1},
            )
            configuration.add_dummy('pdu1', 'node-1', 'node-2', interval=1)
            if name == 'forwarder':
                configuration.run('energy-meter-manage', 'db', 'sync')
            self._processes[name] = stack.enter_context(
                commands.Command(configuration, f'energy-meter-{name}', ready)
            )
        self._pausing = threading.Event()
        self._positions: collections.abc.Mapping[str, int] = {}

    def skip(self) -> None:
        """Skip what the services have logged so far."""
        self._positions = {
            name: len(process.output())
            for name, process in self._processes.items()
        }

    def pause(self, seconds: float) -> None:
        """Wait, and send requests to the API meanwhile."""
        for _ in range(round(seconds / REQUEST_INTERVAL_S)):
            self._pausing.wait(REQUEST_INTERVAL_S)
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(URL).close()

    def show(self) -> None:
        """Print what the services have logged since :meth:`skip`."""
        for name, process in self._processes.items():
            print(f'-- energy-meter-{name}')
            print(process.output()[self._positions[name] :], flush=True)

    def show_metrics(self) -> None:
        """Print the metrics of outages."""
        for name, port in self._ports.items():
            connection = http.client.HTTPConnection('127.0.0.1', port)
            try:
                connection.request('GET', '/metrics')
                text = connection.getresponse().read().decode()
            except OSError as error:
                print(f'energy-meter-{name}: {error}')
                continue
            for line in text.splitlines():
                if line.startswith('energy_meter_outage'):
                    print(line)


if __name__ == '__main__':
    sys.exit(main())
