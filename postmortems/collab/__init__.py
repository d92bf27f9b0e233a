"""Live text: one Yjs document a post-mortem, one text a prose section, committed before anyone else sees it.

From the inside out: `wire` reads and writes bytes, `updates` looks into an update before the CRDT library does,
`protocol` knows the messages, `document` holds one document, `store` keeps it in Postgres.
"""
