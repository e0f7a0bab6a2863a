"""G5: another spelling of a name or path that a user gives is the plain one, or it is refused with its line."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.promises import oracle
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Verdict

HEAD = "schema = 1\n[project]\nname = 'alias'\n"
SERVICE = "[services.one]\nkind = 'command'\ndev = 'exec sleep 98765'\nready_after = 0.01\nstop_grace = 1\n"
Form = Callable[[str, Place], str]
FORMS: dict[str, Form] = {
    "plain": lambda path, place: path,
    "dot first": lambda path, place: f"./{path}",
    "two dots first": lambda path, place: f"././{path}",
    "two slashes": lambda path, place: path.replace("/", "//"),
    "dot within": lambda path, place: path.replace("/", "/./"),
    "dot at the end": lambda path, place: f"{path}/.",
    "slash at the end": lambda path, place: f"{path}/",
    "up and down": lambda path, place: f"other/../{path}",
    "up and down by itself": lambda path, place: f"{path}/../{path.rpartition('/')[2]}",
    "up out of the checkout": lambda path, place: f"../{place.checkout.path.name}/{path}",
    "by a link": lambda path, place: f"link/{path.partition('/')[2]}",
    "absolute": lambda path, place: f"{place.checkout.path}/{path}",
    "absolute with dots": lambda path, place: f"{place.checkout.path}/./other/../{path}",
    "home": lambda path, place: f"~/{path}",
    "blank before": lambda path, place: f" {path}",
    "blank after": lambda path, place: f"{path} ",
    "blank within": lambda path, place: path.replace("/", "/ "),
    "tab after": lambda path, place: f"{path}\t",
    "line feed after": lambda path, place: f"{path}\n",
    "no-break space after": lambda path, place: f"{path}\u00a0",
    "invisible within": lambda path, place: path.replace("/", "/\u200b"),
    "backslash": lambda path, place: path.replace("/", "\\"),
    "variable": lambda path, place: f"$PWD/{path}",
    "percent": lambda path, place: path.replace("/", "%2F"),
    "capitals": lambda path, place: path.upper(),
    "decomposed": lambda path, place: unicodedata.normalize("NFD", path),
    "compatible": lambda path, place: path.replace("o", "\uff4f"),
    "empty": lambda path, place: "",
    "a file address": lambda path, place: f"file://{place.checkout.path}/{path}",
}
"""Form -> the path, which has one slash, written so."""
OTHERS = ("capitals", "decomposed", "compatible", "backslash", "variable", "percent", "a file address")
"""Forms that are a name of their own on a file system that tells letters apart; there they are taken as written."""


@dataclass(frozen=True)
class Aliases:
    name: str = "G5"
    promised: str = "Another spelling of a name or path is the plain one, or is refused with file and line"
    category: Category = Category.DATA
    sample: int = 8
    seconds: float = 90.0

    def cases(self, seed: int) -> Sequence[Case]:
        return [Case(f"{where}, {form}", (where, form)) for where in PLACES for form in FORMS]

    def try_one(self, case: Case, place: Place) -> Verdict:
        where, form = case.value
        for name in ("conf", "other", "work/spool"):
            (place.checkout.path / name).mkdir(parents=True)
        (place.checkout.path / "link").symlink_to("conf" if where != "service" else "work")
        return PLACES[where](place, form)


def toml(text: str) -> str:
    """As a basic string of TOML, which can hold any character."""
    return '"' + "".join(c if (c.isalnum() and c.isascii()) or c in "/._- " else f"\\U{ord(c):08X}" for c in text) + '"'


def managed(entry: str, plain: str) -> Callable[[Place, str], Verdict]:
    """A managed file or directory under that name alone."""

    def act(place: Place, form: str) -> Verdict:
        path = FORMS[form](plain, place)
        place.checkout.write("desired_state.toml", f"{HEAD}[files.{toml(path)}]\n{entry}\n")
        before = set(oracle.tree(place.checkout.path))
        ran = place.dev("doctor", "--fix")
        made = {name for name in set(oracle.tree(place.checkout.path)) - before if not name.startswith(".dev")}
        if refused(ran.code, ran.out + ran.err):
            return Held() if not made else Broken(f"refused, but it made {made}")
        if ran.code or "undo" in ran.out:
            return Broken(f"ends with {ran.code}, without a line of the file\n{ran.out}{ran.err}")
        expected = {os.path.normpath(path) if form in OTHERS else plain}
        if not {name for name in made if name in expected} or any(name.startswith(".") for name in made):
            return Broken(f"made {made}, not {expected}")
        again = place.dev("doctor", "--fix", "--json")
        return Held() if again.code == 0 and again.json["rounds"] == 0 else Broken(f"a second run: {again.out}")

    return act


def twice(place: Place, form: str) -> Verdict:
    """Two entries with different contents, the second under another name: never a repair that undoes another."""
    plain, path = "conf/\u00e9.ini", FORMS[form]("conf/\u00e9.ini", place)
    first, second = f"[files.{toml(plain)}]\ncontent = 'one'\n", f"[files.{toml(path)}]\ncontent = 'two'\n"
    place.checkout.write("desired_state.toml", HEAD + first + second)
    ran = place.dev("doctor", "--fix")
    if refused(ran.code, ran.out + ran.err):
        return Held()
    if ran.code or form not in OTHERS:
        return Broken(f"ends with {ran.code}\n{ran.out}{ran.err}")
    again = place.dev("doctor", "--fix", "--json")
    return Held() if again.code == 0 and again.json["rounds"] == 0 else Broken(f"a second run: {again.out}")


def service(place: Place, form: str) -> Verdict:
    """The directory in which a service runs."""
    path = FORMS[form]("work/spool", place)
    place.checkout.write("desired_state.toml", f"{HEAD}{SERVICE}path = {toml(path)}\n")
    ran = place.dev("start")
    if ran.code:
        named = refused(ran.code, ran.out + ran.err)
        return Held() if named and not place.processes() else Broken(f"ends with {ran.code}\n{ran.out}{ran.err}")
    sleeping = [each.pid for each in place.processes() if each.command.endswith("98765")]
    where = {os.readlink(f"/proc/{pid}/cwd") for pid in sleeping}
    wanted = place.checkout.path / ("" if form == "empty" else "work/spool")
    stopped = place.dev("stop")
    fine = where == {str(wanted.resolve())} and stopped.code == 0 and not place.processes()
    return Held() if fine else Broken(f"it runs in {where}; stop: {stopped.code} {stopped.err}")


def word(key: str, plain: str) -> Callable[[Place, str], Verdict]:
    """A name in the desired state: the plain one is taken, every other form of it is refused with its line."""

    def act(place: Place, form: str) -> Verdict:
        name = plain if form == "plain" else FORMS[form](f"{plain[0]}/{plain[1:]}", place)
        place.checkout.write("desired_state.toml", HEAD + SERVICE + key.replace("NAME", toml(name)))
        ran = place.dev("doctor")
        if form == "plain":
            fine = ran.code in (0, 2) or "error[lock-missing]" in ran.err
            return Held() if fine else Broken(f"{ran.code}\n{ran.out}{ran.err}")
        fine = refused(ran.code, ran.out + ran.err)
        return Held() if fine else Broken(f"{name!r} ends with {ran.code}\n{ran.out}{ran.err}")

    return act


def refused(code: int, text: str) -> bool:
    """Whether it is a refusal with file and line."""
    return code in (3, 4, 65) and bool(re.search(r"desired_state(\.local)?\.toml:\d+", text)) and "undo" not in text


PLACES: dict[str, Callable[[Place, str], Verdict]] = {
    "file": managed("content = 'one'", "conf/\u00e9.ini"),
    "directory": managed("directory = true", "conf/spool"),
    "twice": twice,
    "service": service,
    "need": word("[services.two]\nkind = 'command'\ndev = 'exec sleep 1'\nneeds = [NAME]\n", "one"),
    "variable": word("env = { NAME = 'x' }\n", "GREETING"),
    "component": word("[services.NAME]\nkind = 'command'\ndev = 'exec sleep 1'\n", "two"),
    "tool": word("[tools]\nNAME = '1.0'\n", "hello"),
}
"""Where a user gives a name or path -> what is tried there."""
PROMISE = Aliases()
