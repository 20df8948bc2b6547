# SPDX-License-Identifier: Apache-2.0

"""Conversion of measurements into points, and their storage in RRD files."""
