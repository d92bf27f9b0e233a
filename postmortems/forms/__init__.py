"""Typed input about post-mortems, split by noun; nothing here saves."""
