# SPDX-License-Identifier: Apache-2.0

"""CPU usage of hosts, for tests."""

from energy_meter import cpu_usage


def uuid(number: int) -> str:
    """Return the UUID of an instance."""
    return f'00000000-0000-4000-8000-{number:012}'


def instance(
    number: int, vcpus: int = 2, is_reserved: bool = True
) -> cpu_usage.Instance:
    """Return an instance of one of two projects."""
    return cpu_usage.Instance(
        uuid(number),
        f'vm-{number}',
        f'project-{number % 2}',
        f'team-{number % 2}',
        'user',
        vcpus,
        1024 * vcpus,
        is_reserved,
    )


def layout(*instances: int) -> cpu_usage.Layout:
    """Return the layout of a host with instances of these numbers."""
    return cpu_usage.Layout(
        8, 32_768, None, tuple(map(instance, sorted(instances)))
    )


def usage(*cpu: int) -> cpu_usage.Usage:
    """Return the usage of a host whose instances have these CPU times."""
    return cpu_usage.Usage(layout(*range(len(cpu))), cpu)
