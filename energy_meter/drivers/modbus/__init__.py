# SPDX-License-Identifier: Apache-2.0


"""Meters that speak Modbus."""
