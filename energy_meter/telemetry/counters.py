# SPDX-License-Identifier: Apache-2.0

"""Prometheus counters of one service, all declared at startup."""

import collections.abc
import contextlib
import typing

import prometheus_client
from prometheus_client import samples

# All counters start with the process, and its start time is a metric already.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

#: Histogram buckets in seconds. A batch can take minutes: it is retried while
#: its destination is unreachable.
_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Definition(typing.NamedTuple):
    """Declaration of a counter.

    :ivar name: without the prefix ``energy_meter_`` and the suffix
        ``_total``.
    :ivar text: help text for Prometheus.
    :ivar label: name of its label, if it has one.
    :ivar values: all label values that are known at startup. Their series
        start at 0, so that ``increase()`` includes the first event.
    """

    name: str
    text: str
    label: str | None = None
    values: tuple[str, ...] = ()


class Counters:
    """Counters of one service.

    :param definitions: declarations of all its counters.
    :ivar registry: contains the counters for ``prometheus_client``.
    """

    def __init__(
        self, definitions: collections.abc.Iterable[Definition]
    ) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._batches = prometheus_client.Histogram(
            'energy_meter_batch_duration_seconds',
            'Time to deliver one batch to the bus, the database or the files',
            registry=self.registry,
            buckets=_BUCKETS_S,
        )
        self._counters: dict[str, prometheus_client.Counter] = {}
        for definition in definitions:
            self._declare(definition)

    def _declare(self, definition: Definition) -> None:
        labels = () if definition.label is None else (definition.label,)
        counter = prometheus_client.Counter(
            f'energy_meter_{definition.name}',
            definition.text,
            labels,
            registry=self.registry,
        )
        for value in definition.values:
            counter.labels(value)
        self._counters[definition.name] = counter

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Increase a counter.

        :raises KeyError: if no definition has this name.
        """
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(by)

    def batch_duration(self) -> contextlib.AbstractContextManager[typing.Any]:
        """Return a context that records the duration of a delivery.

        A failed delivery is recorded, too.
        """
        return self._batches.time()

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a counter; 0 if the series does not exist."""
        return (
            self.registry.get_sample_value(
                f'energy_meter_{name}_total', labels
            )
            or 0.0
        )

    def totals(self) -> dict[str, float]:
        """Return the values of all counters, by name and label value."""
        return {
            _title(sample): sample.value
            for counter in self._counters.values()
            for family in counter.collect()
            for sample in family.samples
            if sample.name.endswith('_total')
        }


def _title(sample: samples.Sample) -> str:
    name = sample.name.removeprefix('energy_meter_').removesuffix('_total')
    labels = ', '.join(sample.labels.values())
    return f'{name} ({labels})' if labels else name
