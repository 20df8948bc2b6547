# SPDX-License-Identifier: Apache-2.0

"""Result of merging a measurement."""

import enum


class Outcome(enum.StrEnum):
    """Result of merging a measurement into the history of its register.

    ``merged`` measurements are billed at once. Those that are ``contested``
    are billed, as far as no other register covers the same time, when their
    probe is settled. The others change nothing. Registers beyond a quota
    (:mod:`energy_meter.collector.quotas`) are as if they had not arrived. For
    ``mark_rate``, marks are counted instead of registers. Nor do registers of
    an ``other_quantity`` than that of their probe.
    """

    MERGED = 'merged'
    CONTESTED = 'contested'
    DUPLICATE = 'duplicate'
    EXPIRED = 'expired'
    VOID = 'void'
    AGENT_DISABLED = 'agent_disabled'
    SITE_QUOTA = 'site_quota'
    PROBE_QUOTA = 'probe_quota'
    REGISTER_QUOTA = 'register_quota'
    REGISTER_RATE = 'register_rate'
    MARK_RATE = 'mark_rate'
    OTHER_QUANTITY = 'other_quantity'
