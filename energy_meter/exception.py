# SPDX-License-Identifier: Apache-2.0

"""Errors that the project raises on purpose.

Their texts are written for the operator who reads the log. They name what is
wrong, where, and what is expected, and never contain a secret.
"""

import typing


class EnergyMeterError(Exception):
    """Base of all errors of this project.

    :param text: the text, instead of the class's ``template``.
    :param values: for the names in the template, if there is no text.
    """

    template = '%(reason)s'

    def __init__(self, text: str | None = None, **values: object) -> None:
        self.values = values
        super().__init__(self.template % values if text is None else text)


class ConfigurationError(EnergyMeterError):
    """A configuration file is invalid.

    :ivar affected: names of the sections that cannot be used.
    """

    template = '%(file)s: [%(section)s] %(option)s: %(reason)s'

    @property
    def affected(self) -> frozenset[str]:
        names = self.values.get('affected', frozenset())
        return typing.cast('frozenset[str]', names)


class ConfigurationUnreadable(EnergyMeterError):
    """A directory of configuration files cannot be read."""

    template = 'cannot read the configuration directory %(path)s: %(reason)s'


class StateLocked(EnergyMeterError):
    """Another process holds the lock of this state directory."""

    template = (
        '%(path)s is in use by another process; each agent needs its own '
        'state_path'
    )


class StateUnusable(EnergyMeterError):
    """The state directory cannot be used."""

    template = '%(path)s: %(reason)s'


class StateCorrupt(StateUnusable):
    """A file of the state directory has invalid content."""

    template = (
        '%(path)s: corrupt; move it away to start without it: %(reason)s'
    )


class NoWattmeters(EnergyMeterError):
    """The configuration contains no usable wattmeter."""

    template = (
        'no wattmeter can be read: there is no valid [wattmeter:<name>] '
        'section in %(files)s'
    )


class MissingSecrets(EnergyMeterError):
    """Messages can be neither signed nor verified."""

    template = (
        '[bus] secrets is empty; set at least one secret, the same '
        'for every agent, collector and plugin on this bus'
    )


class BusUnavailable(EnergyMeterError):
    """The broker did not answer, or not as expected."""

    template = '%(bus)s: %(reason)s'


class SchemaOutOfDate(EnergyMeterError):
    """The database is not at the revision of this release."""

    template = (
        'the database is at revision %(found)s, this release requires '
        '%(needed)s; run energy-meter-manage db sync'
    )


class SchemaTooNew(EnergyMeterError):
    """The database is at a revision that this release does not have."""

    template = (
        'the database is at revision %(found)s, which this release does not '
        'have: install the release that upgraded the database, or restore the '
        'backup taken before the upgrade'
    )


class DriverError(EnergyMeterError):
    """A wattmeter, or one of its probes, could not be read.

    Drivers raise this error and the ones below, which have the same base.
    Each takes a plain text, or the values of its template. The text names the
    device, option or field and what was expected, and contains no secret: the
    agent logs it and shows it to operators. It is cut, because parts of it may
    come from the device.

    :cvar max_length: maximum number of characters.
    """

    max_length = 1000

    def __init__(self, text: str | None = None, **values: object) -> None:
        super().__init__(text, **values)
        (message,) = self.args
        if len(message) > self.max_length:
            self.args = (f'{message[: self.max_length - 3]}...',)


class InvalidOption(DriverError):
    """An option of a wattmeter is invalid."""

    template = '%(option)s: %(reason)s'


class DuplicateProbe(DriverError):
    """Two wattmeters have the same probe."""

    template = (
        'probe %(probe)s already belongs to wattmeter %(other)s; '
        'use another pattern'
    )


class DeviceUnreachable(DriverError):
    """A device did not answer in time."""

    template = '%(device)s did not answer: %(reason)s'


class AuthenticationFailed(DriverError):
    """The wattmeter rejected the user, the password or the key."""

    template = '%(device)s refused the credentials of user %(user)s'


class ProtocolError(DriverError):
    """The response of a wattmeter is invalid."""

    template = '%(device)s: %(reason)s'


class RejectedMessage(EnergyMeterError):
    """A message from the bus failed verification.

    :ivar reason: one of :data:`energy_meter.bus.metrics.REJECTION_REASONS`.
    """

    template = '%(reason)s: %(detail)s'

    @property
    def reason(self) -> str:
        return str(self.values['reason'])

    @property
    def sender(self) -> str:
        """Name of the agent, if its own secret proves it; empty otherwise."""
        return str(self.values.get('sender', ''))


