# SPDX-License-Identifier: Apache-2.0

"""Files that contain one secret."""

import pathlib

#: Maximum number of characters of a secret.
MAX_LENGTH = 4096


def read(path: pathlib.Path) -> str:
    """Return the first line of a file, without its line end.

    :raises ValueError: if it is not a secret; the text contains nothing of
        the file.
    """
    try:
        with path.open(encoding='utf-8') as stream:
            line = stream.readline(MAX_LENGTH + 1)
    except OSError as error:
        raise ValueError(f'cannot read {path}: {error.strerror}') from None
    except ValueError:
        # Its text contains bytes of the file, or the path has a null.
        raise ValueError(f'{str(path)!r} is not a text file') from None
    secret = line.rstrip('\r\n')
    if not secret:
        raise ValueError(f'the first line of {path} is empty')
    if len(secret) > MAX_LENGTH:
        raise ValueError(
            f'the first line of {path} has more than {MAX_LENGTH} characters'
        )
    return secret
