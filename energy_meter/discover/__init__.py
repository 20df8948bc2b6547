# SPDX-License-Identifier: Apache-2.0

"""Discovery of power meters on this machine and on the network.

Each module has a function ``discover``, which yields findings. A candidate
is tested before it is reported: the agent's code loads its configuration
section, and its driver reads it.
"""
