# SPDX-License-Identifier: Apache-2.0

"""Import of wattmeters from inventories, for energy-meter-import.

An inventory lists devices. The command writes a configuration section for
each, without contacting the device.
"""
