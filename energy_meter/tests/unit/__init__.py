# SPDX-License-Identifier: Apache-2.0

import hypothesis

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile('energy_meter', deadline=None)
hypothesis.settings.load_profile('energy_meter')
