"""The sample organisation as data: invented people and teams, and invented incidents of the last days.

The twelve incidents of the past are in incidents/samples/: real ones, in our own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class SamplePerson:
    """Someone who can sign in, and what they are meant to show."""

    name: str
    timezone: str
    teams: tuple[str, ...]
    shows: str
    is_manager: bool = False
    is_administrator: bool = False

    @property
    def email(self) -> str:
        ascii_name = self.name.lower().replace("á", "a").replace("š", "s").replace("ó", "o")
        return f"{ascii_name.replace(' ', '.')}@example.com"


TEAMS = {
    "Edge": "What customers reach first: DNS, delivery network, firewall.",
    "Platform": "Where services run: clusters, networks, discovery, deployment.",
    "Data": "Databases, queues, search and backups.",
    "Checkout": "From the basket to the receipt.",
    "Identity": "Accounts, sign-in, permissions, secrets.",
}
PEOPLE = (
    SamplePerson("Ada Okafor", "Europe/London", ("Checkout", "Platform"), "an engineer with a draft to finish"),
    SamplePerson("Mei Lin", "Asia/Singapore", ("Data",), "a facilitator with a review waiting"),
    SamplePerson("Priya Raman", "America/New_York", ("Checkout", "Data"), "a manager", is_manager=True),
    SamplePerson("Sam Weber", "Europe/Berlin", ("Platform",), "an administrator", is_administrator=True),
    SamplePerson("Tomáš Novák", "Europe/Prague", ("Edge",), "the commander of what is going on now"),
    SamplePerson("Noor Haddad", "Europe/Paris", ("Identity",), "the owner of a restricted post-mortem"),
    SamplePerson("Luca Ferri", "Europe/Rome", ("Platform", "Edge"), "a manager of two teams", is_manager=True),
    SamplePerson("Grace Mensah", "Africa/Accra", ("Identity", "Data"), "a manager and reviewer", is_manager=True),
)

TEAM_OF_FILE = {
    "atlassian": "Data",
    "aws": "Platform",
    "cloudflare": "Edge",
    "crowdstrike": "Platform",
    "datadog": "Platform",
    "facebook": "Edge",
    "fastly": "Edge",
    "github": "Data",
    "gitlab": "Data",
    "roblox": "Platform",
    "slack": "Platform",
}
"""By the first word of the file's name."""


@dataclass(frozen=True)
class SampleAction:
    """An action of a recent post-mortem; `due_in` counts in days from today."""

    title: str
    owner: str | None
    due_in: int | None
    kind: str = "prevent"
    priority: str = "P2"
    lesson: int | None = None


@dataclass(frozen=True)
class SampleFactor:
    """A hole in a layer, or one that held."""

    layer: str
    text: str
    category: str = ""
    has_held: bool = False


@dataclass(frozen=True)
class SampleGraph:
    """A graph of one line: its value at some minutes from the start of the impact, straight in between."""

    title: str
    unit: str
    shows: str
    name: str
    values: tuple[tuple[int, float], ...]
    every: int = 60
    """Seconds between two points."""


