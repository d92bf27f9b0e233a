"""Expected failures that every app shares."""

from django.db import models


class EditedMeanwhile(Exception):
    """Someone else saved the row after this person had opened it; nothing was written.

    `current` is the row as it is now: both texts are shown, and the person decides.
    """

    def __init__(self, current: models.Model) -> None:
        super().__init__(f"{current} was edited meanwhile")
        self.current = current
