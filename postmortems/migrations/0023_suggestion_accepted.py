from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('postmortems', '0022_read_from_indexes_alone'),
    ]

    operations = [
        migrations.AlterField(
            model_name='revision',
            name='reason',
            field=models.CharField(choices=[('started', 'Started from the template'), ('pause', 'A pause in the writing'), ('turn', 'Somebody else went on'), ('saved', 'Saved'), ('filled', 'Filled from the incident'), ('restored', 'Restored'), ('accepted', 'Suggestion accepted'), ('state', 'Moved to another state'), ('named', 'Named')], max_length=10),
        ),
    ]
