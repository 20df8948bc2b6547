# SPDX-License-Identifier: Apache-2.0
"""Database: schema, connections and queries."""
