# SPDX-License-Identifier: Apache-2.0

"""CPU time to read PDUs over SNMP, against other programs."""
