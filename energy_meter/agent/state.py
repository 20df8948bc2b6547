# SPDX-License-Identifier: Apache-2.0

"""State directory of an agent: its lock, identity and checkpoint."""

import collections.abc
import fcntl
import json
import os
import pathlib
import socket
import typing
import uuid

from energy_meter import exception

_LOCK = 'agent.lock'
_IDENTITY = 'agent.json'
_MACHINE_ID = pathlib.Path('/etc/machine-id')

T = typing.TypeVar('T')


class Identity(typing.NamedTuple):
    """Identity of an agent.

    :ivar uuid: UUID of the agent; stays the same as long as the state
        directory stays on this machine.
    :ivar incarnation: number that increases each time the agent opens
        registers.
    """

    uuid: str
    incarnation: int


class StateDirectory:
    """The ``state_path`` of one agent, locked against other processes.

    :raises StateLocked: if another process has locked it.
    :raises StateUnusable: if it cannot be created or written.
    """

    def __init__(self, path: str | pathlib.Path) -> None:
        self._path = pathlib.Path(path)
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock = open(  # noqa: SIM115 - it stays open
                self._path / _LOCK, 'ab', opener=_open_privately
            )
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise exception.StateLocked(path=self._path)
        except OSError as error:
            raise self._unusable(error)

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()

    def identify(self) -> Identity:
        """Return the identity of this agent in a new incarnation.

        A copy of the directory on another machine is a different agent, and
        gets a UUID of its own. To detect a copy, the machine ID and the host
        name are stored beside the UUID.

        :raises StateUnusable: if the identity cannot be read or written.
        """
        machine = [_machine_id(), socket.gethostname()]
        identity, stored_machine = self.read(_IDENTITY, _parse_identity) or (
            None,
            None,
        )
        if identity is None or stored_machine != machine:
            identity = Identity(str(uuid.uuid4()), 0)
        identity = identity._replace(incarnation=identity.incarnation + 1)
        self.write(_IDENTITY, {**identity._asdict(), 'machine': machine})
        return identity

    def read(
        self, name: str, parse: collections.abc.Callable[[typing.Any], T]
    ) -> T | None:
        """Return the content of a JSON file, or None if it does not exist.

        :param parse: converts the decoded JSON.
        :raises StateUnusable: if the file cannot be read or parsed.
        """
        try:
            return parse(json.loads((self._path / name).read_bytes()))
        except FileNotFoundError:
            return None
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
        ) as error:
            raise self._unusable(error, name)

    def write(self, name: str, content: object) -> None:
        """Replace a JSON file atomically.

        After a crash or a power failure, the file has either the old or the
        new content.

        :raises StateUnusable: if the file cannot be written.
        """
        new_path = self._path / f'{name}.new'
        try:
            with open(
                new_path, 'w', encoding='utf-8', opener=_open_privately
            ) as stream:
                json.dump(content, stream, separators=(',', ':'))
                stream.flush()
                os.fsync(stream.fileno())
            new_path.replace(self._path / name)
            self._sync_directory()
        except OSError as error:
            raise self._unusable(error, name)

    def _sync_directory(self) -> None:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _unusable(
        self, error: Exception, name: str = ''
    ) -> exception.StateUnusable:
        reason = (
            error.strerror
            if isinstance(error, OSError)
            else f'corrupt; move it away to start without it: {error}'
        )
        return exception.StateUnusable(path=self._path / name, reason=reason)


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


def _parse_identity(content: typing.Any) -> tuple[Identity, object]:
    return Identity(
        str(uuid.UUID(content['uuid'])), int(content['incarnation'])
    ), content['machine']


def _machine_id() -> str:
    try:
        return _MACHINE_ID.read_text('ascii').strip()
    except OSError:
        return ''
