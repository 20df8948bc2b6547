# SPDX-License-Identifier: Apache-2.0

"""NVIDIA GPUs of this machine, through the driver's library NVML.

Sources: NVIDIA's reference of NVML. nvmlDeviceGetTotalEnergyConsumption counts
mJ since the kernel driver was loaded (Volta and newer);
nvmlDeviceGetPowerUsage returns mW of the card with its memory. Both measure
whole GPUs only, not MIG instances.
"""

import collections.abc
import logging
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import sysfs

try:
    import pynvml
except ImportError:
    pynvml = None

LOG = logging.getLogger(__name__)

COUNTER = measurement.Counter(joules_per_tick=1e-3)

#: Prefix of the UUID of a MIG instance, a part of a GPU.
MIG = 'MIG-'


class GPU:
    """One GPU.

    NVML is asked for a handle again after each failure: a GPU that was reset
    has another one.

    :param name: its UUID, or its index as NVML counts.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._handle: object = None

    def channel(self) -> base.Channel:
        """Return its index and UUID; only its name if it does not answer."""
        try:
            return base.Channel(
                str(self._call(pynvml.nvmlDeviceGetIndex)),
                str(self._call(pynvml.nvmlDeviceGetUUID)),
            )
        except exception.DriverError:
            return base.Channel(self._name, self._name)

    def read(self, probe: str) -> measurement.Reading:
        """Read its energy counter and its power.

        :raises DriverError: if it has neither, or does not answer.
        """
        ticks = self._value(pynvml.nvmlDeviceGetTotalEnergyConsumption)
        monotonic = time.monotonic()
        milliwatts = self._value(pynvml.nvmlDeviceGetPowerUsage)
        if ticks is None and milliwatts is None:
            raise self._unsupported()
        return measurement.Reading(
            probe,
            None if milliwatts is None else milliwatts / 1000,
            ticks,
            None if ticks is None else COUNTER,
            monotonic=monotonic,
        )

    def _value(
        self, function: collections.abc.Callable[[object], int]
    ) -> int | None:
        """Return a value; None if this GPU or library does not have it."""
        value: int | None = self._call(
            function,
            pynvml.NVML_ERROR_NOT_SUPPORTED,
            pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
            pynvml.NVML_ERROR_NO_DATA,
        )
        return value

    def _unsupported(self) -> exception.DriverError:
        reason = 'NVML reports neither its energy nor its power'
        mode = self._call(
            pynvml.nvmlDeviceGetMigMode,
            pynvml.NVML_ERROR_NOT_SUPPORTED,
            pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        )
        if mode and mode[0]:
            reason += '; it is in MIG mode'
        return exception.DriverError(f'GPU {self._name}: {reason}')

    def _call(
        self,
        function: collections.abc.Callable[[object], typing.Any],
        *unavailable: int,
    ) -> typing.Any:
        """Call a function of NVML with the handle of this GPU.

        :param unavailable: errors for which to return None.
        """
        try:
            if self._handle is None:
                self._handle = self._find()
            return function(self._handle)
        except pynvml.NVMLError as e:
            if self._handle is not None and e.value in unavailable:
                return None
            self._handle = None
            raise exception.DeviceUnreachable(
                device=f'GPU {self._name}', reason=_text(e)
            )

    def _find(self) -> object:
        if self._name.isdecimal():
            return pynvml.nvmlDeviceGetHandleByIndex(int(self._name))
        return pynvml.nvmlDeviceGetHandleByUUID(self._name)


class NVML(base.Driver):
    """Reads the energy and the power of this machine's NVIDIA GPUs."""

    opts = (
        cfg.ListOpt(
            'gpus',
            default=[],
            help='GPUs to read, one for each probe: UUIDs as "nvidia-smi -L" '
            'prints them, or indexes. The default is all GPUs in the order '
            'of their indexes, which may change at a restart.',
        ),
    )
    scope = 'gpu'
    measures_this_machine = True

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._channels: list[base.Channel] = []
        self._gpus: dict[str, GPU] = {}
        self._probe_reader = base.ProbeReader(LOG)
        self._is_initialized = False

    def open(self) -> None:
        self._check_gpus()
        if pynvml is None:
            raise exception.DriverError(
                'the Python package nvidia-ml-py is missing: install '
                'energy_meter[nvml]'
            )
        try:
            pynvml.nvmlInit()
            self._is_initialized = True
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as e:
            raise exception.DeviceUnreachable(device='NVML', reason=_text(e))
        names = self.options.gpus or list(map(str, range(count)))
        self._channels = [GPU(name).channel() for name in names]
        # Indexes may change while the agent runs, UUIDs do not.
        gpus = {
            uuid: GPU(uuid)
            for uuid in (channel.name or '' for channel in self._channels)
        }
        self._gpus = sysfs.assign('NVML', gpus, self.probes)

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return self._channels

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._probe_reader.read(
            self._gpus, lambda probe, gpu: gpu.read(probe)
        )

    def close(self) -> None:
        if self._is_initialized:
            self._is_initialized = False
            pynvml.nvmlShutdown()

    def _check_gpus(self) -> None:
        for name in self.options.gpus:
            if name.startswith(MIG):
                raise exception.DriverError(
                    f'gpus: {name} is a MIG instance, whose power NVML does '
                    'not measure: expected the GPU that contains it'
                )
            if not name.isdecimal() and not name.startswith('GPU-'):
                raise exception.DriverError(
                    f'gpus: {name!r} is neither an index nor a UUID: '
                    'expected for example 0 or GPU-...'
                )


def _text(error: 'pynvml.NVMLError') -> str:
    """Return the text of an error of NVML, with what to do."""
    hint = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: 'libnvidia-ml.so.1 of the NVIDIA '
        'driver is not installed',
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: 'the kernel module nvidia is not '
        'loaded, or the agent may not open /dev/nvidiactl',
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: 'the NVIDIA driver was '
        'upgraded; restart the machine',
        pynvml.NVML_ERROR_GPU_IS_LOST: 'the GPU is lost: it fell off the bus',
        pynvml.NVML_ERROR_NOT_FOUND: 'this machine has no such GPU',
        pynvml.NVML_ERROR_INVALID_ARGUMENT: 'this machine has no such GPU',
        pynvml.NVML_ERROR_RESET_REQUIRED: 'the GPU must be reset',
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: 'libnvidia-ml.so.1 is too old',
    }.get(error.value)
    return hint or str(error)
