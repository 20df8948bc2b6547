# SPDX-License-Identifier: Apache-2.0

"""Completion of commands in bash, and in zsh with its bashcompinit."""

import argparse
import collections.abc
import re
import shlex
import typing

from oslo_config import cfg

_SCRIPT = """\
{function}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} path= words= word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$path $word" in
            {paths}) path="$path $word" ;;
        esac
    done
    case "$path ${{COMP_WORDS[COMP_CWORD-1]}}" in
        {values}
        *) case "$path" in
            {words}
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F {function} {prog}
"""
_ZSH = 'autoload -U +X bashcompinit && bashcompinit\n'
#: A pattern that no words match: the list of alternatives cannot be empty.
_NOTHING = "''"


class ConfigOpts(cfg.ConfigOpts):
    """Options with a ``--shell_completion`` that works.

    That of oslo.config requires templates, which its packages lack, and
    completes neither actions of areas nor their options.
    """

    def _print_shell_completion(self, shell: str) -> None:
        parser = self._oparser
        assert parser is not None, 'the caller has created it'
        for opt, group in self._all_cli_opts():
            opt._add_to_cli(parser, group)
        parser.initialize_parser_arguments()
        # The library checks choices itself, after parsing.
        for opt, _ in self._all_cli_opts():
            if choices := getattr(opt.type, 'choices', None):
                parser._option_string_actions[
                    f'--{opt.name}'
                ].choices = choices
        print(script(parser, shell), end='')


class _Print(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        values: typing.Any,
        _option: str | None = None,
    ) -> None:
        print(script(parser, values), end='')
        parser.exit()


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option of :class:`ConfigOpts` to a command without it."""
    parser.add_argument(
        '--shell_completion',
        action=_Print,
        choices=cfg.ConfigOpts.supported_shell_completion,
        help='print a completion script',
    )


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the completion script of a command.

    :param shell: ``bash`` or ``zsh``.
    """
    parsers = dict(_walk(parser, ''))
    return (_ZSH if shell == 'zsh' else '') + _SCRIPT.format(
        prog=parser.prog,
        function='_' + re.sub(r'\W', '_', parser.prog),
        paths=_alternatives(filter(None, parsers)),
        words='\n            '.join(
            f'{shlex.quote(path)}) words={shlex.quote(_words(each))} ;;'
            for path, each in parsers.items()
        ),
        values='\n        '.join(
            line
            for path, each in parsers.items()
            for line in _values(each, path)
        ),
    )


def _walk(
    parser: argparse.ArgumentParser, path: str
) -> collections.abc.Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield all parsers, by the words that select them, each after a space."""
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from _walk(child, f'{path} {name}')


def _words(parser: argparse.ArgumentParser) -> str:
    """Return what a parser accepts: its options and its commands."""
    words: list[str] = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        words += action.option_strings or map(str, action.choices or ())
    return ' '.join(words)


def _values(
    parser: argparse.ArgumentParser, path: str
) -> collections.abc.Iterator[str]:
    """Yield the values after each option that has one.

    Without choices, bash completes the name of a file.
    """
    for action in parser._actions:
        if action.option_strings and action.nargs != 0:
            options = _alternatives(
                f'{path} {option}' for option in action.option_strings
            )
            words = shlex.quote(' '.join(map(str, action.choices or ())))
            yield f'{options}) words={words} ;;'


def _alternatives(texts: collections.abc.Iterable[str]) -> str:
    return ' | '.join(map(shlex.quote, texts)) or _NOTHING
