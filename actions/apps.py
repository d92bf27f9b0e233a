from django.apps import AppConfig


class ActionsConfig(AppConfig):
    name = "actions"

    def ready(self) -> None:
        """Show and name action items within post-mortems, hear of imported ones, let them be searched."""
        from accounts import home, portable, search
        from actions import receivers  # noqa: F401  (connects them)
        from actions.block import ActionsBlock
        from actions.capturing import ActionMaker
        from actions.home import MyActions
        from actions.jira.queries import tracker_hosts
        from actions.portable import KINDS
        from actions.queries import actions_in_words
        from actions.references import ActionReferences
        from actions.search import ActionSource
        from postmortems import blocks, captures, headlines, leaks, references

        blocks.register(ActionsBlock())
        captures.register(ActionMaker())
        headlines.register_count(actions_in_words)
        leaks.register_hosts(tracker_hosts)
        references.register(ActionReferences())
        search.register(ActionSource())
        home.register(MyActions())
        portable.register(*KINDS)
