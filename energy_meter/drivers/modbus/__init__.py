# SPDX-License-Identifier: Apache-2.0

"""Power and energy of electricity meters, over Modbus."""
