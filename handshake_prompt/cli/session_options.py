"""Options that name the session of a command: a prompt from a file, standard input or the environment, or its parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import click

from handshake_prompt.texts.pickup_codes import find_address
from handshake_prompt.texts.prompt import MAX_PROMPT_CHARS, ParsedPrompt, PromptError, is_prompt, parse_prompt
from handshake_prompt.texts.secret import Secret

from .exit_codes import Exit, fail, problem
from .text_files import read_text

IS_PICKUP = "This is no prompt yet but the address of a one-time code"
PICK_UP = "Exchange it, once, and keep the prompt: handshake-prompt pickup ADDRESS --out prompt.txt"

PROMPT_VARIABLE = "HANDSHAKE_PROMPT"
MAX_PROMPT_BYTES = 4 * (MAX_PROMPT_CHARS + 1)
"""More than any usable prompt has."""

Option = Callable[[Callable[..., None]], Callable[..., None]]

PROMPT_OPTION = click.option(
    "--prompt",
    metavar="FILE",
    type=click.Path(),
    help=f"File with the handshake prompt, - for standard input. Without it: the text in {PROMPT_VARIABLE}.",
)
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
CLIENT_OPTIONS = (
    click.option(
        "--name", metavar="TEXT", envvar="HANDSHAKE_AGENT_NAME", show_envvar=True, help="Your name, shown on the page."
    ),
    click.option("--allow-http", is_flag=True, help="Send the token to http:// hosts other than this machine."),
    click.option(
        "--timeout",
        default=15.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Time limit, repetitions included.",
    ),
    JSON_OPTION,
)
CLIENT_NAMES = ("name", "allow_http", "timeout", "as_json")
SESSION_OPTIONS = (
    PROMPT_OPTION,
    click.option("--sid", metavar="ID", help="Session id, with --token and --base in place of a prompt."),
    click.option(
        "--token", metavar="TOKEN", type=Secret, help="Token. Other users of this machine can see it: prefer a prompt."
    ),
    click.option("--base", metavar="URL", help="The prompt's baseUrl."),
    click.option("--prefix", default="/handshake", show_default=True, help="The prompt's prefix, with --sid."),
    *CLIENT_OPTIONS,
)


@dataclass(frozen=True)
class SessionOptions:
    """Options of a command that works on a session. The token stays out of the repr."""

    prompt: str | None = field(default=None, repr=False)
    sid: str | None = None
    token: str | None = field(default=None, repr=False)
    base: str | None = None
    prefix: str = "/handshake"
    name: str | None = None
    allow_http: bool = False
    timeout: float = 15.0
    as_json: bool = False

    def credentials(self) -> ParsedPrompt:
        """Return the session's credentials, from the prompt or from its parts.

        Raises:
            click.UsageError: there is neither, only some of the parts, or both.
            SystemExit: the prompt is none.
        """
        parts = {"--sid": self.sid, "--token": self.token, "--base": self.base}
        absent = [name for name, value in parts.items() if not value]
        if self.sid and self.token and self.base and self.prompt is None:
            return ParsedPrompt(self.sid, self.token, self.base, self.prefix)
        if len(absent) < len(parts):
            also = "--prompt as well: give one of the two" if self.prompt is not None else f"no {', '.join(absent)}"
            raise click.UsageError(f"--sid, --token and --base belong together, and there is {also}.")
        text = prompt_text(self.prompt)
        if text is None:
            raise click.UsageError(
                f"Which session? Pipe its prompt in with --prompt -, name a file with --prompt FILE, "
                f"or put the text into {PROMPT_VARIABLE}."
            )
        return parsed(text, as_json=self.as_json)

    def in_parts(self) -> SessionOptions:
        """Return the same with the prompt's parts in its place: standard input is read once.

        Raises:
            click.UsageError, SystemExit: see `credentials`.
        """
        found = self.credentials()
        return replace(
            self, prompt=None, sid=found.session_id, token=found.token, base=found.base_url, prefix=found.prefix
        )


def takes_session(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a session; the command gets them as one `SessionOptions`."""
    return _taking(command, SESSION_OPTIONS, tuple(SessionOptions.__dataclass_fields__))


def takes_client(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a client that has no session yet; the command gets them in the same way."""
    return _taking(command, CLIENT_OPTIONS, CLIENT_NAMES)


def _taking(command: Callable[..., None], added: Sequence[Option], names: Sequence[str]) -> Callable[..., None]:
    @wraps(command)
    def wrapper(**options: Any) -> None:
        command(SessionOptions(**{name: options.pop(name) for name in names}), **options)

    taking: Callable[..., None] = wrapper
    for option in reversed(added):
        taking = option(taking)
    return taking


def parsed(text: str, *, as_json: bool) -> ParsedPrompt:
    """Return the credentials in a prompt.

    Raises:
        SystemExit: it is none; this has been reported, in JSON too if asked for.
    """
    try:
        return parse_prompt(text)
    except PromptError as error:
        is_pickup = not is_prompt(text) and find_address(text) is not None
        sentence, step = (IS_PICKUP, PICK_UP) if is_pickup else (str(error), None)
        reported = problem(sentence, code="invalid_prompt", next_step=step) if as_json else None
        fail(sentence, next_step=step, exit_code=Exit.USAGE, reported=reported)


def prompt_text(source: str | None) -> str | None:
    """Return the text of the prompt that was given, by option or in the environment, or None.

    Raises:
        click.UsageError: there is no such file.
    """
    return (os.environ.get(PROMPT_VARIABLE) or None) if source is None else read_prompt(source)


def read_prompt(source: str) -> str:
    """Return the text of a prompt.

    Args:
        source: `-` for standard input, a file's path, or, as version 0.2 had it, the prompt itself.

    Raises:
        click.UsageError: there is no such file, or it holds no text.
    """
    if "\n" in source:
        return source
    return read_text(source, "prompt", most=MAX_PROMPT_BYTES)
