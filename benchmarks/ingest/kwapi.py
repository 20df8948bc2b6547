# SPDX-License-Identifier: Apache-2.0

"""The path of Kwapi, re-created from its description with pyzmq.

A driver sends each measurement as a message of its own: a JSON object with
the HMAC of its sorted fields. A plugin subscribes, verifies each message and
keeps the power and the energy of each probe in a dictionary. What Kwapi has
besides, a forwarder between both, is left out.

Both processes read the number of measurements of a round from their standard
input. The subscriber prints how many of them it accepted.
"""

import argparse
import hashlib
import hmac
import json
import sys
import time
import typing

import zmq

_SECRET = b'a secret of the benchmarks'
_SIGNATURE = 'message_signature'
#: Limit of queued messages: none, so that none is dropped.
_UNLIMITED = 0


class Probe(typing.NamedTuple):
    """What the subscriber keeps of a probe."""

    timestamp: float
    watts: float
    joules: float


def sign(message: dict[str, typing.Any]) -> str:
    """Return the HMAC-SHA256 of a message without its signature."""
    fields = {
        name: value for name, value in message.items() if name != _SIGNATURE
    }
    text = json.dumps(fields, sort_keys=True)
    return hmac.new(_SECRET, text.encode(), hashlib.sha256).hexdigest()


def publish(port: int, probes: int) -> None:
    """Publish as many measurements as each line of the input demands."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.set_hwm(_UNLIMITED)
        socket.bind(f'tcp://127.0.0.1:{port}')
        # What is sent before the subscription is dropped.
        socket.recv()
        names = [f'probe-{number:05}' for number in range(probes)]
        for line in sys.stdin:
            for number in range(int(line)):
                _send(socket, names[number % probes])


def _send(socket: zmq.Socket[bytes], name: str) -> None:
    message = {
        'probe_id': name,
        'timestamp': time.time(),
        'w': 100.0,
        'v': 230.0,
        'a': 0.43,
    }
    message[_SIGNATURE] = sign(message)
    socket.send_multipart([name.encode(), json.dumps(message).encode()])


def subscribe(port: int) -> None:
    """Verify and keep as many measurements as each line demands."""
    known: dict[str, Probe] = {}
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.set_hwm(_UNLIMITED)
        socket.connect(f'tcp://127.0.0.1:{port}')
        socket.subscribe('')
        for line in sys.stdin:
            accepted = 0
            for _ in range(int(line)):
                _, content = socket.recv_multipart()
                accepted += _keep(known, json.loads(content))
            print(accepted, flush=True)


def _keep(known: dict[str, Probe], message: dict[str, typing.Any]) -> bool:
    """Add a message to its probe, and return whether it is valid."""
    if not hmac.compare_digest(sign(message), message[_SIGNATURE]):
        return False
    name, timestamp, watts = (
        message['probe_id'],
        message['timestamp'],
        message['w'],
    )
    previous = known.get(name, Probe(timestamp, watts, 0.0))
    joules = previous.joules + watts * (timestamp - previous.timestamp)
    known[name] = Probe(timestamp, watts, joules)
    return True


def main() -> None:
    """Run one of both processes."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('role', choices=('publish', 'subscribe'))
    parser.add_argument('port', type=int)
    parser.add_argument('--probes', type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.role == 'publish':
        publish(arguments.port, arguments.probes)
    else:
        subscribe(arguments.port)


if __name__ == '__main__':
    main()
