# SPDX-License-Identifier: Apache-2.0

"""Power and energy of machines from their BMCs, over IPMI."""
