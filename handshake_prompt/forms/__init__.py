"""Forms without I/O: fields, types, constraints and patterns, compiled from a schema."""
