"""Each action carries its incident's services beside its severity (0017), to be counted from an index alone.

Who waits for whom is as it is there: an action that is being added for whoever is changing its incident, and the other
way round. Two who change the services of one incident wait for each other too. Of more than two hundred the first are
kept: a row of an index has its limit, and a form takes fifty.
"""

import datetime

import django.contrib.postgres.fields
import django.db.models.functions.comparison
from django.db import migrations, models

READ = """
CREATE FUNCTION incidents_incident_services_of(its_incident bigint) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(service_id ORDER BY service_id), '{}') FROM (
        SELECT service_id FROM incidents_incident_services WHERE incident_id = its_incident
        ORDER BY service_id LIMIT 200
    ) first
$$;
"""
UNREAD = "DROP FUNCTION incidents_incident_services_of"
FOLLOW = """
CREATE FUNCTION actions_actionitem_follow_services() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM incidents_incident WHERE id IN (SELECT incident_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE actions_actionitem SET incident_services = incidents_incident_services_of(found.incident_id) FROM (
        SELECT a.id, p.incident_id FROM actions_actionitem a JOIN postmortems_postmortem p ON p.id = a.postmortem_id
        WHERE p.incident_id IN (SELECT incident_id FROM changed) ORDER BY a.id FOR NO KEY UPDATE OF a
    ) found WHERE found.id = actions_actionitem.id;
    RETURN NULL;
END $$;
CREATE TRIGGER actions_actionitem_follow_services_added AFTER INSERT ON incidents_incident_services
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION actions_actionitem_follow_services();
CREATE TRIGGER actions_actionitem_follow_services_changed AFTER UPDATE ON incidents_incident_services
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION actions_actionitem_follow_services();
CREATE TRIGGER actions_actionitem_follow_services_taken AFTER DELETE ON incidents_incident_services
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION actions_actionitem_follow_services();
"""
UNFOLLOW = """
DROP TRIGGER actions_actionitem_follow_services_added ON incidents_incident_services;
DROP TRIGGER actions_actionitem_follow_services_changed ON incidents_incident_services;
DROP TRIGGER actions_actionitem_follow_services_taken ON incidents_incident_services;
DROP FUNCTION actions_actionitem_follow_services();
"""
FILL = """
UPDATE actions_actionitem a SET incident_services = incidents_incident_services_of(p.incident_id)
FROM postmortems_postmortem p WHERE p.id = a.postmortem_id
AND EXISTS (SELECT FROM incidents_incident_services s WHERE s.incident_id = p.incident_id)
"""
KNOW = """
CREATE OR REPLACE FUNCTION actions_actionitem_know_severity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_incident bigint;
BEGIN
    SELECT incident_id INTO its_incident FROM postmortems_postmortem WHERE id = NEW.postmortem_id;
    IF TG_OP = 'INSERT' THEN
        PERFORM 1 FROM incidents_incident WHERE id = its_incident FOR SHARE;
    END IF;
    NEW.incident_severity := coalesce((SELECT severity FROM incidents_incident WHERE id = its_incident), '');
    {services}RETURN NEW;
END $$;
"""
SERVICES = """NEW.incident_services := incidents_incident_services_of(its_incident);
    """


class Migration(migrations.Migration):

    dependencies = [
        ('actions', '0017_by_severity'),
        ('incidents', '0007_severities_stand_at_actions'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='actionitem', name='actions_to_do_of_team'),
        migrations.RemoveIndex(model_name='actionitem', name='actions_settled'),
        migrations.AddField(
            model_name='actionitem',
            name='incident_services',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], editable=False, size=None),
        ),
        migrations.RunSQL(READ, UNREAD),
        migrations.RunSQL(FOLLOW, UNFOLLOW),  # first, as in 0017
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(KNOW.format(services=SERVICES), KNOW.format(services="")),
        migrations.AddIndex(
            model_name='actionitem',
            index=models.Index(models.F('team'), django.db.models.functions.comparison.Coalesce(models.F('due_on'), models.Value(datetime.date(9999, 12, 31), output_field=models.DateField())), models.F('id'), condition=models.Q(('status__in', ('open', 'in_progress'))), include=('postmortem', 'created_at', 'owner', 'due_on', 'priority', 'incident_severity', 'incident_services'), name='actions_to_do_of_team'),
        ),
        migrations.AddIndex(
            model_name='actionitem',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], include=('postmortem', 'created_at', 'team', 'owner', 'due_on', 'status', 'priority', 'incident_severity', 'incident_services'), name='actions_settled'),
        ),
    ]
