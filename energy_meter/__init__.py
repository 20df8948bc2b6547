# SPDX-License-Identifier: Apache-2.0

"""Power and energy of any wattmeter, metered for OpenStack."""
