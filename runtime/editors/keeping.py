"""Writes an IDE's files in one step, and never changes what the user wrote."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path

from converge import atomic
from facts import git
from facts.value import dataclass, field
from runtime.editors import jetbrains, jsonc, vscode

EXCLUDED = "# files that ./dev keeps for IDEs; `git add -f` shares them with your team"


@dataclass(frozen=True)
class Refused:
    """A file of the user that was not changed."""

    path: str
    because: str
    paste: str = ""
    """The text that would have been written, to be pasted by hand."""


@dataclass
class Keeper:
    """Changed and refused files of one checkout."""

    checkout: Path
    files: list[str] = field(default_factory=list)
    """Files that were changed, relative to the checkout."""
    refused: list[Refused] = field(default_factory=list)

    def entries(self, name: Path, wanted: Sequence[jsonc.Entry], about: str) -> None:
        """Write entries into a file of VS Code; if that is refused, give those of the service `about` to be pasted."""
        path = self.checkout / name
        key, head = vscode.FILES[name.name]
        paste = _to_paste(wanted, about)
        shut = shut_because(path)
        try:
            before = path.read_bytes().decode("utf-8") if path.exists() else ""
            after = jsonc.edited(before, key, wanted, vscode.ours, head)
        except jsonc.Unreadable as problem:
            self.refused.append(Refused(f"{name}:{problem.line}", str(problem), paste))
        except UnicodeDecodeError:
            self.refused.append(Refused(str(name), "it is not UTF-8", paste))
        except OSError as problem:
            self.refused.append(Refused(str(name), shut or problem.strerror or str(problem), paste))
        else:
            if shut and (after != before or not path.exists()):
                self.refused.append(Refused(str(name), shut, paste))
            elif not shut and (wanted or path.exists()):
                self._put(name, after, paste)

    def own(self, directory: Path, pattern: str, wanted: Mapping[str, str]) -> None:
        """Write files that belong to ./dev as a whole; delete those that are not wanted any more."""
        there = {path.name: path for path in (self.checkout / directory).glob(pattern)}
        for name in sorted(wanted.keys() | there.keys()):
            try:
                if name in there and not _is_ours(there[name]):
                    if name in wanted:
                        self.refused.append(Refused(str(directory / name), "it is not one that ./dev wrote"))
                elif name in wanted:
                    self._put(directory / name, wanted[name], "")
                else:
                    there[name].unlink()
                    self.files.append(str(directory / name))
            except OSError as problem:
                self.refused.append(Refused(str(directory / name), problem.strerror or str(problem)))

    def _put(self, name: Path, text: str, paste: str) -> None:
        path = self.checkout / name
        new = not path.exists()
        try:
            path.parent.mkdir(exist_ok=True)
            if replace(path, text.encode()):
                self.files.append(str(name))
                if new:
                    _exclude(self.checkout, name)
        except OSError as problem:
            self.refused.append(Refused(str(name), problem.strerror or str(problem), paste))


def _to_paste(wanted: Sequence[jsonc.Entry], about: str) -> str:
    """The entries of one service, as text for the file."""
    own = [entry for entry in wanted if about in str(entry.get("name", entry.get("label"))).split()]
    return ",\n".join(dumps(entry, indent=4, ensure_ascii=False) for entry in own)


def replace(path: Path, content: bytes, mode: int | None = None) -> bool:
    """Replace the file, with the same mode and owner; False if the content is equal."""
    there = path.stat() if path.exists() else None
    if there and path.read_bytes() == content and mode in (None, stat.S_IMODE(there.st_mode)):
        return False
    fresh = path.with_name(atomic.temporary(path.name))
    owner = there or path.parent.stat()
    try:
        with open(atomic.begun(fresh, mode or 0o666), "wb") as file:
            file.write(content)
        if mode or there:
            fresh.chmod(mode or stat.S_IMODE(owner.st_mode))
        if owner.st_uid != os.geteuid():
            with contextlib.suppress(OSError):
                shutil.chown(fresh, owner.st_uid, owner.st_gid)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return True


def shut_because(path: Path) -> str:
    """Why ./dev must not write the file; empty if it may."""
    for each in (path, path.parent):
        if each.is_symlink():
            return f"{each.name} is a link to {os.readlink(each)}"
    if path.exists() and not path.is_file():
        return "it is not a file"
    if path.exists() and not path.stat().st_mode & stat.S_IWUSR:
        return "it is read-only"
    return ""


def _is_ours(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and jetbrains.MARKER.encode() in path.read_bytes()


def _exclude(checkout: Path, name: Path) -> None:
    """Exclude a file that ./dev made from git's status; a user who wants to share it adds it."""
    try:
        asked = git.argv(checkout, "check-ignore", "-q", str(name))
        ignored = subprocess.run(asked, capture_output=True, timeout=10, env=git.environment())
    except (OSError, subprocess.TimeoutExpired):
        return
    found = excludes(checkout)
    if found is None or ignored.returncode != 1:
        return
    file, prefix = found
    line = f"/{prefix}{name}"
    with contextlib.suppress(OSError):
        before = file.read_text("utf-8", "surrogateescape") if file.exists() else ""
        lines = [line] if EXCLUDED in before else [EXCLUDED, line]
        text = before + ("" if not before or before.endswith("\n") else "\n") + "\n".join(lines) + "\n"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8", "surrogateescape")


def excludes(checkout: Path) -> tuple[Path, str] | None:
    """Git's own list of excluded files, and the path of the checkout in its repository; None without a repository."""
    where = git.argv(checkout, "rev-parse", "--show-prefix", "--git-path", "info/exclude")
    try:
        told = subprocess.run(where, capture_output=True, text=True, timeout=10, env=git.environment())
    except (OSError, subprocess.TimeoutExpired):
        return None
    if told.returncode:
        return None
    prefix, place = told.stdout.split("\n")[:2]
    return checkout / place, prefix
