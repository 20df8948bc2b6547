# SPDX-License-Identifier: Apache-2.0

"""Names that travel in messages."""

from oslo_config import types


class Name(types.String):
    """Reads a name that every reader of the bus accepts."""

    def __init__(self) -> None:
        super().__init__(max_length=190, type_name='name')

    def __call__(self, value: object) -> str:
        text: str = super().__call__(value)
        if not text.isprintable():
            raise ValueError(f'{text!r} has characters that are not printable')
        return text
