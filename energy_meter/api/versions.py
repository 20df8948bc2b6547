# SPDX-License-Identifier: Apache-2.0

"""Version discovery, in the format that keystoneauth reads."""

import pecan
from wsme import types
from wsmeext import pecan as wsme_pecan

#: Resources that can be listed.
RESOURCES = (
    'probe-ids',
    'probes',
    'energy',
    'instances',
    'projects',
    'hosts',
)


class Link(types.Base):
    """A link to a resource."""

    rel = types.wsattr(str, mandatory=True)
    href = types.wsattr(str, mandatory=True)


class Version(types.Base):
    """One version of the API."""

    id = types.wsattr(str, mandatory=True)
    status = types.wsattr(str, mandatory=True)
    links = types.wsattr([Link], mandatory=True)


class VersionList(types.Base):
    """Response body with all versions of the API."""

    versions = types.wsattr([Version], mandatory=True)


class VersionDetails(types.Base):
    """Response body with one version of the API."""

    version = types.wsattr(Version, mandatory=True)


class Versions:
    """Controllers of version discovery."""

    @wsme_pecan.wsexpose(VersionList, rest_content_types=('json',))
    def index(self) -> VersionList:
        """Return all versions."""
        return VersionList(versions=[_version()])

    @wsme_pecan.wsexpose(VersionDetails, rest_content_types=('json',))
    def show(self) -> VersionDetails:
        """Return version 1."""
        return VersionDetails(version=_version())


def _version() -> Version:
    href = f'{pecan.request.application_url}/v1/'
    return Version(
        id='v1.0',
        status='CURRENT',
        links=[
            Link(rel='self', href=href),
            *(Link(rel=name, href=f'{href}{name}/') for name in RESOURCES),
        ],
    )
