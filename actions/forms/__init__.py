"""Typed input about actions, split by noun; nothing here saves."""
