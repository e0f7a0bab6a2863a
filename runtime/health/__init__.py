"""Whether a component is ready: its own process must answer, and one look never exceeds its timeout."""

from __future__ import annotations

from runtime.health.budget import Budget
from runtime.health.look import HANG_UP, UNSEEN, Listening, host_of, judge, why_not
from runtime.health.verdict import Verdict

__all__ = ["HANG_UP", "UNSEEN", "Budget", "Listening", "Verdict", "host_of", "judge", "why_not"]
