# SPDX-License-Identifier: Apache-2.0

"""CPU time of a measurement, compared with that of other programs."""
