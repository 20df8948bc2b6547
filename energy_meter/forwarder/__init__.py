# SPDX-License-Identifier: Apache-2.0

"""The forwarder: carry envelopes from some buses to another."""
