"""The `handshake-prompt` command as `python -m handshake_prompt`."""

from .cli import main

main(prog_name="handshake-prompt")
