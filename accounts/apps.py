from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        """Let archives hold people, teams and the audit log."""
        from accounts import portable
        from accounts.portable.people import KINDS

        portable.register(*KINDS)
