"""The coach: pure functions from a text, or from facts, to findings. No model, no network, no database.

`finding.py` says what a finding is, `text.py` how a text is read; every other file is a family of rules. The words they
look for are data (`words/en.toml`), so that another language is another file.
"""
