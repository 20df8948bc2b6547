# SPDX-License-Identifier: Apache-2.0

"""Graphs of the archive, drawn by rrdtool and cached."""
