# SPDX-License-Identifier: Apache-2.0

"""REST API of the probes, and their metrics for Prometheus."""
