"""Times as people write them after `--since` and `--until`: the stamps that logs print, and ages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from converge.errors import DevError, Exit
from runtime.logs.lines import EARLIEST

UNITS = {
    "ms": "milliseconds", "s": "seconds", "sec": "seconds", "m": "minutes", "min": "minutes", "h": "hours",
    "hour": "hours", "d": "days", "day": "days", "w": "weeks", "week": "weeks",
}  # fmt: skip
LASTS = {"part": "milliseconds", "second": "seconds", "minute": "minutes", "hour": "hours", "date": "days"}
"""Part of a stamp -> its unit, the smallest first."""
MILLISECOND = timedelta(milliseconds=1)
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|sec|m|min|h|hour|d|day|w|week)s?(?![a-z])", re.IGNORECASE)
_STAMP = re.compile(
    r"(?:(?P<date>\d{4}-\d\d-\d\d)(?:[T ]|$|(?=[Z+-])))?"
    r"(?:(?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?)?)?"
    r"\s?(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)


def since(text: str, now: datetime | None = None) -> str:
    """The first stamp of the given time. DevError if it is not a time."""
    return _stamped(_meant(text, "--since", now or datetime.now(UTC))[0])


def until(text: str, now: datetime | None = None) -> str:
    """The last stamp of the given time: `17:02` lasts until 17:02:59.999. DevError if it is not a time."""
    first, lasts = _meant(text, "--until", now or datetime.now(UTC))
    return _stamped(first + lasts - MILLISECOND)


def _meant(text: str, flag: str, now: datetime) -> tuple[datetime, timedelta]:
    """The moment, and the duration of the smallest given unit."""
    try:
        return _age(text, now) or _moment(text.strip(), now)
    except ValueError as problem:
        raise DevError(
            "usage", f"{flag} {text!r} is not a time", because=str(problem),
            hint=f"an age as {flag} 90s, 1h30m or 2d; or a time (UTC without an offset) as logs print it: "
            f"{flag} 17:02:27, 2026-11-25T17:02:27.377Z, '2026-11-25 18:02:27+01:00', 2026-11-25",
            exit=Exit.USAGE,
        ) from None  # fmt: skip


def _age(text: str, now: datetime) -> tuple[datetime, timedelta] | None:
    """The moment so long ago; None if the text is not a duration."""
    text, at, past = re.sub(r"\s+ago\s*$", "", text), 0, timedelta()
    while found := _PART.match(text, at):
        try:
            past += timedelta(**{UNITS[found[2].lower()]: float(found[1])})
        except OverflowError:
            past = timedelta.max
        at = found.end()
    if at == 0 or text[at:].strip():
        return None
    try:
        return now - past, MILLISECOND
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC), MILLISECOND


def _moment(text: str, now: datetime) -> tuple[datetime, timedelta]:
    """A stamp or a part of one. A time without a date is the last such time. ValueError if it is neither."""
    found = _STAMP.fullmatch(text)
    if not found or not (found["date"] or found["minute"]):
        raise ValueError("it is neither an age nor a time")
    zone = _zone(found["zone"] or "Z")
    day = datetime.strptime(found["date"], "%Y-%m-%d") if found["date"] else now.astimezone(zone)
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    micro = int((found["part"] or "0")[:6].ljust(6, "0")) // 1000 * 1000
    moment = datetime(day.year, day.month, day.day, hour, minute, second, micro, zone)
    if not found["date"] and moment > now:
        moment -= timedelta(days=1)
    units = (
        ("part", "milliseconds"),
        ("second", "seconds"),
        ("minute", "minutes"),
        ("hour", "hours"),
        ("date", "days"),
    )
    smallest = next(unit for name, unit in units if found[name])
    return moment, timedelta(**{smallest: 1})


def _zone(text: str) -> timezone:
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _stamped(moment: datetime) -> str:
    try:
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    except OverflowError:
        return EARLIEST
