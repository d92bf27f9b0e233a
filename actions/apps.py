from django.apps import AppConfig


class ActionsConfig(AppConfig):
    name = "actions"

    def ready(self) -> None:
        """Show action items within post-mortems, and hear of imported ones."""
        from actions import receivers  # noqa: F401  (connects them)
        from actions.block import ActionsBlock
        from postmortems import blocks

        blocks.register(ActionsBlock())
