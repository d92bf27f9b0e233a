"""Every change to an incident: atomic, locked, audited, announced after commit."""
