# SPDX-License-Identifier: Apache-2.0

"""Web pages of the archive: WSGI application, templates and static files."""
