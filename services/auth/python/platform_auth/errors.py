"""What a refused caller is told: a stable code and its status; why exactly stands in the log alone."""

from __future__ import annotations

ERRORS = {
    "auth_required": (401, "sign in first"),
    "token_invalid": (401, "the session token is not valid"),
    "token_expired": (401, "the session token has expired"),
    "session_pending": (401, "the session waits for a task of its user"),
    "service_token_invalid": (401, "the service token is not valid"),
    "account_disabled": (403, "this account is disabled"),
    "forbidden": (403, "this caller may not do this"),
    "duplicate_credentials": (400, "a credential was given twice"),
    "identity_unavailable": (503, "the identity provider cannot be asked, try again"),
    "provisioning_unavailable": (503, "users cannot be looked up, try again"),
}
RETRY_AFTER_S = 2


class Refused(Exception):
    """The process must not start with this environment."""


class AuthError(Exception):
    """A refusal; `reason` is for the log only."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason
        self.status, self.message = ERRORS[code]

    def body(self, request_id: str) -> dict[str, dict[str, str]]:
        """The JSON document of the answer."""
        return {"error": {"code": self.code, "message": self.message, "request_id": request_id}}

    def headers(self, request_id: str) -> dict[str, str]:
        """The headers of the answer."""
        headers = {"Cache-Control": "no-store", "X-Request-Id": request_id}
        if self.status == 401:
            told = self.code in ("token_invalid", "token_expired", "session_pending")
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if told else "Bearer"
        if self.status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        return headers
