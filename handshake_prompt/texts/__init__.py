"""Texts for agents and people: the handshake prompt, Markdown, and quoting of foreign text."""
