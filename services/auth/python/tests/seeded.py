"""The users of the vector file, in memory."""

from __future__ import annotations

from platform_auth import Profile, User


class SeededUsers:
    """Knows the seeds, and takes everybody else for active."""

    def __init__(self, seeds: dict[str, dict[str, str]]) -> None:
        self.rows = [User(s["id"], "", s["subject"], s["status"]) for s in seeds.values() if "subject" in s]

    def cached(self, issuer: str, subject: str) -> User | None:
        return None

    def ensure(self, issuer: str, subject: str, profile: Profile) -> User:
        found = next((row for row in self.rows if row.subject == subject), None)
        return found or User("00000000-0000-4000-8000-00000000aaaa", issuer, subject, "active")

    def by_id(self, user_id: str) -> User | None:
        return next((row for row in self.rows if row.id == user_id), None)
