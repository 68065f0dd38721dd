"""The promises of a store, by subject."""
