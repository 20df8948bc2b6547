# SPDX-License-Identifier: Apache-2.0

"""OmegaWatt Multivoies."""
