"""Access to sessions: proofs of a role, rates, and turns for heavy work. SPEC.md sections 3, 9 and 10."""
