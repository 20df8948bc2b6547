# SPDX-License-Identifier: Apache-2.0
"""Collector: merges measurements from the bus into the database."""
