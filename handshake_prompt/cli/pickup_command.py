"""The command `pickup`: exchange of a one-time code for the prompt that other commands take. SPEC.md section 4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import click

from handshake_prompt.texts.pickup_codes import find_address, group_letters, read_code
from handshake_prompt.texts.quoting import visible

from .exit_codes import EXIT_CODES_IN_SHORT
from .session_options import SessionOptions, takes_client
from .terminal import write, write_json
from .text_files import STANDARD_INPUT, read_text

MAX_BYTES = 64 * 1024
"""More than any message with an address has."""


@click.command(
    help="Exchange a one-time code for the handshake prompt.\n\n"
    "ADDRESS is what the person passed on, such as https://example.com/handshake/pickup/7K3M-Q2VX-9HTD, or with --base "
    "the code alone; without it, or with -, it is read from standard input. A code is good for one exchange: keep the "
    "prompt, which is printed, by --out prompt.txt for the other commands.",
    epilog=EXIT_CODES_IN_SHORT,
)
@click.argument("address", default=STANDARD_INPUT)
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False), help="Write the prompt there, for you alone.")
@click.option("--base", metavar="URL", help="The server, where ADDRESS is the code alone.")
@click.option("--prefix", default="/handshake", show_default=True, help="Path of its endpoints, with --base.")
@takes_client
def pickup(options: SessionOptions, *, address: str, out: str | None, base: str | None, prefix: str) -> None:
    """Run `pickup`."""
    from .runner import run_client  # noqa: PLC0415 (the HTTP client takes longer to load than all the rest)

    text = read_text(STANDARD_INPUT, "code", most=MAX_BYTES) if address == STANDARD_INPUT else address
    code = read_code(text.strip()) if base else None
    if code and base:
        text = f"{base.rstrip('/')}{prefix.rstrip('/')}/pickup/{group_letters(code)}"
    if find_address(text) is None:
        raise click.UsageError("Give the whole address that the person passed on, or the code alone with --base.")
    with _private_file(Path(out)) if out else nullcontext() as file:
        prompt = run_client(options, partial(_prompt, text, options))
        shown = "\n".join(map(visible, prompt.split("\n")))
        if file is not None:
            file.write(shown)
    if options.as_json:
        write_json({"ok": True, "prompt": shown, **({"file": out} if out else {})})
    elif out is None:
        write(shown.rstrip("\n").split("\n"))


async def _prompt(text: str, options: SessionOptions) -> str:
    from handshake_prompt.client import PromptError, pick_up  # noqa: PLC0415 (as above)

    try:
        return await pick_up(text, name=options.name, allow_http=options.allow_http, timeout=options.timeout)
    except (PromptError, ValueError) as error:
        raise click.UsageError(str(error)) from None


@contextmanager
def _private_file(path: Path) -> Iterator[IO[str]]:
    """Open a file that no other user can read; it takes the place of `path` once it is written.

    Raises:
        click.UsageError: it cannot be written.
    """
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            try:
                yield file
                file.close()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise
    except OSError as error:
        raise click.UsageError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from None
