from django.apps import AppConfig


class PostmortemsConfig(AppConfig):
    name = "postmortems"

    def ready(self) -> None:
        """Hear of imported incidents."""
        from postmortems import receivers  # noqa: F401  (connects them)
