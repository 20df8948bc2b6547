# SPDX-License-Identifier: Apache-2.0

"""State directory of an agent: its lock, identity and files."""

import collections.abc
import fcntl
import json
import os
import pathlib
import socket
import typing
import uuid

import orjson

from energy_meter import exception

_LOCK = 'agent.lock'
_IDENTITY = 'agent.json'
_MACHINE_ID = pathlib.Path('/etc/machine-id')

T = typing.TypeVar('T')


class StateDirectory:
    """The ``state_path`` of one agent, locked against other processes.

    :ivar path: its path.
    :raises StateLocked: if another process has locked it.
    :raises StateUnusable: if it cannot be created or written.
    """

    def __init__(self, path: str | pathlib.Path) -> None:
        self.path = pathlib.Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock = open(  # noqa: SIM115 - it stays open
                self.path / _LOCK, 'ab', opener=_open_privately
            )
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise exception.StateLocked(path=self.path)
        except OSError as error:
            raise self._unusable(error)

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()

    def identify(self, host: str | None = None) -> str:
        """Return the UUID of this agent.

        It stays the same as long as the directory stays on this machine. A
        copy of the directory on another machine is a different agent, and
        gets a UUID of its own. To detect a copy, the machine ID and the host
        name are stored beside the UUID.

        :param host: stands for the host name.
        :raises StateUnusable: if the identity cannot be read or written.
        """
        machine = [_machine_id(), host or socket.gethostname()]
        stored = self.read(_IDENTITY, _parse_identity)
        if stored is not None and stored[1] == machine:
            return stored[0]
        agent = str(uuid.uuid4())
        self.write(_IDENTITY, {'uuid': agent, 'machine': machine})
        return agent

    def read(
        self, name: str, parse: collections.abc.Callable[[typing.Any], T]
    ) -> T | None:
        """Return the content of a JSON file, or None if it does not exist.

        :param parse: converts the decoded JSON.
        :raises StateUnusable: if the file cannot be read or parsed.
        """
        try:
            return parse(json.loads((self.path / name).read_bytes()))
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
        new_path = self.path / f'{name}.new'
        try:
            with open(new_path, 'wb', opener=_open_privately) as stream:
                # The json module takes five times as long.
                stream.write(orjson.dumps(content, default=tuple))
                stream.flush()
                os.fsync(stream.fileno())
            new_path.replace(self.path / name)
            sync_directory(self.path)
        except OSError as error:
            raise self._unusable(error, name)

    def set_aside(self, name: str) -> str:
        """Rename a corrupt file, and return its new name.

        :raises StateUnusable: if that fails.
        """
        try:
            self.path.joinpath(name).replace(self.path / f'{name}.corrupt')
        except OSError as error:
            raise self._unusable(error, name)
        return f'{name}.corrupt'

    def _unusable(
        self, error: Exception, name: str = ''
    ) -> exception.StateUnusable:
        path = self.path / name
        if isinstance(error, OSError):
            return exception.StateUnusable(path=path, reason=error.strerror)
        return exception.StateCorrupt(path=path, reason=error)


def sync_directory(path: pathlib.Path) -> None:
    """Wait until new files of a directory are on the disk.

    :raises OSError: if that fails.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


def _parse_identity(content: typing.Any) -> tuple[str, object]:
    return str(uuid.UUID(content['uuid'])), content['machine']


def _machine_id() -> str:
    try:
        return _MACHINE_ID.read_text('ascii').strip()
    except OSError:
        return ''
