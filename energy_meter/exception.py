# SPDX-License-Identifier: Apache-2.0

"""Every error that the project raises on purpose.

Texts are written for the operator who reads the log: they name what was
wrong, where, and what was expected, and never hold a secret.
"""


class EnergyMeterError(Exception):
    """Base of all errors of this project.

    :param values: what the class's ``template`` names.
    """

    template = '%(reason)s'

    def __init__(self, **values: object) -> None:
        self.values = values
        super().__init__(self.template % values)


class ConfigurationError(EnergyMeterError):
    """A configuration file asks for something that can't be done."""

    template = '%(file)s: [%(section)s] %(option)s: %(reason)s'


class StateInUse(EnergyMeterError):
    """Another process holds the lock of this state directory."""

    template = (
        '%(path)s is in use by another process: one agent per state_path'
    )


class StateUnusable(EnergyMeterError):
    """The state directory can't be used."""

    template = '%(path)s: %(reason)s'


class NothingToMeter(EnergyMeterError):
    """No wattmeter of the configuration can be read."""

    template = (
        'no wattmeter can be read: the configuration has no '
        '[wattmeter:<name>] section that is free of errors'
    )


class MissingSecrets(EnergyMeterError):
    """Messages can be neither signed nor verified."""

    template = (
        '[bus] secrets is empty: set at least one secret, the same '
        'for every agent, collector and plugin on this bus'
    )


class BusUnavailable(EnergyMeterError):
    """The broker gave no answer that could be used."""

    template = '%(bus)s: %(reason)s'


class WrongRevision(EnergyMeterError):
    """The database is not at the revision that this release needs."""

    template = (
        'the database is at revision %(found)s, this release needs '
        '%(needed)s: run energy-meter-manage db sync'
    )


class DriverError(EnergyMeterError):
    """A wattmeter could not be read."""


class ProbeTaken(DriverError):
    """Two wattmeters would have the same probe."""

    template = (
        'probe %(probe)s is a probe of wattmeter %(other)s already: '
        'use another pattern'
    )


class DeviceUnreachable(DriverError):
    """No answer, or none in time."""

    template = '%(device)s did not answer: %(reason)s'


class AuthenticationFailed(DriverError):
    """The wattmeter refused the user, the password or the key."""

    template = '%(device)s refused the credentials of user %(user)s'


class ProtocolError(DriverError):
    """The wattmeter answered something that makes no sense."""

    template = '%(device)s: %(reason)s'


class RejectedMessage(EnergyMeterError):
    """A message from the bus is not believed.

    ``cause`` is one of a few fixed words, which the counters use as labels.
    """

    template = '%(cause)s: %(reason)s'

    @property
    def cause(self) -> str:
        return str(self.values['cause'])


class UnknownRegister(EnergyMeterError):
    """No such register in the database."""

    template = 'no register %(register)s of probe %(probe)s'


class UnknownAgent(EnergyMeterError):
    """No such agent in the database."""

    template = 'no agent %(agent)s'


class NotExcluded(EnergyMeterError):
    """An agent that is not excluded needs no readmission."""

    template = 'agent %(agent)s is not excluded'


class ProbeInUse(EnergyMeterError):
    """A probe can't be forgotten while it is metered."""

    template = (
        'probe %(probe)s was heard of %(seconds)d s ago: remove it '
        "from its agent's configuration first"
    )


class UnknownProbe(EnergyMeterError):
    """No such probe in the database."""

    template = 'no probe %(probe)s'


class RRDError(EnergyMeterError):
    """An RRD file could not be made, written, read or drawn."""

    template = 'rrdtool: %(reason)s'


class DamagedFile(EnergyMeterError):
    """A file of the archive makes no sense."""

    template = '%(path)s is damaged: %(reason)s'


class ArchiveInUse(EnergyMeterError):
    """Another process writes the archive."""

    template = (
        '%(path)s is in use by another process: only one may write an archive'
    )


class ArchiveUnusable(EnergyMeterError):
    """The files of the archive can't be written now."""

    template = '%(path)s: %(reason)s'


class DaemonUnavailable(EnergyMeterError):
    """rrdcached is away, slow or confused."""

    template = 'rrdcached at %(socket)s can not be used: %(reason)s'


class UnknownPeriod(EnergyMeterError):
    """No graph shows such a period."""

    template = 'no period %(period)s: expected one of %(known)s'


class APIError(EnergyMeterError):
    """The API gave no answer that could be used."""

    template = '%(url)s: %(reason)s'


class APIUnavailable(APIError):
    """The API, or Keystone before it, is down or slow."""


class APIRefused(APIError):
    """The API answered that it won't serve this request."""


class InvalidAnswer(APIError):
    """What answered does not talk as the API does."""

    template = '%(url)s gave an answer that makes no sense: %(reason)s'


class LoginFailed(EnergyMeterError):
    """Nobody said, or not fully, as whom to log in to OpenStack."""

    template = (
        'no login to OpenStack: %(reason)s; set the OS_* variables '
        'of an administrator, or OS_CLOUD'
    )


class RegistrationFailed(EnergyMeterError):
    """Keystone could not be told of the API."""

    template = 'registration in Keystone failed: %(reason)s'


class GnocchiFailed(EnergyMeterError):
    """Gnocchi could not be set up."""

    template = 'Gnocchi could not be set up: %(reason)s'
