# SPDX-License-Identifier: Apache-2.0

"""Read access to the archive, from any number of processes."""
