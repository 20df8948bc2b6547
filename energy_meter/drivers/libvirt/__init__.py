# SPDX-License-Identifier: Apache-2.0

"""CPU time of the instances of a compute host, through libvirt."""
