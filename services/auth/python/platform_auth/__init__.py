"""Who is calling: sessions of Clerk or of the local issuer, users made just in time, one service token."""

from platform_auth.errors import AuthError, Refused
from platform_auth.settings import Settings, read, read_or_exit
from platform_auth.users import PostgresUsers, Profile, User, Users

__all__ = ["AuthError", "PostgresUsers", "Profile", "Refused", "Settings", "User", "Users", "read", "read_or_exit"]
