# SPDX-License-Identifier: Apache-2.0

"""Option type for names that are sent in messages."""

from oslo_config import types


class Name(types.String):
    """Type of a name that is valid in messages.

    It has at most 190 characters, all printable.
    """

    def __init__(self) -> None:
        super().__init__(max_length=190, type_name='name')

    def __call__(self, value: object) -> str:
        text: str = super().__call__(value)
        if not text.isprintable():
            raise ValueError(f'{text!r} contains unprintable characters')
        return text
