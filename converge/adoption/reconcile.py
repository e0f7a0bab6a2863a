"""Makes one draft of what all readers say: of two values of one key the first counts, and a comment has the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from converge.adoption import names, numbers
from converge.adoption.draft import Draft, Entry, Line
from converge.adoption.evidence import Claim, Note, Table, Value
from facts.value import replace

TABLES: tuple[Table, ...] = ("project", "tools", "env", "compose", "infra", "services", "tasks")
"""In the order in which they are written."""
UNITED = ("needs", "uses", "watch", "databases", "extensions", "env_file", "init")
"""Lists to which each reader adds."""
FIRST = ("file", "profiles", "services", "kind", "path", "port", "ports", "app", "main", "dev", "run", "needs")
"""Keys that are written before others."""
PROPOSALS = ("name", "as_main")
"""Keys of claims of a service that are not keys of its entry."""
NO_PORT = "no file says on which port it listens: without `port` it is a worker"
UNKNOWN = 'no file says which command runs it here: add dev = "…"'


def draft(said: Iterable[Claim | Note], directory: str) -> Draft:
    """The draft; `directory` is the name of the checkout's own directory, from which the project has its name."""
    claims, notes = [], []
    for each in said:
        if isinstance(each, Claim):
            claims.append(each)
        elif each not in notes:
            notes.append(each)
    grouped: dict[tuple[Table, str, str], list[Claim]] = {}
    for claim in claims:
        grouped.setdefault((claim.table, claim.of, claim.also), []).append(claim)
    project = [_project(grouped.pop(("project", "", ""), []), directory)]
    infra = [_plain(*each) for each in grouped.items() if each[0][0] == "infra"]
    services = _services(
        [each for each in grouped.items() if each[0][0] == "services"],
        taken={entry.name for entry in infra}, project=str(project[0].said("name")),
    )  # fmt: skip
    rest = [_plain(*each) for each in grouped.items() if each[0][0] not in ("infra", "services")]
    entries = sorted([*project, *infra, *services, *rest], key=_place)
    return Draft(entries=numbers.distinct(entries), notes=tuple(notes))


def _place(entry: Entry) -> tuple[int, str, str]:
    return TABLES.index(entry.table), entry.of, entry.name


def _project(claims: Sequence[Claim], directory: str) -> Entry:
    lines = _lines(claims)
    if not any(line.key == "name" for line in lines):
        guess = "the name of the directory"
        lines = (Line(key="name", value=names.component(directory) or "project", sources=(), guess=guess), *lines)
    return Entry(table="project", lines=lines)


def _plain(group: tuple[Table, str, str], claims: Sequence[Claim]) -> Entry:
    table, of, _ = group
    source = claims[0].source if table in ("infra", "tasks") else ""
    return Entry(table=table, name=of if source else "", lines=_lines(claims), source=source)


def _services(
    groups: Sequence[tuple[tuple[Table, str, str], list[Claim]]], taken: set[str], project: str
) -> list[Entry]:  # fmt: skip
    """Services with a name each; what has neither a kind nor a command is written as a comment with a question."""
    found = []
    main = {of: claims for (_, of, also), claims in groups if not also}
    for (_, of, also), claims in groups:
        if also:
            claims = [*claims, *_as_main(claims, main.get(of, []))]
        if _is_service(claims):
            found.append(_service(of, also, claims, taken, project))
            taken.add(found[-1].name)
    return found


def _service(of: str, also: str, claims: Sequence[Claim], taken: set[str], project: str) -> Entry:
    proposed = next((str(claim.value) for claim in claims if claim.key == "name"), "")
    place = also if also and of == "." else "-".join(filter(None, (_last(of, project), also)))
    own = names.component(proposed) or names.component(place) or "service"
    lines, by = _lines([claim for claim in claims if claim.key not in PROPOSALS]), claims[0].source
    keys = {line.key for line in lines}
    if "kind" not in keys:
        lines = (Line(key="kind", value="command", sources=(by,)), *lines)
    if of != ".":
        lines = (*lines, Line(key="path", value=of, sources=()))
    questions = _questions(keys, also)
    return Entry(
        table="services", name=_unused(own, taken), of=of, lines=_sorted(lines), source=by,
        questions=questions, off=UNKNOWN in questions,
    )  # fmt: skip


def _questions(keys: set[str], also: str) -> tuple[str, ...]:
    """What no file says of a service with these keys."""
    if not keys & {"kind", "dev"}:
        return (UNKNOWN,)
    return (NO_PORT,) if not also and not keys & {"port", "dev"} else ()


def _as_main(claims: Sequence[Claim], main: Sequence[Claim]) -> list[Claim]:
    """How the main service of the directory runs, for another one of which nothing says how it does."""
    keys = {claim.key for claim in claims}
    if "as_main" not in keys or keys & {"kind", "dev", "app", "main"}:
        return []
    guess = "as the other service of this directory"
    return [replace(claim, guess=guess) for claim in main if claim.key in ("kind", "app", "main", "dev")]


def _is_service(claims: Sequence[Claim]) -> bool:
    """Whether anything says that something runs there; a migration or a file of variables alone is not a service."""
    return any(claim.key in ("kind", "dev", "port", "name") for claim in claims)


def _last(path: str, project: str) -> str:
    return project if path == "." else path.rpartition("/")[2]


def _unused(proposed: str, taken: set[str]) -> str:
    count, found = 1, proposed
    while found in taken:
        count += 1
        found = f"{proposed[: names.LONGEST - 4]}-{count}"
    return found


def _lines(claims: Sequence[Claim]) -> tuple[Line, ...]:
    """One line for each key, of all that is said of it."""
    keys: dict[str, list[Claim]] = {}
    for claim in claims:
        keys.setdefault(claim.key, []).append(claim)
    return _sorted([_line(key, said) for key, said in keys.items()])


def _line(key: str, claims: Sequence[Claim]) -> Line:
    firm = [claim for claim in claims if not claim.guess]
    chosen = (firm or list(claims))[0]
    line = Line(key=key, value=chosen.value, sources=(chosen.source,), guess=chosen.guess)
    if key in UNITED:
        values = dict.fromkeys(each for claim in claims for each in _listed(claim.value))
        return replace(line, value=tuple(values), sources=tuple(dict.fromkeys(claim.source for claim in claims)))
    others = {
        f"{claim.source} says {_short(claim.value)}"
        for claim in claims
        if claim.value != chosen.value and (not claim.guess or chosen.guess)
    }
    return replace(line, others=tuple(sorted(others)))


def _listed(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


def _short(value: Value) -> str:
    """A value in a comment. No text of an environment is shown, as it may be a secret that only looks like none."""
    shown = json.dumps(value, ensure_ascii=False) if not isinstance(value, Mapping) else "otherwise"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _sorted(lines: Iterable[Line]) -> tuple[Line, ...]:
    def place(line: Line) -> tuple[int, str]:
        if line.key in FIRST:
            return FIRST.index(line.key), ""
        return len(FIRST) + line.key.startswith("env."), line.key

    return tuple(sorted(lines, key=place))
