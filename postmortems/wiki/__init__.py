"""Published post-mortems as pages of a wiki: `pages.py` says what is asked of one, `confluence.py` asks Confluence."""
