# SPDX-License-Identifier: Apache-2.0

"""Whose word is believed, and of which probes.

Agents share the secrets of the bus, unless a section ``[agent:<name>]`` gives
one secrets of its own. Such an agent is believed under its own secrets only,
and only of the probes that are bound to it; of these nobody else is.
"""

import collections.abc
import logging
import re
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import patterns
from energy_meter.bus import transport as bus_transport
from energy_meter.conf import agent_secrets
from energy_meter.conf import sections
from energy_meter.conf import wattmeter

LOG = logging.getLogger(__name__)

#: More probes than this, and what is known of them is found out anew.
_MOST_KNOWN = 100_000

#: Is told of measurements that are left out.
Refuse = collections.abc.Callable[[exception.RejectedMessage], None]


class Agent(typing.NamedTuple):
    """An agent with secrets of its own.

    :ivar probes: patterns of those that are bound to it.
    """

    name: str
    secrets: collections.abc.Sequence[str]
    probes: collections.abc.Sequence[str]


class _Speaker:
    """What may be said under some secrets.

    :param pattern: of probes.
    :param inside: whether those that match may be spoken of, or all others.
    """

    def __init__(
        self,
        secrets: collections.abc.Iterable[str],
        pattern: re.Pattern[str],
        inside: bool,
    ) -> None:
        self.key_ids = frozenset(map(signing.key_id, secrets))
        self.cause = 'foreign-probe' if inside else 'bound-probe'
        self._pattern = pattern
        self._inside = inside
        self._known: set[str] = set()

    def foreign(self, probes: set[str]) -> set[str]:
        """Give the probes of which it may not speak."""
        strange = probes - self._known
        allowed = {
            probe
            for probe in strange
            if self._inside is (self._pattern.match(probe) is not None)
        }
        if len(self._known) + len(allowed) > _MOST_KNOWN:
            self._known.clear()
        self._known |= allowed
        return strange - allowed


class Trust:
    """Opens envelopes, and believes nobody more than is due.

    :param shared: the secrets of all agents without own ones.
    :param agents: those with own ones.
    :raises MissingSecrets: when there is no secret at all.
    """

    def __init__(
        self,
        shared: collections.abc.Sequence[str],
        agents: collections.abc.Sequence[Agent] = (),
    ) -> None:
        self._keyring = signing.Keyring(
            [
                *shared,
                *(secret for agent in agents for secret in agent.secrets),
            ]
        )
        self._anybody = _Speaker(
            shared,
            patterns.compile(
                pattern for agent in agents for pattern in agent.probes
            ),
            False,
        )
        self._agents = {
            agent.name: _Speaker(
                agent.secrets, patterns.compile(agent.probes), True
            )
            for agent in agents
        }

    def open(
        self, item: object, refuse: Refuse
    ) -> list[measurement.Measurement]:
        """Verify an envelope and give what is believed of its content.

        A probe of which the sender may not speak is left out; its neighbours
        stay. The sender could have sent it by itself, so to drop them would
        protect nothing, and an outlet that was forgotten in a pattern must
        not stop the billing of a whole PDU.

        :param refuse: told once of what was left out.
        :raises RejectedMessage: when the envelope is not to be believed.
        """
        fields = envelope.verify(self._keyring, item)
        if not self._agents:
            return envelope.read(fields)
        name = fields['agent_name']
        speaker = self._agents.get(name, self._anybody)
        if fields['key_id'] not in speaker.key_ids:
            raise self._wrong_secret(name, fields['key_id'])
        words = envelope.read(fields)
        foreign = speaker.foreign({word.probe.id for word in words})
        if not foreign:
            return words
        refuse(
            exception.RejectedMessage(
                cause=speaker.cause,
                reason=(
                    f'agent {name:.60} may not speak of probe {min(foreign):.60}'
                ),
            )
        )
        return [word for word in words if word.probe.id not in foreign]

    def _wrong_secret(self, name: str, key: str) -> exception.RejectedMessage:
        if key in self._anybody.key_ids:
            return exception.RejectedMessage(
                cause='shared-secret',
                reason=(
                    f'agent {name:.60} has secrets of its own, but the shared '
                    'one signed'
                ),
            )
        return exception.RejectedMessage(
            cause='wrong-agent',
            reason=(
                f"another agent's secret, key id {key}, signed as {name:.60}"
            ),
        )


def load(conf: cfg.ConfigOpts) -> Trust:
    """Read the secrets of the bus and those of single agents.

    :raises MissingSecrets: when there are none.
    :raises ConfigurationError: when they make no sense. Nothing is left out:
        an agent whose section went unread would be believed under the shared
        secret.
    """
    shared = bus_transport.secrets(conf)
    found, errors = sections.find(conf)
    for error in errors:
        if not str(error.values['section']).startswith(
            (wattmeter.PREFIX, wattmeter.PROBE_PREFIX)
        ):
            raise error
    agents = [
        _read(conf, section, shared)
        for section in found.values()
        if section.name.startswith(agent_secrets.PREFIX)
    ]
    trust = Trust(shared, agents)
    LOG.info(
        'The secrets of the bus have the key ids %s; agents with own '
        'secrets: %d',
        ', '.join(map(signing.key_id, shared)) or '-',
        len(agents),
    )
    return trust


def _read(
    conf: cfg.ConfigOpts,
    section: sections.Section,
    shared: collections.abc.Container[str],
) -> Agent:
    values = section.values(conf, agent_secrets.OPTS)
    if not envelope.is_id(section.subject):
        raise section.error(
            '(name)',
            'expected the name of an agent: 1 to 190 printable characters',
        )
    for name in ('secrets', 'probes'):
        values[name] = list(filter(None, values[name]))
        if not values[name]:
            raise section.error(name, 'expected at least one')
    if any(secret in shared for secret in values['secrets']):
        raise section.error(
            'secrets',
            'one of them is also one of [bus] '
            'secrets: it would be no secret of '
            'this agent alone',
        )
    return Agent(section.subject, values['secrets'], values['probes'])
