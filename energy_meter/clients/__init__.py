# SPDX-License-Identifier: Apache-2.0

"""Clients of the API and of other OpenStack services."""
