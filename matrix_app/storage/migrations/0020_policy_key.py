from django.db import migrations


def intern_policy(apps, schema_editor):
    """Every event asks for this entry of its room's state: it is found at once where its name is known."""
    key = apps.get_model("storage", "StateKey")
    key.objects.get_or_create(type="m.room.policy", state_key="")


class Migration(migrations.Migration):
    dependencies = [("storage", "0019_sliding_sync")]

    operations = [migrations.RunPython(intern_policy, migrations.RunPython.noop)]
