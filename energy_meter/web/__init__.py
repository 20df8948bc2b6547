# SPDX-License-Identifier: Apache-2.0

"""WSGI server and middleware that the API and the graph pages share."""
