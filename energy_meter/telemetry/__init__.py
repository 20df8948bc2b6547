# SPDX-License-Identifier: Apache-2.0

"""Metrics and diagnostic reports of the services."""
