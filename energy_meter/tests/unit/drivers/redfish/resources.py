# SPDX-License-Identifier: Apache-2.0

"""Redfish service without a network, for unit tests."""

import json

from energy_meter import exception
from energy_meter.drivers.redfish import service
from energy_meter.drivers.redfish import snapshot


class Service:
    """Redfish service with these resources."""

    name = 'https://bmc'

    def __init__(self, resources):
        self.resources = resources
        self.requests = []
        self.received = 0

    def root(self):
        return self.get('/')

    def get(self, path):
        self.requests.append(path)
        resource = self.resources.get(path)
        if resource is None:
            raise service.NoSuchResource(device='bmc', reason=path)
        if isinstance(resource, Exception):
            raise resource
        self.received += len(json.dumps(resource))
        return resource

    def error(self, reason):
        return exception.ProtocolError(device=self.name, reason=reason)


def serve(**resources):
    """Return a snapshot of a service with these resources by name."""
    return snapshot.Snapshot(
        Service({f'/{name}': resource for name, resource in resources.items()})
    )
