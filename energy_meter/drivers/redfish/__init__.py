# SPDX-License-Identifier: Apache-2.0

"""Power and energy of chassis from management controllers, over Redfish."""
