"""Each action carries its incident's severity, kept by the database, to be counted from an index alone.

An action that is being added waits for whoever is changing its incident, and the other way round, so that neither
misses what the other did. For a change of an action its own row is waited for. A post-mortem keeps its incident.
"""

import datetime

import django.db.models.functions.comparison
from django.db import migrations, models

FOLLOW = """
CREATE FUNCTION actions_actionitem_follow_severity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE actions_actionitem SET incident_severity = NEW.severity WHERE id IN (
        SELECT a.id FROM actions_actionitem a JOIN postmortems_postmortem p ON p.id = a.postmortem_id
        WHERE p.incident_id = NEW.id ORDER BY a.id FOR NO KEY UPDATE OF a
    );
    RETURN NULL;
END $$;
CREATE TRIGGER actions_actionitem_follow_severity AFTER UPDATE OF severity ON incidents_incident
    FOR EACH ROW WHEN (OLD.severity IS DISTINCT FROM NEW.severity)
    EXECUTE FUNCTION actions_actionitem_follow_severity();
"""
UNFOLLOW = """
DROP TRIGGER actions_actionitem_follow_severity ON incidents_incident;
DROP FUNCTION actions_actionitem_follow_severity();
"""
FILL = """
UPDATE actions_actionitem a SET incident_severity = i.severity
FROM postmortems_postmortem p JOIN incidents_incident i ON i.id = p.incident_id WHERE p.id = a.postmortem_id
"""
KNOW = """
CREATE FUNCTION actions_actionitem_know_severity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_incident bigint;
BEGIN
    SELECT incident_id INTO its_incident FROM postmortems_postmortem WHERE id = NEW.postmortem_id;
    IF TG_OP = 'INSERT' THEN
        PERFORM 1 FROM incidents_incident WHERE id = its_incident FOR SHARE;
    END IF;
    NEW.incident_severity := coalesce((SELECT severity FROM incidents_incident WHERE id = its_incident), '');
    RETURN NEW;
END $$;
CREATE TRIGGER actions_actionitem_know_severity
    BEFORE INSERT OR UPDATE OF postmortem_id ON actions_actionitem
    FOR EACH ROW EXECUTE FUNCTION actions_actionitem_know_severity();
"""
UNKNOW = """
DROP TRIGGER actions_actionitem_know_severity ON actions_actionitem;
DROP FUNCTION actions_actionitem_know_severity();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('actions', '0016_requests_at_once'),
        ('incidents', '0006_severities_read_from_an_index'),
        ('postmortems', '0022_read_from_indexes_alone'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='actionitem', name='actions_to_do_of_team'),
        migrations.RemoveIndex(model_name='actionitem', name='actions_decided'),
        migrations.RemoveIndex(model_name='actionitem', name='actions_due'),
        migrations.RemoveIndex(model_name='actionitem', name='actions_settled'),
        migrations.AddField(
            model_name='actionitem',
            name='incident_severity',
            field=models.CharField(choices=[('SEV0', 'SEV0 · everything is down'), ('SEV1', 'SEV1 · a main function is down'), ('SEV2', 'SEV2 · degraded for many'), ('SEV3', 'SEV3 · degraded for few'), ('SEV4', 'SEV4 · hardly noticed')], db_default='', editable=False, max_length=4),
        ),
        migrations.RunSQL(FOLLOW, UNFOLLOW),  # first: from here on nobody changes an incident before this is committed
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(KNOW, UNKNOW),
        migrations.AddIndex(
            model_name='actionitem',
            index=models.Index(models.F('team'), django.db.models.functions.comparison.Coalesce(models.F('due_on'), models.Value(datetime.date(9999, 12, 31), output_field=models.DateField())), models.F('id'), condition=models.Q(('status__in', ('open', 'in_progress'))), include=('postmortem', 'owner', 'priority', 'due_on', 'created_at', 'incident_severity'), name='actions_to_do_of_team'),
        ),
        migrations.AddIndex(
            model_name='actionitem',
            index=models.Index(fields=['created_at'], include=('postmortem', 'team', 'owner', 'priority', 'incident_severity'), name='actions_decided'),
        ),
        migrations.AddIndex(
            model_name='actionitem',
            index=models.Index(fields=['due_on'], include=('postmortem', 'team', 'owner', 'priority', 'status', 'incident_severity'), name='actions_due'),
        ),
        migrations.AddIndex(
            model_name='actionitem',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], include=('postmortem', 'team', 'owner', 'priority', 'status', 'due_on', 'created_at', 'incident_severity'), name='actions_settled'),
        ),
    ]
