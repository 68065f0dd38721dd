"""Operations of the protocol as an application calls them, one family a module. SPEC.md section 4."""
