# SPDX-License-Identifier: Apache-2.0

"""The message bus: publish, read and verify measurements."""
