# SPDX-License-Identifier: Apache-2.0

"""Decides which agent may report which probes, and of which hosts.

Agents share the secrets of ``[bus] secrets``, unless a section
``[agent:<name>]`` gives an agent its own. Messages of such an agent are
accepted only under its own secrets, and only for the probes and the hosts that
the section reserves. Agents whose sections do not name these probes and hosts
cannot report them. No agent can report a probe that is configured as a sum.
"""

import collections.abc
import logging
import typing

from oslo_config import cfg

from energy_meter import attempt
from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import body
from energy_meter.bus import envelope
from energy_meter.bus import fields
from energy_meter.bus import principal
from energy_meter.bus import transport as bus_transport
from energy_meter.bus import turns
from energy_meter.conf import agent_secrets
from energy_meter.conf import section as conf_section
from energy_meter.conf import sections
from energy_meter.conf import unread
from energy_meter.conf import wattmeter

LOG = logging.getLogger(__name__)


class Agent(typing.NamedTuple):
    """An agent with its own secrets.

    :ivar probes: patterns of the probes that are reserved for it.
    :ivar hosts: patterns of the hosts that are reserved for it besides those
        that match ``probes``.
    """

    name: str
    secrets: collections.abc.Sequence[str]
    probes: collections.abc.Sequence[str]
    hosts: collections.abc.Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """Patterns of all names that are reserved for it.

        A probe is its own host, unless another one is configured. So the name
        of a host must not be the ID of a probe of another agent.
        """
        return [*self.probes, *self.hosts]


class Verifier:
    """Verifies envelopes and drops registers of unauthorized probes.

    :param shared: secrets of all agents that have none of their own.
    :param agents: agents with their own secrets.
    :param sums: IDs of the probes that are configured as sums of others.
    :raises MissingSecrets: if there is no secret at all.
    """

    def __init__(
        self,
        shared: collections.abc.Sequence[str],
        agents: collections.abc.Sequence[Agent] = (),
        sums: collections.abc.Set[str] = frozenset(),
    ) -> None:
        self._keyring = signing.Keyring(
            [
                *shared,
                *(secret for agent in agents for secret in agent.secrets),
            ]
        )
        self._sums = sums
        reserved = [pattern for agent in agents for pattern in agent.names]
        self._shared = principal.Principal(
            frozenset(map(signing.key_id, shared)),
            principal.Names(reserved, False, reason='reserved_probe'),
            principal.Names(reserved, False, reason='reserved_host'),
            has_section=False,
        )
        self._agents = {
            agent.name: principal.Principal(
                frozenset(map(signing.key_id, agent.secrets)),
                principal.Names(
                    agent.probes, True, reason='unauthorized_probe'
                ),
                principal.Names(agent.names, True, reason='unauthorized_host'),
                has_section=True,
            )
            for agent in agents
        }

    def verify(
        self, received: object, on_reject: principal.OnReject
    ) -> list[body.Register]:
        """Verify an envelope and return its authorized registers.

        Unauthorized probes are dropped, the others of the envelope are kept.
        Rejecting the whole envelope would protect nothing, because its sender
        could have sent the other probes separately. It would also stop the
        billing of a whole PDU when a pattern does not match one outlet.
        Unauthorized hosts are replaced by the IDs of their probes.

        :param on_reject: called at most once for each reason to drop registers
            or to replace hosts.
        :raises RejectedMessage: if the envelope as a whole is rejected.
        """
        verified, sender = self._authenticate(received)
        agent = verified['agent_name']
        registers = self._without_sums(
            agent, envelope.decode(verified), on_reject
        )
        if not self._agents:
            return registers
        return sender.restrict(agent, registers, on_reject)

    def sender(self, received: object) -> turns.Sender:
        """Return who sent an envelope, without decoding its body."""
        authenticated, _ = attempt.call(
            lambda: self._authenticate(received), exception.RejectedMessage
        )
        if authenticated is None:
            return turns.UNVERIFIED
        verified, sender = authenticated
        name = verified['agent_name']
        return turns.Sender(name if sender.has_section else '', name)

    def _authenticate(
        self, received: object
    ) -> tuple[envelope.Envelope, principal.Principal]:
        """Verify that an envelope is signed with a secret of its agent.

        :raises RejectedMessage: if it is not.
        """
        verified = envelope.verify(self._keyring, received)
        agent = verified['agent_name']
        sender = self._agents.get(agent, self._shared)
        if verified['key_id'] not in sender.key_ids:
            raise self._wrong_secret(agent, verified['key_id'])
        return verified, sender

    def _without_sums(
        self,
        agent: str,
        registers: list[body.Register],
        on_reject: principal.OnReject,
    ) -> list[body.Register]:
        """Return the registers of probes that are not configured as sums.

        The API shows the sum under this name, so their energy would be
        invisible, and clients that add up probes would miss it.
        """
        if not self._sums:
            return registers
        shadowed = self._sums & {register.probe.id for register in registers}
        if not shadowed:
            return registers
        on_reject(
            exception.RejectedMessage(
                reason='sum_probe',
                detail=(
                    f'probe {min(shadowed):.60} of agent {agent:.60} has the '
                    'name of a sum in a [probe:...] section; rename one'
                ),
            )
        )
        return principal.without(registers, shadowed)

    def _wrong_secret(
        self, name: str, key_id: str
    ) -> exception.RejectedMessage:
        if key_id in self._shared.key_ids:
            return exception.RejectedMessage(
                reason='shared_secret',
                detail=(
                    f'agent {name:.60} has its own secrets, but the message '
                    'is signed with the shared one'
                ),
            )
        return exception.RejectedMessage(
            reason='wrong_agent',
            detail=(
                f'message of agent {name:.60} is signed with the secret of '
                f'another agent, key id {key_id}'
            ),
        )


