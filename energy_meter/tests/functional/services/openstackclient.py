# SPDX-License-Identifier: Apache-2.0

"""The program openstack, with the commands of energy_meter."""

import os
import subprocess

from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone


def run(
    identity: keystone.Keystone, user: keystone.Credentials, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }
    return subprocess.run(
        [commands.script('openstack'), *arguments],
        timeout=60,
        capture_output=True,
        text=True,
        env={
            **environment,
            **identity.environment(user),
            'OS_IDENTITY_API_VERSION': '3',
        },
    )
