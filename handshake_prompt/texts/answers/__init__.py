"""Readers of an agent's answer in a text that a person has pasted. SPEC.md section 11."""
