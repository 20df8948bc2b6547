# SPDX-License-Identifier: Apache-2.0

"""What a service counts about itself."""

import contextlib
import threading
import typing

import prometheus_client

# When counting began is what the process's start time tells, too.
prometheus_client.disable_created_metrics()

_HELP = {
    'messages': ('Messages sent or received', ()),
    'measurements': ('Measurements sent or received', ()),
    'refused_readings': (
        'Readings that can not be true, or came late',
        ('reason',),
    ),
    'unbilled_readings': (
        'Readings that lack what the option energy asks for',
        ('reason',),
    ),
    'thinned': (
        'Measurements dropped from a full backlog, each with a newer '
        'one of the same register kept',
        (),
    ),
    'publish_failures': ('Messages that the bus did not take at once', ()),
    'reconnects': ('Connections to a broker that readers made anew', ()),
    'hangs': ('Drivers given up because they hung', ('wattmeter',)),
    'rejected': (
        'Envelopes, or probes in them, that were not believed',
        ('cause',),
    ),
    'implausible': ('Measurements of impossible energy or power', ()),
    'future': ('Measurements from the future, set back to now', ()),
    'outcomes': ('What became of the newest words of registers', ('outcome',)),
    'forwarded': ('Envelopes that the destination took', ()),
    'unselected': ('Envelopes without a probe that is to be forwarded', ()),
    'stopped': (
        'Messages that forwarders carried round or too far',
        ('reason',),
    ),
    'quarantined': ('Measurements that the database refused', ()),
    'points': ('Points written into RRD files', ()),
    'skipped': ('Measurements not written into RRD files', ('reason',)),
    'damaged_files': ('Files of the archive that were set aside', ()),
    'write_failures': ('Writings that had to be tried again', ()),
}


_FLUSH = (
    'energy_meter_flush_seconds',
    'Time that a batch took: to the bus, or into the database or files',
)
#: In seconds. A batch is held for as long as its destination is away.
_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Counters:
    """The counters of one service.

    :ivar registry: where ``prometheus_client`` finds them.
    """

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._flush = prometheus_client.Histogram(
            *_FLUSH, registry=self.registry, buckets=_BUCKETS
        )
        self._lock = threading.Lock()
        self._counters: dict[str, prometheus_client.Counter] = {}

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter.

        :raises KeyError: for a counter that isn't defined here.
        """
        with self._lock:
            counter = self._counters.get(name)
            if counter is None:
                text, label_names = _HELP[name]
                counter = self._counters[name] = prometheus_client.Counter(
                    f'energy_meter_{name}',
                    text,
                    label_names,
                    registry=self.registry,
                )
        (counter.labels(**labels) if labels else counter).inc(by)

    def flushing(self) -> contextlib.AbstractContextManager[typing.Any]:
        """Time the handing on of a batch, successful or not."""
        return self._flush.time()

    def value(self, name: str, **labels: str) -> float:
        """Give what a counter shows; zero if it never counted."""
        return (
            self.registry.get_sample_value(
                f'energy_meter_{name}_total', labels
            )
            or 0.0
        )

    def totals(self) -> dict[str, float]:
        """Give what all counters show, by their names with their labels."""
        return {
            _title(sample): sample.value
            for counter in list(self._counters.values())
            for family in counter.collect()
            for sample in family.samples
            if sample.name.endswith('_total')
        }


def _title(sample: prometheus_client.metrics_core.Sample) -> str:
    name = sample.name.removeprefix('energy_meter_').removesuffix('_total')
    labels = ', '.join(sample.labels.values())
    return f'{name} ({labels})' if labels else name
