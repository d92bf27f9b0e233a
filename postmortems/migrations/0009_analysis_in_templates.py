"""The built-in templates show whys, factors, the response, graphs and the glossary as blocks. Documents stay as they are."""

from django.db import migrations

WHYS = (
    "Start from what customers saw and ask why that was possible, again and again, until the answer is something we can "
    "change. “Human error” is where the questions begin, not where they stop."
)
FACTORS = (
    "Rarely one cause: usually several holes lined up. Go through the layers and note what was missing in each, and "
    "which layer held and kept it from being worse."
)
RESPONSE = "Take the measured durations one by one. What would have halved each of them?"
METRICS = (
    "The graph that made it click for you, with its unit and the sentence that says what it shows. All graphs share one "
    "stretch of time, with the milestones as lines."
)
GLOSSARY = "Terms a reader from another team would have to look up. Each is explained where the text uses it first."
CONTEXT = (
    "What does a reader from outside need before the story makes sense? How the affected parts normally work, in a "
    "paragraph."
)
CHANGED = {
    "Contributing factors": ("factors", FACTORS, "Contributing factors"),
    "Response analysis": ("response", RESPONSE, "Response analysis"),
    "Metrics and graphs": ("metrics", METRICS, "Metrics and graphs"),
    "Context and glossary": ("prose", CONTEXT, "Context"),
}


def show_blocks(apps, schema_editor):
    Template = apps.get_model("postmortems", "Template")
    for template in Template.objects.filter(is_builtin=True):
        for section in template.sections.all():
            if section.title in CHANGED:
                section.kind, section.guidance, section.title = CHANGED[section.title]
                section.save()
        cause = template.sections.filter(title="Root cause analysis").first()
        if cause:
            _insert(template, cause.position + 1, "whys", "Five Whys", WHYS)
        if template.tier == "full":
            last = max(template.sections.values_list("position", flat=True))
            _insert(template, last + 1, "glossary", "Glossary", GLOSSARY)


def _insert(template, position, kind, title, guidance):
    for section in template.sections.filter(position__gte=position):
        section.position += 1
        section.save()
    template.sections.create(position=position, kind=kind, title=title, guidance=guidance)


class Migration(migrations.Migration):
    dependencies = [("postmortems", "0008_analysis")]
    operations = [migrations.RunPython(show_blocks, migrations.RunPython.noop)]
