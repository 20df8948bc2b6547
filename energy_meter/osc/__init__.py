# SPDX-License-Identifier: Apache-2.0

"""Plugin for python-openstackclient."""
