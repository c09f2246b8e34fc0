"""How far the index of the search has come. The index itself is made by a migration: it is not Django's."""

from django.db import models

from matrix_app.storage.models.fields import ref


class SearchProgress(models.Model):
    """One row: the last event that has been looked at for the index."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    event_nid = ref()

    class Meta:
        db_table = "search_progress"