@dataclass(frozen=True)
class RecentIncident:
    """An incident `ago` before now. Minutes count from the start of its impact."""

    title: str
    severity: str
    team: str
    services: tuple[str, ...]
    commander: str
    ago: timedelta
    minutes: Mapping[str, int]
    events: tuple[tuple[int, str, str, str], ...]
    """Minute, kind, role, text."""
    impact: str = ""
    figures: tuple[tuple[str, str], ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    responders: tuple[str, ...] = ()
    is_drafted: bool = False
    is_in_review: bool = False
    sections: Mapping[str, str] = field(default_factory=dict)
    whys: tuple[tuple[tuple[str, str], ...], ...] = ()
    """By branch, a chain of questions and answers."""
    factors: tuple[SampleFactor, ...] = ()
    responses: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    graphs: tuple[SampleGraph, ...] = ()
    lessons: tuple[str, ...] = ()
    actions: tuple[SampleAction, ...] = ()


RECENT = (
    RecentIncident(
        title="Customers in the EU could not pay for 23 minutes",
        severity="SEV1",
        team="Checkout",
        services=("Checkout", "Payments API"),
        commander="Ada Okafor",
        responders=("Priya Raman",),
        ago=timedelta(days=2, hours=3),
        minutes={"impact_started_at": 0, "detected_at": 4, "acknowledged_at": 6, "diagnosed_at": 17,
                 "mitigated_at": 21, "resolved_at": 23},
        facts={"is_customer_facing": True, "is_slo_breach": True},
        events=(
            (-2, "trigger", "Deployment pipeline", "Release 2026.9 of the checkout reached the EU; `max_connections` in "
             "its pool fell from 200 to 20, the default of the new library."),
            (0, "other", "", "The first payments time out waiting for a connection."),
            (4, "detection", "Monitoring", "The checkout error rate alert fired at 31 %."),
            (6, "escalation", "On-call engineer", "Acknowledged; declared SEV1 and opened the channel."),
            (11, "decision", "Commander", "Hold the rollback until the failover that Payments had planned for the same "
             "minute was ruled out."),
            (17, "action", "On-call engineer", "Compared the pool's settings with the last release: 20 instead of 200."),
            (19, "action", "On-call engineer", "Rolled back to 2026.8."),
            (21, "recovery", "Monitoring", "The error rate falls below 1 %."),
            (23, "recovery", "Commander", "Queue of delayed payments empty; incident resolved."),
        ),
        impact="Payments by card failed for customers in the EU. Other regions and other ways to pay were not affected.",
        figures=(("Failed payments", "about 4,100"), ("Share of EU checkouts that failed", "31 %"),
                 ("Revenue delayed", "about €190,000, of which 92 % was paid later the same day")),
        is_drafted=True,
        sections={
            "Root cause analysis": "The new database library reads its pool size from `pool.size`; the old one read "
            "`max_connections`. Ours still set `max_connections`, which the new library ignores without a word.\n\n"
            "Why did the canary not see it? It takes 2 % of the traffic, and 20 connections are plenty for that.",
            "What went well": "- The alert fired within {{time-to-detect}}, before the first customer wrote in.\n"
            "- The rollback took two minutes and needed nobody's permission.",
        },
        whys=(
            (("Why did payments time out?", "They waited for a connection: the pool had 20 of them instead of 200."),
             ("Why were there only 20?", "The new library reads `pool.size`. We set `max_connections`, which it passes "
              "over without a word, so its default counted."),
             ("Why did nothing stop the release?", "Unknown settings are logged as information. Nothing reads that line.")),
            (("Why did the canary see nothing?", "It takes 2 % of the traffic, and 20 connections are plenty for that."),),
            (("Why did the rollback wait for eight minutes?", "Payments had planned a failover for the same minute, and "
              "nobody could tell the two apart from the dashboard."),),
        ),
        factors=(
            SampleFactor("design", "The library passes over settings that it does not know.", "code"),
            SampleFactor("testing", "The load test runs with the pool of the test environment.", "configuration"),
            SampleFactor("rollout", "The canary's traffic is too little to run out of connections.", "capacity"),
            SampleFactor("response", "Two changes in one minute looked alike on the dashboard.", "tools"),
            SampleFactor("alerting", "The error rate alert fired before the first customer wrote in.", has_held=True),
            SampleFactor("response", "The rollback took two minutes and needed nobody's permission.", has_held=True),
        ),
        responses={
            "detection": "An alert on connections waiting for the pool would have fired within the first minute.",
            "diagnosis": "A list of what changed in the last ten minutes, across teams, beside the dashboard.",
        },
        terms={"canary": "The first servers that get a release, with a small share of the traffic."},
        graphs=(
            SampleGraph(
                "Failed checkouts", "% of attempts", "A third of all checkouts failed within five minutes, until the "
                "rollback.", "EU",
                ((-40, 0.4), (-3, 0.5), (0, 2), (2, 19), (5, 31), (12, 33), (18, 32), (20, 12), (22, 1), (24, 0.5),
                 (45, 0.4)),
            ),
            SampleGraph(
                "Waiting for a connection", "requests", "Requests began to queue with the release, two minutes before "
                "customers noticed.", "Checkout in the EU",
                ((-40, 0), (-2, 0), (-1, 40), (0, 160), (5, 610), (18, 640), (20, 200), (22, 3), (24, 0), (45, 0)),
            ),
        ),
        lessons=("A setting that is not understood should stop the start, not be ignored.",
                 "A canary with little traffic cannot find limits on concurrency."),
        actions=(
            SampleAction("Make the service refuse to start on unknown pool settings", "Ada Okafor", 12, lesson=1,
                         priority="P1"),
            SampleAction("Replay peak concurrency against the canary before each full rollout", None, None, kind="detect",
                         lesson=2),
        ),
    ),
    RecentIncident(
        title="Search showed results from the day before for six hours",
        severity="SEV2",
        team="Data",
        services=("Search", "Indexing queue"),
        commander="Mei Lin",
        responders=("Grace Mensah",),
        ago=timedelta(days=9, hours=5),
        minutes={"impact_started_at": 0, "detected_at": 214, "acknowledged_at": 220, "diagnosed_at": 290,
                 "mitigated_at": 325, "resolved_at": 360},
        facts={"is_customer_facing": True},
        events=(
            (0, "trigger", "Scheduler", "The nightly compaction takes the index lock and does not give it back."),
            (5, "other", "Indexing queue", "Consumers wait; the queue grows by 900 documents a minute."),
            (214, "detection", "Customer support", "A customer asks why yesterday's orders are missing from search."),
            (220, "escalation", "On-call engineer", "Acknowledged; queue at 190,000 documents."),
            (290, "action", "On-call engineer", "Found the lock: its holder had been gone for five hours."),
            (325, "recovery", "On-call engineer", "Released the lock by hand; consumers start again."),
            (360, "recovery", "On-call engineer", "The queue is empty and search is current."),
        ),
        impact="Search answered, but without anything that changed after the start. Orders and payments were not affected.",
        figures=(("Searches with outdated results", "about 82,000"), ("Customers who wrote in", "14")),
        is_drafted=True,
        is_in_review=True,
        sections={
            "Root cause analysis": "The lock has no lease: whoever dies while holding it holds it for ever. It was written "
            "when compaction took seconds and ran on the same machine.\n\nDetection took {{time-to-detect}} because the "
            "queue's alert watches the rate at which documents come in, not their age.",
            "What went well": "Releasing the lock by hand was safe, because writes are idempotent.",
            "What could be improved": "Support had three reports before it knew whom to tell.",
        },
        whys=(
            (("Why did search stop following?", "The compaction held the index lock, and its process was gone."),
             ("Why does a dead process hold a lock?", "The lock has no lease. It was written when compaction took seconds "
              "and ran on the same machine.")),
            (("Why did it take three and a half hours to notice?", "The queue's alert watches how fast documents come "
              "in, and they came in as ever."),),
            (("Why did it take two hours more?", "The runbook says to restart the consumers, which does not help while "
              "the lock is held."),),
        ),
        factors=(
            SampleFactor("design", "A lock without a lease.", "code"),
            SampleFactor("monitoring", "No alert on the age of the oldest document.", "tools"),
            SampleFactor("response", "The runbook says to restart consumers, which does not help.", "knowledge"),
            SampleFactor("design", "Writes to the index can be repeated, so releasing the lock by hand was safe.",
                         has_held=True),
        ),
        lessons=("Whatever waits in a queue needs an alert on its age.",
                 "A lock must end by itself when its holder is gone."),
        actions=(
            SampleAction("Give the compaction lock a lease of ten minutes", "Mei Lin", 5, lesson=2, priority="P1"),
            SampleAction("Alert when the oldest document in the queue is older than five minutes", "Grace Mensah", -2,
                         kind="detect", lesson=1),
            SampleAction("Tell support in the runbook whom to call about search", "Mei Lin", 20, kind="process",
                         priority="P3"),
        ),
    ),
    RecentIncident(
        title="Access tokens of 37 customers were written to a support log",
        severity="SEV2",
        team="Identity",
        services=("Support console",),
        commander="Noor Haddad",
        responders=("Grace Mensah",),
        ago=timedelta(days=5, hours=1),
        minutes={"impact_started_at": 0, "detected_at": 2940, "acknowledged_at": 2945, "mitigated_at": 3010,
                 "resolved_at": 3180},
        facts={"is_security_sensitive": True, "is_customer_facing": True},
        events=(
            (0, "trigger", "Deployment pipeline", "A debug setting of the support console goes out with a fix."),
            (2940, "detection", "Security scanner", "The weekly scan finds strings shaped like tokens in the log store."),
            (3010, "action", "On-call engineer", "Setting removed; the log's readers reduced to two people."),
            (3180, "recovery", "On-call engineer", "All 37 tokens revoked, the customers told."),
        ),
        impact="37 access tokens could be read by 19 members of support. Nobody is known to have used them.",
        figures=(("Customers concerned", "37"), ("People who could read the log", "19")),
        is_drafted=True,
        lessons=("Secrets need to be stopped at the logger, not found in the log.",),
        actions=(SampleAction("Redact everything shaped like a token in the logging library", "Noor Haddad", 9, lesson=1,
                              priority="P1"),),
    ),
    RecentIncident(
        title="A certificate of the partner API was renewed eleven minutes before it expired",
        severity="SEV3",
        team="Platform",
        services=("Partner API",),
        commander="Sam Weber",
        ago=timedelta(days=1, hours=2),
        minutes={"impact_started_at": 0, "detected_at": 9, "mitigated_at": 31, "resolved_at": 31},
        facts={"is_near_miss": True},
        events=(
            (0, "trigger", "Scheduler", "The automatic renewal fails for the third time; its mails go to a closed mailbox."),
            (9, "detection", "Platform engineer", "Sees the warning by chance while looking at something else."),
            (31, "recovery", "Platform engineer", "Renewed by hand, eleven minutes before the end."),
        ),
        impact="None: nobody noticed.",
    ),
    RecentIncident(
        title="Image uploads fail for some customers in Asia",
        severity="SEV2",
        team="Edge",
        services=("Image upload",),
        commander="Tomáš Novák",
        responders=("Luca Ferri",),
        ago=timedelta(minutes=48),
        minutes={"impact_started_at": 0, "detected_at": 12, "acknowledged_at": 14},
        facts={"is_customer_facing": True},
        events=(
            (12, "detection", "Monitoring", "Upload errors above 5 % in Singapore and Tokyo."),
            (14, "escalation", "On-call engineer", "Acknowledged; about one upload in twelve fails."),
            (31, "action", "On-call engineer", "Took the newest delivery node in Tokyo out of rotation: no change."),
        ),
    ),
)  # fmt: skip

EVIDENCE = (
    "Done and in production. The next game day tries it out.",
    "Merged and rolled out everywhere; the runbook links to it.",
    "The alert has fired twice since, both times before customers noticed.",
)
REASONS = (
    "The part is replaced next quarter; until then the manual check is enough. Accepted by the team's manager.",
    "Costs more than the risk it takes away: the other actions already cover it.",
)
