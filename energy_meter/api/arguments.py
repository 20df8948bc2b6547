# SPDX-License-Identifier: Apache-2.0

"""Arguments of controllers, from the segments of the path."""

import collections.abc
import functools

import pecan
import webob
import wsme
from wsme import types
from wsme.rest import args as wsme_args

_MAX_ID_LENGTH = 190

_Method = collections.abc.Callable[..., webob.Response]


class ProbeId(types.UserType):
    """A probe id, validated by the rules of the collector."""

    basetype = str
    name = 'probe id'

    @staticmethod
    def validate(value: str) -> str:
        """Return the id.

        :raises ValueError: if it is too long or not printable.
        """
        if len(value) > _MAX_ID_LENGTH or not value.isprintable():
            raise ValueError(
                f'expected 1 to {_MAX_ID_LENGTH} printable characters'
            )
        return value

    frombasetype = validate


def expose(
    *argument_types: types.UserType,
) -> collections.abc.Callable[[_Method], _Method]:
    """Expose a method to Pecan, with arguments that WSME validates.

    The method returns the response itself, because WSME's serialization of
    large documents is too slow.
    """

    def decorate(method: _Method) -> _Method:
        wsme.signature(None, *argument_types)(method)
        definition = wsme.api.FunctionDefinition.get(method)

        @functools.wraps(method)
        def call(self: object, *segments: str) -> webob.Response:
            arguments, _ = wsme_args.args_from_args(definition, segments, {})
            return method(self, *arguments)

        exposed: _Method = pecan.expose(content_type='application/json')(call)
        return exposed

    return decorate
