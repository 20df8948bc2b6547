# SPDX-License-Identifier: Apache-2.0

"""Simulated Redfish services: sushy-static, and one with logins and faults."""

import copy
import importlib.util
import json
import sys
import typing
import unittest

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import http

Resources = dict[str, dict[str, typing.Any]]

ROOT = '/redfish/v1'


def collection(*paths: str) -> dict[str, typing.Any]:
    """Return a collection with these members."""
    return {
        'Members@odata.count': len(paths),
        'Members': [{'@odata.id': path} for path in paths],
    }


def mockup(**chassis: Resources) -> Resources:
    """Return the resources of a service with these chassis.

    :param chassis: resources of each chassis by path below the chassis; the
        empty path is the chassis itself. ``->PATH`` is a link to a path
        below the chassis.
    """
    top = f'{ROOT}/Chassis'
    resources: Resources = {
        ROOT: {
            'Id': 'RootService',
            'Name': 'Root',
            'RedfishVersion': '1.15.0',
            'Chassis': {'@odata.id': top},
            'Links': {
                'Sessions': {'@odata.id': f'{ROOT}/SessionService/Sessions'}
            },
        },
        top: collection(*(f'{top}/{name}' for name in chassis)),
    }
    for name, parts in chassis.items():
        for path, body in parts.items():
            full_path = f'{top}/{name}{path}'
            resources[full_path] = {
                '@odata.id': full_path,
                'Id': path[1:] or name,
                **_linked(body, f'{top}/{name}'),
            }
    return resources


def with_equipment(
    resources: Resources, kind: str, **equipment: Resources
) -> Resources:
    """Return the resources of a service, with this power equipment as well.

    :param kind: name of the collection: ``RackPDUs``, ``PowerShelves`` ...
    :param equipment: resources of each, as for :func:`mockup`.
    """
    top = f'{ROOT}/PowerEquipment'
    path = f'{top}/{kind}'
    result = copy.deepcopy(resources)
    result[ROOT]['PowerEquipment'] = {'@odata.id': top}
    result.setdefault(top, {'Id': 'PowerEquipment'})[kind] = {
        '@odata.id': path
    }
    result[path] = collection(*(f'{path}/{name}' for name in equipment))
    for name, parts in equipment.items():
        for part, body in parts.items():
            full_path = f'{path}/{name}{part}'
            result[full_path] = {
                '@odata.id': full_path,
                'Id': full_path.rpartition('/')[2],
                **_linked(body, f'{path}/{name}'),
            }
    return result


def _linked(value: typing.Any, top: str) -> typing.Any:
    if isinstance(value, dict):
        return {key: _linked(child, top) for key, child in value.items()}
    if isinstance(value, list):
        return [_linked(element, top) for element in value]
    if isinstance(value, str) and value.startswith('->'):
        return {'@odata.id': top + value[2:]}
    return value


class StaticRedfish(base.Process):
    """sushy-static of sushy-tools, with a mockup that can be changed.

    It serves the contents of /redfish/v1 without authentication.
    """

    def __init__(self, resources: Resources) -> None:
        if importlib.util.find_spec('sushy_tools') is None:
            raise unittest.SkipTest('sushy-tools is not installed')
        self.port = base.free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self._resources = copy.deepcopy(resources)
        super().__init__(
            [
                sys.executable,
                '-m',
                'sushy_tools.static.main',
                '-i',
                '127.0.0.1',
                '-p',
                str(self.port),
            ],
            ready=lambda: base.listening(self.port),
        )

    def prepare(self) -> None:
        """Write the mockup."""
        for path in self._resources:
            self._write(path)
        self.argv += ['-m', str(self.directory / 'mockup')]

    def change(self, path: str, **properties: object) -> None:
        """Change properties of a resource below /redfish/v1."""
        self._resources[ROOT + path].update(properties)
        self._write(ROOT + path)

    def remove(self, path: str) -> None:
        """Remove a resource below /redfish/v1."""
        self._file(ROOT + path).unlink()

    def _write(self, path: str) -> None:
        file = self._file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix('.new')
        new.write_text(json.dumps(self._resources[path]))
        new.replace(file)

    def _file(self, path: str) -> typing.Any:
        below = path.removeprefix(ROOT).lstrip('/')
        return self.directory / 'mockup' / below / 'index.json'


class Controller(http.HTTPServer):
    """Management controller with HTTPS, logins and faults.

    :ivar sessions: tokens of open sessions.
    :ivar statuses: status to return instead of a resource, by path.
    :ivar password: the user's password; tests may change it.
    :ivar has_sessions: whether sessions are available, rather than only
        basic authentication.
    """

    def __init__(
        self,
        resources: Resources,
        certificate: tuple[str, str],
    ) -> None:
        super().__init__(self._respond, certificate)
        self.resources = resources
        self.sessions: set[str] = set()
        self.logins = 0
        self.statuses: dict[str, int] = {}
        self.user, self.password = 'meter', 's3cret'
        self.has_sessions = True

    def _respond(self, request: http.Request) -> http.Answer:
        path = request.path.rstrip('/')
        if path.startswith(f'{ROOT}/SessionService/Sessions'):
            return self._log_in_or_out(request, path)
        if path != ROOT and not self._is_authorized(request):
            return http.Answer(401, b'{}')
        if path in self.statuses:
            return http.Answer(self.statuses[path], b'{}')
        if path not in self.resources:
            return http.Answer(404, b'{}')
        return http.page(self.resources[path])

    def _is_authorized(self, request: http.Request) -> bool:
        if self.has_sessions and 'X-Auth-Token' in request.headers:
            return request.headers['X-Auth-Token'] in self.sessions
        decide = http.with_basic(self.user, self.password, http.Answer(200))
        return decide(request).status == 200

    def _log_in_or_out(self, request: http.Request, path: str) -> http.Answer:
        if not self.has_sessions:
            return http.Answer(404, b'{}')
        if request.method == 'DELETE':
            self.sessions.discard(path.rpartition('/')[2])
            return http.Answer(204)
        if json.loads(request.body) != {
            'UserName': self.user,
            'Password': self.password,
        }:
            return http.Answer(401, b'{}')
        self.logins += 1
        token = f'token-{self.logins}'
        self.sessions.add(token)
        return http.Answer(
            201,
            b'{}',
            {
                'X-Auth-Token': token,
                'Location': f'{ROOT}/SessionService/Sessions/{token}',
            },
        )
