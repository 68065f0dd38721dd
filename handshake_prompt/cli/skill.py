"""`skill`: the SKILL.md that teaches an agent to use a pasted prompt."""

from __future__ import annotations

from importlib import resources

import click


@click.command(
    help="Print a SKILL.md for agents.\n\n"
    "It teaches one to use a pasted prompt with these commands, or with curl where they are not installed. Put it "
    "where your agent looks for skills, in a folder of its own named handshake-prompt."
)
def skill() -> None:
    """Run `skill`."""
    click.echo(resources.files(__package__).joinpath("SKILL.md").read_text("utf-8"), nl=False)
