# SPDX-License-Identifier: Apache-2.0

"""Energy of probes from the API, and its bars."""
