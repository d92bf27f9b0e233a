"""The whole document in another format, one file a format."""
