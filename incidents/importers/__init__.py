"""Readers of other people's formats, one file a format: text in, frozen dataclasses out, no database."""
