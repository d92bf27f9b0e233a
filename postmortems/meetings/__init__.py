"""Review meetings: pure parts. When (`slots`), what (`agenda`), calendars (`invitation`), `lines` and `transcripts`."""
