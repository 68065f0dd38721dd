"""What teaches: `skill` an agent how to use a pasted prompt, `completion` a shell the commands."""

from __future__ import annotations

from importlib import resources

import click

COMPLETION = {
    "bash": ("~/.bashrc", 'eval "$(_HANDSHAKE_PROMPT_COMPLETE=bash_source handshake-prompt)"'),
    "zsh": ("~/.zshrc", 'eval "$(_HANDSHAKE_PROMPT_COMPLETE=zsh_source handshake-prompt)"'),
    "fish": (
        "~/.config/fish/completions/handshake-prompt.fish",
        "_HANDSHAKE_PROMPT_COMPLETE=fish_source handshake-prompt | source",
    ),
}
"""shell -> the file it reads when it starts, and the line to add there."""


@click.command()
def skill() -> None:
    """Print a SKILL.md for agents.

    It teaches one to use a pasted prompt with these commands, or with curl where they are not installed. Put it where
    your agent looks for skills, in a folder of its own named handshake-prompt.
    """
    click.echo(resources.files(__package__).joinpath("SKILL.md").read_text("utf-8"), nl=False)


@click.command()
@click.argument("shell", type=click.Choice(list(COMPLETION)))
def completion(shell: str) -> None:
    """Print the line that turns on shell completion."""
    file, line = COMPLETION[shell]
    click.echo(f"# Add this line to {file}:", err=True)
    click.echo(line)
