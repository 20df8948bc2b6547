# SPDX-License-Identifier: Apache-2.0

"""Requests to the API, compared with Flask."""
