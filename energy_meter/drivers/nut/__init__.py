# SPDX-License-Identifier: Apache-2.0

"""Uninterruptible power supplies of Network UPS Tools."""
