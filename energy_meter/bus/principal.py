# SPDX-License-Identifier: Apache-2.0

"""Holders of secrets, and the probes and hosts that they may report."""

import collections.abc
import typing

from energy_meter import exception
from energy_meter.bus import body
from energy_meter.bus import patterns

#: Number of names for which a principal caches the decision. Beyond it the
#: cache is cleared, so that a flood of invented names cannot fill memory.
MAX_CACHED_NAMES = 100_000

#: Called with the reason when some registers of an envelope are dropped, or
#: the hosts of some are replaced.
OnReject = collections.abc.Callable[[exception.RejectedMessage], None]

_Registers = list[body.Register]


class Names:
    """Names of probes or hosts that a principal may use.

    :param matching: patterns of names.
    :param allow_matching: whether it may use the names that match, or all
        others.
    :ivar reason: why a message with another name is rejected.
    """

    def __init__(
        self,
        matching: collections.abc.Iterable[str],
        allow_matching: bool,
        reason: str,
    ) -> None:
        self.reason = reason
        self._pattern = patterns.compile(matching)
        self._allow_matching = allow_matching
        self._authorized: set[str] = set()

    def unauthorized(self, names: set[str]) -> set[str]:
        """Return the names that the principal may not use."""
        uncached = names - self._authorized
        authorized = {
            name
            for name in uncached
            if self._allow_matching is (self._pattern.match(name) is not None)
        }
        if len(self._authorized) + len(authorized) > MAX_CACHED_NAMES:
            self._authorized.clear()
        self._authorized |= authorized
        return uncached - authorized


class Principal(typing.NamedTuple):
    """The holder of a set of secrets.

    Every probe that it may report has an ID that is also among its ``hosts``.

    :ivar key_ids: of its secrets.
    :ivar has_section: whether it is an agent with its own secrets.
    """

    key_ids: frozenset[str]
    probes: Names
    hosts: Names
    has_section: bool

    def restrict(
        self, agent: str, registers: _Registers, on_reject: OnReject
    ) -> _Registers:
        """Return the registers that the principal may report.

        A register of an unauthorized probe is dropped. That of a probe with
        an unauthorized host is kept, because its energy is not in doubt, but
        the probe becomes a host of its own. It would otherwise replace the
        probes of that host in totals.

        :param agent: name of the agent that sent the registers.
        :param on_reject: called at most once for probes and once for hosts.
        """
        probes = {register.probe.id for register in registers}
        unauthorized = self.probes.unauthorized(probes)
        if unauthorized:
            on_reject(self._unauthorized_probe(agent, min(unauthorized)))
            registers = without(registers, unauthorized)
        named = {register.probe.host for register in registers}
        foreign = self.hosts.unauthorized(named)
        if not foreign:
            return registers
        on_reject(
            self._unauthorized_host(
                agent,
                *min(
                    (register.probe.host, register.probe.id)
                    for register in registers
                    if register.probe.host in foreign
                ),
            )
        )
        return [
            register.as_own_host()
            if register.probe.host in foreign
            else register
            for register in registers
        ]

    def _unauthorized_probe(
        self, agent: str, probe: str
    ) -> exception.RejectedMessage:
        return exception.RejectedMessage(
            reason=self.probes.reason,
            sender=self._sender(agent),
            detail=(
                f'agent {agent:.60} is not authorized to report probe '
                f'{probe:.60}'
            ),
        )

    def _unauthorized_host(
        self, agent: str, host: str, probe: str
    ) -> exception.RejectedMessage:
        advice = (
            'add the host to hosts of its [agent:...] section'
            if self.has_section
            else 'an [agent:...] section reserves that host'
        )
        return exception.RejectedMessage(
            reason=self.hosts.reason,
            sender=self._sender(agent),
            detail=(
                f'probe {probe:.40} of agent {agent:.40} counts as its own '
                f'host, not as {host:.40}: {advice}'
            ),
        )

    def _sender(self, agent: str) -> str:
        """Return the name under which rejections are logged.

        All holders of the shared secret have one, because they choose names.
        """
        return agent if self.has_section else ''


def without(
    registers: _Registers, probes: collections.abc.Set[str]
) -> _Registers:
    """Return the registers of all other probes."""
    return [
        register for register in registers if register.probe.id not in probes
    ]
