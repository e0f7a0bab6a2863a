"""Test users by header, for APP_ENV=test on this machine alone. A distribution of its own: no image installs it."""

from platform_auth_testing.backdoor import open_backdoor

__all__ = ["open_backdoor"]
