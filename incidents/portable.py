"""Kinds of rows of this app that an archive holds (docs/export.md)."""

from __future__ import annotations

from accounts.portable import Kind
from incidents.models import (
    Communication,
    ImpactFigure,
    ImportedPart,
    Incident,
    PolicyRule,
    Service,
    TimelineEvent,
)
from incidents.search import index_all

SEARCH = {"search": "worked out from the text"}
KINDS = (
    Kind("services", Service, "something that runs and can fail"),
    Kind(
        "incidents",
        Incident,
        "an incident with its facts and times",
        left_out=SEARCH,
        forgets=["repeat_of"],
        refresh=index_all,
    ),
    Kind("timeline", TimelineEvent, "an event of an incident's timeline"),
    Kind("figures", ImpactFigure, "a number of an incident's impact"),
    Kind("communications", Communication, "what was told to whom"),
    Kind(
        "imported_parts",
        ImportedPart,
        "what an incident file said of one part of an incident when it was last read",
        is_whole_only=True,
    ),
    Kind("policy_rules", PolicyRule, "a line of the policy on post-mortems", is_seeded=True),
)
