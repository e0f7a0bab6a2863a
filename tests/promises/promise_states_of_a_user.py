"""G7 as a user: the same for a platform of a second real user, who may read and change less than root."""

from __future__ import annotations

from dataclasses import dataclass

from tests import stranger
from tests.promises.promise_states import States
from tests.promises.specimen import unreachable


@dataclass(frozen=True)
class StatesOfAUser(States):
    name: str = "G7 as a user"
    sample: int = 4
    uid: int = stranger.UID
    pairs: int = 300

    def cannot(self) -> str:
        return unreachable()


PROMISE = StatesOfAUser()