class RegisterNotFound(EnergyMeterError):
    """The database contains no such register."""

    template = 'register %(register)s of probe %(probe)s not found'


class RegisterNotUnique(EnergyMeterError):
    """A probe has several registers that match a name."""

    template = (
        'register %(register)s of probe %(probe)s is not unique; choose one '
        'of these: %(registers)s'
    )


class AgentNotUnique(EnergyMeterError):
    """The database contains several agents of one name."""

    template = (
        'agent %(agent)s is not unique; use the UUID of one of these: '
        '%(agents)s'
    )


class AgentNotFound(EnergyMeterError):
    """The database contains no such agent."""

    template = 'agent %(agent)s not found'


class AgentNotDisabled(EnergyMeterError):
    """An agent cannot be enabled because it is not disabled."""

    template = 'agent %(agent)s is not disabled'


class ProbeInUse(EnergyMeterError):
    """A probe cannot be deleted while it is metered."""

    template = (
        'probe %(probe)s was last seen %(seconds)d s ago; remove it '
        "from its agent's configuration first"
    )


class ProbeNotFound(EnergyMeterError):
    """The database contains no such probe."""

    template = 'probe %(probe)s not found'


class InstanceNotFound(EnergyMeterError):
    """The API knows no such instance, or it is another project's."""

    template = 'instance %(instance)s not found'


class HostNotFound(EnergyMeterError):
    """The instances of a host are not known in a period."""

    template = 'host %(host)s not found: its instances are not known'


class DayNotClosed(EnergyMeterError):
    """A UTC day of a probe was not closed by a date."""

    template = 'probe %(probe)s: the day %(day)s was not closed'


class AttributionMethodNotFound(EnergyMeterError):
    """No installed package has an attribution method of this name."""

    template = (
        'attribution method %(name)s not found; expected one of %(installed)s'
    )


class DayNotAttributed(EnergyMeterError):
    """The energy of a UTC day was not attributed by a date.

    Whose day it was is not part of the text: projects see it.
    """

    template = 'the day %(day)s was not closed'


class RRDError(EnergyMeterError):
    """rrdtool could not create, write, read or draw a file."""

    template = 'rrdtool: %(reason)s'


class ArchiveFull(EnergyMeterError):
    """The file system of RRD files or graphs has too little free space."""

    template = (
        '%(path)s has less than [rrd] min_free_mb free, so no new file was '
        'created'
    )


class CorruptFile(EnergyMeterError):
    """A file of the RRD archive is corrupt."""

    template = '%(path)s is corrupt: %(reason)s'


class ArchiveInUse(EnergyMeterError):
    """Another process writes to the RRD archive."""

    template = (
        '%(path)s is in use by another process; only one process may write '
        'to an archive'
    )


class ArchiveUnusable(EnergyMeterError):
    """The files of the RRD archive cannot be written."""

    template = '%(path)s: %(reason)s'


class RRDCachedUnavailable(EnergyMeterError):
    """rrdcached did not answer, or not as expected."""

    template = 'rrdcached at %(socket)s cannot be used: %(reason)s'


class PeriodNotFound(EnergyMeterError):
    """No graph has such a period."""

    template = 'period %(period)s not found; expected one of %(known)s'


class APIError(EnergyMeterError):
    """A request to the API failed."""

    template = '%(url)s: %(reason)s'


class APIUnavailable(APIError):
    """The API or Keystone is unreachable or did not answer in time."""


class APIRequestRejected(APIError):
    """The API rejected the request."""


class InvalidResponse(APIError):
    """The response is not one of this API."""

    template = '%(url)s returned an invalid response: %(reason)s'


class CloudLoginFailed(EnergyMeterError):
    """The credentials for OpenStack are missing or incomplete."""

    template = (
        'cannot log in to OpenStack: %(reason)s; set the OS_* variables '
        'of an administrator, or OS_CLOUD'
    )


class RegistrationFailed(EnergyMeterError):
    """The API could not be registered in Keystone."""

    template = 'registration in Keystone failed: %(reason)s'


class GnocchiFailed(EnergyMeterError):
    """Gnocchi could not be set up."""

    template = 'Gnocchi could not be set up: %(reason)s'


class GnocchiUnavailable(EnergyMeterError):
    """Gnocchi did not answer, or not as expected."""

    template = 'cannot use Gnocchi: %(reason)s'


class EnergyNotFinal(EnergyMeterError):
    """The energy of a probe can still change."""

    template = 'the energy of probe "%(probe)s" from %(start)s is not final'


class GnocchiRequestRejected(EnergyMeterError):
    """Gnocchi rejected a request for one probe."""

    template = '%(request)s: %(reason)s'
