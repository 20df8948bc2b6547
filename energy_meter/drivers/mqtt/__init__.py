# SPDX-License-Identifier: Apache-2.0


"""Devices that publish over MQTT."""
