"""`./dev bundle`: one archive that shows others why a run failed, without secrets."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cli import evidence, render
from cli.context import Context
from cli.option import Argument, Option
from converge.errors import DevError, Exit
from converge.instance import Instance, check_name
from converge.redaction import known
from converge.redaction.redactor import Redactor
from facts.value import dataclass

if TYPE_CHECKING:
    from converge.desired import Loaded


@dataclass(frozen=True)
class Taken:
    """What became of a part; `because` says why it is not there."""

    name: str
    text: str = ""
    because: str = ""

    def document(self) -> dict[str, Any]:
        """Its entry in contents.json and in `./dev bundle --json`."""
        return {"name": self.name, "bytes": len(self.text.encode("utf-8", "replace")), "because": self.because}


def run(
    context: Context,
    file: Annotated[list[str] | None, Argument("FILE", help="The archive; default: .dev/bundle-TIME.tar.gz.")] = None,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
) -> int:
    """Pack logs, status, facts and settings for a person who helps.

    Secrets are hidden. What could not be collected is named in the archive's contents.json.
    """
    if file and len(file) > 1:
        raise DevError("usage", "one file is needed", hint="./dev bundle failed.tar.gz", exit=Exit.USAGE)
    loaded, instance = _target(context)
    taken = take(evidence.parts(context, instance), known.everything(instance, loaded))
    now = datetime.now(UTC)
    own = f"bundle-{now:%Y%m%d-%H%M%S}.tar.gz"
    path = Path(file[0]) if file else instance.dev / own
    path = path / own if path.is_dir() else path
    _write(path, taken, now)
    size = path.stat().st_size
    if json:
        parts = [each.document() for each in taken]
        render.document({"schema": 1, "path": str(path.resolve()), "bytes": size, "parts": parts})
        return int(Exit.OK)
    missing = [each for each in taken if each.because]
    for each in missing:
        render.say(f"without {each.name}: {each.because}", "yellow")
    render.out(f"{path} ({max(1, size // 1024)} KiB, {len(taken) - len(missing)} files, secrets hidden)")
    return int(Exit.OK)


def take(parts: Iterable[evidence.Part], hide: Redactor) -> Sequence[Taken]:
    """Every part, side by side; one that is not available, or whose secrets cannot be removed, is only named."""

    def one(part: evidence.Part) -> Taken:
        began = time.monotonic()
        try:
            text = part.read()
            text = hide.document(text) if part.name.endswith(".json") else hide.text(text)
        except Exception as problem:  # whatever it is: the other parts are still wanted
            return Taken(hide.text(part.name), because=hide.text(f"{type(problem).__name__}: {problem}"))
        if (seconds := time.monotonic() - began) > 1:
            render.say(f"{part.name} ({seconds:.1f} s)", "dim")
        return Taken(hide.text(part.name), text)

    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(one, parts))


def _target(context: Context) -> tuple[Loaded | None, Instance]:
    """Without a readable desired state, which may be the problem itself, only the checkout is used."""
    try:
        return context.loaded, context.instance
    except DevError as problem:
        name = context.instance_name or os.environ.get("DEV_INSTANCE", "")
        if name:
            check_name(name)
        found = Instance(context.checkout, "unknown", name)
        render.say(f"{problem.what} ({problem.code})", "yellow")
        return None, found


def _write(path: Path, taken: Sequence[Taken], now: datetime) -> None:
    """The archive whole or not at all, for its owner only."""
    folder = path.name.partition(".")[0] or "bundle"
    contents = dumps({"schema": 1, "parts": [each.document() for each in taken]}, indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=".bundle-")
        try:
            with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
                _add(archive, f"{folder}/contents.json", contents + "\n", now)
                for each in taken:
                    if not each.because:
                        _add(archive, f"{folder}/{each.name}", each.text, now)
            os.replace(fresh, path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise DevError(
            "not-writable", f"{path} cannot be written", because=problem.strerror or str(problem),
            hint="./dev bundle FILE names another place",
        ) from problem  # fmt: skip


def _add(archive: tarfile.TarFile, name: str, text: str, now: datetime) -> None:
    content = text.encode("utf-8", "replace")
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(now.timestamp())
    archive.addfile(member, io.BytesIO(content))
