"""How users are made and found."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import BaseUserManager

if TYPE_CHECKING:
    from accounts.models import User


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address, compared without regard to case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and store a user; without a password they sign in by invitation or single sign-on."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        email = self.normalize_email(email).lower()
        fields.setdefault("display_name", email.partition("@")[0].replace(".", " ").title())
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)
