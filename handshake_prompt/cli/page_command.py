"""`page`: a copy of the page's modules, for a project that bundles them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from handshake_prompt.page.npm_package import NAME, package_files
from handshake_prompt.version import __version__

from .copied_folder import CopiedFolder, State
from .terminal import one_line, write

SHOWN = 5
"""Files that a refusal names; of others it tells the number."""


@click.command(
    help="Copy the page's modules into the folder DIR, for a bundler.\n\n"
    "Their types and a package.json come with them. Run it again after an upgrade: what it copied is brought up to "
    "date. A file that it did not copy, or that was changed since, is never overwritten; then nothing is copied. A "
    "page that loads the modules from the server needs no copy."
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def page(folder: Path) -> None:
    """Run `page`."""
    try:
        states = CopiedFolder(folder, package_files(), __version__).update()
    except OSError as error:
        raise click.ClickException(f"Cannot copy into {one_line(folder)}: {error.strerror or error}.") from None
    foreign = [path for path, state in states.items() if state is State.FOREIGN]
    if foreign:
        raise click.ClickException(_refusal(folder, foreign))
    write([_summary(folder, states), "Next:", *_next_steps(folder)])


def _refusal(folder: Path, foreign: list[str]) -> str:
    more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
    return (
        f"Nothing was copied. In {one_line(folder)} there is {', '.join(foreign[:SHOWN])}{more}, and not as this "
        "command copied it. Move it away, or name another folder."
    )


def _summary(folder: Path, states: Mapping[str, State]) -> str:
    counts = Counter(states.values())
    told = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    return f"{NAME} {__version__} is in {one_line(folder)} (files: {told})."


def _next_steps(folder: Path) -> list[str]:
    place = folder.as_posix() if folder.is_absolute() else f"./{folder.as_posix()}"
    return [
        f"  npm install {one_line(place)}",
        f'  In a script:  import "{NAME}/element.js";',
        '  In the page:  <handshake-prompt for="the-id-of-your-form"></handshake-prompt>',
    ]
