"""The policy a new installation starts with; administrators change it on its page."""

from django.db import migrations

RULES = [
    ("severity", ["SEV0", "SEV1"], "required", "full", "It is SEV0 or SEV1: the most severe incidents always get one."),
    ("customer_facing", [], "required", "standard", "Customers were affected."),
    ("slo_breach", [], "required", "standard", "A service level objective was breached."),
    ("security", [], "required", "standard", "It touches security."),
    ("emergency_escalation", [], "required", "standard", "An emergency escalation was needed."),
    ("several_teams", [], "required", "standard", "Several teams took part, so several can learn."),
    ("severity", ["SEV2"], "recommended", "standard", "It is SEV2: these usually hold a lesson worth the time."),
    ("near_miss", [], "recommended", "lightweight", "It was a near miss: the same lessons at no cost to customers."),
    ("repeat", [], "recommended", "standard", "It happened before: the last fix did not hold."),
    ("always", [], "optional", "lightweight", "Nothing demands one. Write it if there is something to learn."),
]


def add_rules(apps, schema_editor):
    rule = apps.get_model("incidents", "PolicyRule")
    rule.objects.bulk_create(
        rule(position=position, fact=fact, severities=severities, requirement=requirement, tier=tier, reason=reason)
        for position, (fact, severities, requirement, tier, reason) in enumerate(RULES, start=1)
    )


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]
    operations = [migrations.RunPython(add_rules, migrations.RunPython.noop)]
