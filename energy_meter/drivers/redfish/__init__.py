# SPDX-License-Identifier: Apache-2.0


"""Management controllers that speak Redfish."""
