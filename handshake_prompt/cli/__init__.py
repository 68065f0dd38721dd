"""The `handshake-prompt` command: servers for a page, and an agent's work on one."""

from __future__ import annotations

import click

from handshake_prompt.version import __version__

from .agent_commands import action, extend, get_context, get_diff, options, parse_prompt, watch
from .completion import completion
from .exit_codes import EXIT_CODES
from .page_command import page
from .paste_command import paste
from .pickup_command import pickup
from .request_commands import ask, suggest
from .server_commands import demo, mcp, serve
from .skill import skill

COMMANDS = (
    demo,
    serve,
    page,
    pickup,
    parse_prompt,
    get_context,
    options,
    action,
    ask,
    suggest,
    paste,
    get_diff,
    watch,
    extend,
    mcp,
    skill,
    completion,
)
"""In the order of a newcomer's needs."""


HELP = """Let a person hand the page they are on to their own AI agent.

An agent that was given a handshake prompt reads the page with get-context, writes with action, turns to the person with
ask and suggest, and follows them with get-diff or watch."""
EXAMPLES = """\b
An agent's part, with the prompt in a file or on standard input:
  handshake-prompt get-context --prompt prompt.txt
  handshake-prompt action --prompt - --set name=Ada --set age=36 < prompt.txt
"""


class OrderedGroup(click.Group):
    """A group that lists its commands as they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.commands)


@click.group(
    cls=OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=HELP,
    epilog=f"{EXAMPLES}\n{EXIT_CODES}",
)
@click.version_option(__version__, prog_name="handshake-prompt")
def main() -> None:
    """Run the command."""


for command in COMMANDS:
    main.add_command(command)