def load(conf: cfg.ConfigOpts) -> Verifier:
    """Load the shared secrets and those of single agents.

    An invalid ``[agent:<name>]`` section is an error, because without its
    section the agent would be accepted under the shared secret.

    :raises MissingSecrets: if there are none.
    :raises ConfigurationError: if a secret or a section is invalid.
    """
    shared = bus_transport.secrets(conf)
    valid, errors = sections.find(conf)
    for error in errors + unread.unknown_agents(conf):
        if not str(error.values['section']).startswith(
            (
                wattmeter.PREFIX,
                wattmeter.TEMPLATE_PREFIX,
                wattmeter.PROBE_PREFIX,
            )
        ):
            raise error
    agents = [
        _load_agent(conf, section, shared)
        for section in valid.values()
        if section.name.startswith(agent_secrets.PREFIX)
    ]
    verifier = Verifier(shared, agents, _sums(valid.values()))
    LOG.info(
        'Verifying with secrets that have the key ids %s; agents with their '
        'own secrets: %d',
        ', '.join(map(signing.key_id, shared)) or '-',
        len(agents),
    )
    return verifier


def _sums(
    configured: collections.abc.Iterable[conf_section.Section],
) -> frozenset[str]:
    """Return the IDs of all configured sums, even of those with errors.

    A probe that used the name meanwhile would be hidden by the corrected sum.
    """
    return frozenset(
        section.subject
        for section in configured
        if section.name.startswith(wattmeter.PROBE_PREFIX)
        and 'sum' in section.options
    )


def _load_agent(
    conf: cfg.ConfigOpts,
    section: conf_section.Section,
    shared: collections.abc.Container[str],
) -> Agent:
    values = section.values(conf, agent_secrets.OPTS)
    if not fields.is_id(section.subject):
        raise section.error(
            '(name)',
            'expected the name of an agent: 1 to 190 printable characters',
        )
    for name in ('secrets', 'probes', 'hosts'):
        values[name] = list(filter(None, values[name]))
        if not values[name] and name != 'hosts':
            raise section.error(name, 'expected at least one value')
    if any(secret in shared for secret in values['secrets']):
        raise section.error(
            'secrets',
            'one of them is also in [bus] secrets; expected secrets that '
            'only this agent has',
        )
    return Agent(section.subject, **values)
