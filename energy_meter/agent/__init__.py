# SPDX-License-Identifier: Apache-2.0

"""The agent: reads wattmeters and publishes measurements."""
