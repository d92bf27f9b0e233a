from django.apps import AppConfig


class PostmortemsConfig(AppConfig):
    name = "postmortems"

    def ready(self) -> None:
        """Hear of imported incidents; let post-mortems be searched, and by their state."""
        from accounts import home, portable, search
        from postmortems import (
            captures,
            receivers,  # noqa: F401  (connects them)
        )
        from postmortems.forms.document import state_filter
        from postmortems.forms.tags import TagFilter
        from postmortems.home import MyDrafts, MyMeetings, MyReviews, PostmortemsToStart, RecentlyPublished
        from postmortems.portable import KINDS
        from postmortems.search import PostmortemSource
        from postmortems.services.capturing import EventMaker, FactorMaker, LessonMaker, WhyMaker

        search.register(PostmortemSource())
        search.register_filter("state", state_filter)
        search.register_filter("tag", TagFilter)
        for part in (PostmortemsToStart(), MyDrafts(), MyReviews(), MyMeetings(), RecentlyPublished()):
            home.register(part)
        for maker in (EventMaker(), WhyMaker(), FactorMaker(), LessonMaker()):
            captures.register(maker)
        portable.register(*KINDS)
