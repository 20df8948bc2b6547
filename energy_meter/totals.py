# SPDX-License-Identifier: Apache-2.0

"""Selects the probes to sum, so that a total counts no energy twice.

A host often has several probes: its BMC, its outlets, its processors. They
measure the same energy, so a total includes only one scope of each host.
"""

import collections.abc
import typing

#: Seconds after which a scope without new measurements is replaced by another
#: scope of the same host that has newer ones.
STALE_AFTER_S = 3600.0


class Candidate(typing.NamedTuple):
    """A probe that can be part of a total.

    :ivar parts: IDs of the probes whose sum this probe shows; empty unless
        it is a sum probe.
    :ivar timestamp: time of its last measurement, in seconds since the
        epoch. Omit it if no candidate is stale.
    """

    id: str
    host: str
    scope: str
    parts: collections.abc.Collection[str] = ()
    timestamp: float = 0.0


def select(
    candidates: collections.abc.Collection[Candidate],
    scope_precedence: collections.abc.Sequence[str],
) -> set[str]:
    """Return the IDs of the probes to sum.

    For each host, these are its sum probes, or else the probes of its first
    scope that is not stale. Parts of a sum probe are never selected.

    :param scope_precedence: scopes in order of preference; other scopes come
        last.
    """
    ranks = {scope: rank for rank, scope in enumerate(scope_precedence)}
    parts = {part for candidate in candidates for part in candidate.parts}
    hosts: dict[str, dict[int, list[Candidate]]] = {}
    for candidate in candidates:
        if candidate.id not in parts:
            rank = (
                -1
                if candidate.parts
                else ranks.get(candidate.scope, len(ranks))
            )
            scopes = hosts.setdefault(candidate.host, {})
            scopes.setdefault(rank, []).append(candidate)
    return {
        candidate.id
        for scopes in hosts.values()
        for candidate in scopes[_preferred(scopes)]
    }


def _preferred(scopes: dict[int, list[Candidate]]) -> int:
    """Return the rank of the first scope that is not stale."""
    newest = {
        rank: max(candidate.timestamp for candidate in candidates)
        for rank, candidates in scopes.items()
    }
    limit = max(newest.values()) - STALE_AFTER_S
    return min(
        rank for rank, timestamp in newest.items() if timestamp >= limit
    )
