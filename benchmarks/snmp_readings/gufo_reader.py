# SPDX-License-Identifier: Apache-2.0

"""Program that reads PDUs with gufo-snmp, in a process of its own.

Its argument is a JSON object with options. It prints the CPU time in seconds
and the values of both columns. Each column needs a request, and the uptime
another: a GETBULK request of gufo-snmp has one object.
"""

import json
import sys
import time
import typing

from gufo.snmp import Aes128Key
from gufo.snmp import Sha1Key
from gufo.snmp import User
from gufo.snmp.sync.client import SnmpSession


def main(options: dict[str, typing.Any]) -> None:
    """Read the PDUs in turn."""
    user = (
        User(
            options['user'],
            auth_key=Sha1Key(options['auth'].encode()),
            priv_key=Aes128Key(options['priv'].encode()),
        )
        if options['user']
        else None
    )
    sessions = [
        SnmpSession('127.0.0.1', port, options['community'], user=user)
        for port in options['ports']
    ]
    for session in sessions:
        session.refresh()
    began = time.process_time()
    for number in range(options['readings']):
        columns = read(sessions[number % len(sessions)], options)
    print(json.dumps([time.process_time() - began, columns]))


def read(
    session: typing.Any, options: dict[str, typing.Any]
) -> list[dict[str, int]]:
    """Return the columns of one PDU."""
    session.get(options['uptime'])
    columns = []
    for oid in options['columns']:
        rows = session.getbulk(oid, options['rows'])
        columns.append(
            dict(next(rows) for _ in range(options['rows'])),
        )
    return columns


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
