# SPDX-License-Identifier: Apache-2.0

"""Energy of real guests, compared with what they computed."""
