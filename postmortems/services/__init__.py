"""Every change to a post-mortem: atomic, locked, audited, searchable at once."""
