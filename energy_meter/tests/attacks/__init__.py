# SPDX-License-Identifier: Apache-2.0

"""Attacks on the services, measured: memory, processor time and delays."""
