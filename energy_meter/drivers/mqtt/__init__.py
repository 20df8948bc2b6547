# SPDX-License-Identifier: Apache-2.0

"""Devices that publish their values over MQTT."""
