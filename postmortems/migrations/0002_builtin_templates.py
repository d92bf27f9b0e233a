"""The three built-in templates. They stay as they are: administrators copy one and edit the copy."""

from django.db import migrations

PROSE, FACTS, TIMELINE, IMPACT = "prose", "facts", "timeline", "impact"
COMMUNICATIONS, LESSONS, ACTIONS = "communications", "lessons", "actions"

SUMMARY = (
    "Three to five sentences for a colleague from another team: what customers noticed, from when to when, how many "
    "were affected, what ended it. Begin with what happened to them, not with the cause. “Fill from the incident” "
    "writes the facts for you."
)
TIMELINE_GUIDANCE = (
    "Comes from the incident and stays in step with it. Let it begin with the first trigger, not with the page that "
    "woke someone. Name what people saw and decided at the time; explain any silence longer than a quarter of an hour."
)
WELL = (
    "What kept this from being worse? Alerts that fired, calm decisions, luck (say that it was luck). Things that "
    "work are worth keeping on purpose."
)
IMPROVE = (
    "Where did people have to wait, guess, or work around a tool? Describe the situation they were in, not what "
    "somebody failed to do: everyone acted sensibly given what they knew."
)
FACTORS = (
    "Rarely one cause: usually several holes lined up. Go through design, review, testing, rollout, monitoring, "
    "alerting, response, process and dependencies, and note what was missing in each. A list is enough."
)
ROOT_CAUSE = (
    "Start from what customers saw and ask “why was that possible?” until the answer is something we can change. "
    "Three branches help: why did it fail, why did we not notice sooner, why did it take so long to end. “Human "
    "error” is where the questions begin, not where they stop."
)
LESSONS_GUIDANCE = (
    "One sentence each, useful to a team that has never heard of this incident. What would you tell them over lunch?"
)
ACTIONS_GUIDANCE = (
    "Few, small and real: each with one person who agreed to it, a date, and a result one can check. Prevent it, "
    "notice it sooner, or make it hurt less."
)
LEARNED = (
    "What surprised you, what made it possible, and what is different now? A short paragraph is fine: this template "
    "is meant to take a quarter of an hour."
)

LIGHTWEIGHT = [
    (PROSE, "Summary", SUMMARY),
    (TIMELINE, "What happened", TIMELINE_GUIDANCE),
    (PROSE, "What we learned", LEARNED),
    (ACTIONS, "Action items", ACTIONS_GUIDANCE),
]
STANDARD = [
    (PROSE, "Summary", SUMMARY),
    (TIMELINE, "Timeline", TIMELINE_GUIDANCE),
    (PROSE, "Root cause analysis", ROOT_CAUSE),
    (PROSE, "Contributing factors", FACTORS),
    (PROSE, "What went well", WELL),
    (PROSE, "What could be improved", IMPROVE),
    (LESSONS, "Lessons", LESSONS_GUIDANCE),
    (ACTIONS, "Action items", ACTIONS_GUIDANCE),
]
FULL = [
    (PROSE, "Summary", SUMMARY),
    (FACTS, "Facts and durations", "Comes from the incident. A time that is not known is better left out than guessed."),
    (
        PROSE,
        "Context and glossary",
        "What does a reader from outside need before the story makes sense? How the affected parts normally work, in "
        "a paragraph, and the terms you will use, each explained once.",
    ),
    (
        IMPACT,
        "Impact",
        "Comes from the incident: numbers with their units. An honest estimate that says so beats “some customers”.",
    ),
    (TIMELINE, "Timeline", TIMELINE_GUIDANCE),
    (
        PROSE,
        "Metrics and graphs",
        "Paste the graph that made it click for you. Say under each one what it shows, in which unit and time zone, "
        "and what the reader is meant to see.",
    ),
    (PROSE, "Root cause analysis", ROOT_CAUSE),
    (PROSE, "Contributing factors", FACTORS),
    (
        PROSE,
        "Response analysis",
        "Take the durations one by one: detection, diagnosis, mitigation. What would have halved each of them? What "
        "would have kept the effect smaller?",
    ),
    (PROSE, "What went well", WELL),
    (PROSE, "What could be improved", IMPROVE),
    (LESSONS, "Lessons", LESSONS_GUIDANCE),
    (ACTIONS, "Action items", ACTIONS_GUIDANCE),
    (
        COMMUNICATIONS,
        "Communications",
        "Comes from the incident: who was told what, when, on which channel. Gaps here are worth a line above.",
    ),
]
TEMPLATES = [
    ("Lightweight", "lightweight", "A quarter of an hour for a small incident: three short sections and the timeline.", LIGHTWEIGHT),
    ("Standard", "standard", "For most incidents: the story, the analysis, and what follows from it.", STANDARD),
    ("Full", "full", "For the large ones: with context, impact, graphs, the response and communications.", FULL),
]


def add_templates(apps, schema_editor):
    Template = apps.get_model("postmortems", "Template")
    TemplateSection = apps.get_model("postmortems", "TemplateSection")
    for name, tier, description, sections in TEMPLATES:
        template = Template.objects.create(
            name=name, tier=tier, description=description, is_builtin=True, is_default=True
        )
        TemplateSection.objects.bulk_create(
            TemplateSection(
                template=template,
                position=position,
                kind=kind,
                title=title,
                guidance=guidance,
                is_summary=guidance is SUMMARY,
            )
            for position, (kind, title, guidance) in enumerate(sections, start=1)
        )


def remove_templates(apps, schema_editor):
    apps.get_model("postmortems", "Template").objects.filter(is_builtin=True).delete()


class Migration(migrations.Migration):
    dependencies = [("postmortems", "0001_initial")]
    operations = [migrations.RunPython(add_templates, remove_templates)]
