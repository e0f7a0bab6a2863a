"""Takes the entries of ./dev out of an IDE's files again; what a person wrote or edited stays, and is named."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facts.value import dataclass, field
from runtime.editors import jetbrains, jsonc, keeping, recipes, vscode
from runtime.platform import Platform


@dataclass
class Removal:
    """What became of the entries; paths are relative to the checkout."""

    checkout: Path
    files: list[str] = field(default_factory=list)
    """Files that were changed or deleted."""
    stays: list[str] = field(default_factory=list)
    """What was left, and why, one clause each."""


def remove(platform: Platform) -> Removal:
    """Remove every entry and file that is as ./dev writes it; only the default instance has any."""
    done = Removal(platform.instance.checkout)
    if platform.instance.name:
        return done
    shown = recipes.shown(platform)
    for name, entries in vscode.entries(shown).items():
        with _or_stays(done, Path(".vscode") / name):
            _entries(done, Path(".vscode") / name, entries)
    wanted = {jetbrains.file_name(each): jetbrains.text(each) for each in shown.values()}
    _files(done, Path(".run"), wanted)
    return done


@contextlib.contextmanager
def _or_stays(done: Removal, name: Path) -> Iterator[None]:
    """A file that cannot be changed, as it is another user's, is named; the others are removed."""
    try:
        yield
    except OSError as problem:
        done.stays.append(f"{name}: it cannot be changed ({problem.strerror or problem})")


def _entries(done: Removal, name: Path, made: Sequence[jsonc.Entry]) -> None:
    path = done.checkout / name
    key, head = vscode.FILES[name.name]
    if not path.exists():
        return
    if shut := keeping.shut_because(path):
        done.stays.append(f"{name}: {shut}")
        return
    try:
        before = path.read_bytes().decode()
        after = jsonc.edited(before, key, [], lambda entry: entry in made, head)
        left = [entry for entry in jsonc.load(after).get(key, ()) if isinstance(entry, dict) and vscode.ours(entry)]
    except (OSError, UnicodeDecodeError, jsonc.Unreadable, AttributeError, TypeError) as problem:
        done.stays.append(f"{name}: it is not readable ({problem})")
        return
    titles = [f"`{entry.get('name', entry.get('label'))}`" for entry in left]
    done.stays += [f"{', '.join(titles)} in {name}, not as ./dev wrote it"] if titles else []
    if after == before:
        return
    if not left and _is_empty(after, {**head, key: []}) and (_taken_back(done, name) or _bare(done, name, made, after)):
        path.unlink()
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    else:
        keeping.replace(path, after.encode())
    done.files.append(str(name))


def _files(done: Removal, directory: Path, wanted: Mapping[str, str]) -> None:
    for path in sorted((done.checkout / directory).glob(jetbrains.PATTERN)):
        name = directory / path.name
        with _or_stays(done, name):
            if not keeping.shut_because(path) and path.read_bytes() == wanted.get(path.name, "").encode():
                path.unlink()
                _taken_back(done, name)
                done.files.append(str(name))
            else:
                done.stays.append(f"{name}, not as ./dev wrote it")


def _bare(done: Removal, name: Path, made: Sequence[jsonc.Entry], after: str) -> bool:
    """Whether, without git, `after` is what remains of a file that ./dev made and that was not edited."""
    key, head = vscode.FILES[name.name]
    full = jsonc.edited("", key, made, lambda _: False, head)
    return jsonc.edited(full, key, [], lambda _: True, head) == after and keeping.excludes(done.checkout) is None


def _is_empty(text: str, nothing: Mapping[str, Any]) -> bool:
    """Whether nothing else is in it, no comment either."""
    try:
        return bool(json.loads(text) == nothing)
    except ValueError:
        return False


def _taken_back(done: Removal, name: Path) -> bool:
    """Whether ./dev had made the file, which git's own list of excluded files says; its line is removed there."""
    found = keeping.excludes(done.checkout)
    if found is None:
        return False
    file, prefix = found
    try:
        lines = file.read_text("utf-8", "surrogateescape").splitlines(keepends=True)
        at = lines.index(f"{keeping.EXCLUDED}\n")
        own = lines.index(f"/{prefix}{name}\n", at)
    except (OSError, ValueError):
        return False
    del lines[own]
    if at + 1 == len(lines) or not lines[at + 1].startswith("/"):
        del lines[at]
    try:
        keeping.replace(file.resolve(), "".join(lines).encode("utf-8", "surrogateescape"))
    except OSError as problem:
        done.stays.append(f"the line of {name} in git's info/exclude: {problem.strerror or problem}")
    return True
