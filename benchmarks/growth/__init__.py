# SPDX-License-Identifier: Apache-2.0

"""Growth of the costs with the number of probes, and what sites need."""
