"""`python -m handshake_prompt` is the `handshake-prompt` command."""

from .cli import main

main(prog_name="handshake-prompt")
