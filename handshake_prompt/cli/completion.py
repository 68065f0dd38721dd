"""`completion`: shell completion of the commands."""

from __future__ import annotations

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


@click.command(help="Print the line that turns on shell completion.")
@click.argument("shell", type=click.Choice(list(COMPLETION)))
def completion(shell: str) -> None:
    """Run `completion`."""
    file, line = COMPLETION[shell]
    click.echo(f"# Add this line to {file}:", err=True)
    click.echo(line)
