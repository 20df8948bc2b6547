# SPDX-License-Identifier: Apache-2.0

"""What an agent keeps on disk: who it is, and its journal."""

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
    """Who an agent is.

    :ivar uuid: the agent, for as long as its state lives on this machine.
    :ivar incarnation: how often it opened registers; later is larger.
    """

    uuid: str
    incarnation: int


class StateDirectory:
    """The ``state_path`` of one agent, which it alone may use.

    :raises StateInUse: when another process uses it.
    :raises StateUnusable: when it can't be written to.
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
            raise exception.StateInUse(path=self._path)
        except OSError as error:
            raise self._unusable(error)

    def close(self) -> None:
        """Let another process use it."""
        self._lock.close()

    def identify(self) -> Identity:
        """Tell who this agent is, in an incarnation that never was before.

        A copy of the directory on another machine is another agent: the
        machine's id and host name are kept beside the uuid.

        :raises StateUnusable: when it can't be read or written.
        """
        machine = [_machine_id(), socket.gethostname()]
        known, home = self.read(_IDENTITY, _parse_identity) or (None, None)
        if known is None or home != machine:
            known = Identity(str(uuid.uuid4()), 0)
        known = known._replace(incarnation=known.incarnation + 1)
        self.write(_IDENTITY, {**known._asdict(), 'machine': machine})
        return known

    def read(
        self, name: str, parse: collections.abc.Callable[[typing.Any], T]
    ) -> T | None:
        """Read a file; None if there is none.

        :param parse: makes sense of what is in it.
        :raises StateUnusable: when it can't be read or makes no sense.
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
        """Write a file so that it is whole whatever happens.

        :raises StateUnusable: when it can't be written.
        """
        fresh = self._path / f'{name}.new'
        try:
            with open(
                fresh, 'w', encoding='utf-8', opener=_open_privately
            ) as stream:
                json.dump(content, stream, separators=(',', ':'))
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self._path / name)
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
            else (
                f'damaged; move it away to let the agent begin anew: {error}'
            )
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
