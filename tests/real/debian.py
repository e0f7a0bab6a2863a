"""The base of all stand-ins: Debian by mmdebstrap, from the machine's own package sources, with its certificates."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

from tests.real.place import SBIN

SUITE = "bookworm"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
EXTRA = "/usr/local/share/ca-certificates"
"""Where Debian's `update-ca-certificates` looks for a machine's own authorities."""
MERGED = "/usr/share/mmdebstrap/hooks/merged-usr"
LEFT_OUT = ("doc", "man", "info", "locale")
BUNDLE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""For those that bring certificates of their own and look at no others unasked."""


def identity() -> str:
    """What the base is made of, apart from the packages' versions of today."""
    certificates = [path.read_bytes() for path in (_bundle(), *_own_certificates())]
    parts = ["\n".join(_command()).encode(), sources().encode(), *certificates]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def bootstrap(target: Path) -> None:
    """Write the root file system as a tar archive."""
    argv = [*_command(), SUITE, str(target), "-"]
    ran = subprocess.run(argv, input=sources(), capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
    if ran.returncode:
        raise RuntimeError("mmdebstrap failed:\n" + "\n".join(ran.stderr.splitlines()[-15:]))


def sources() -> str:
    """The machine's package sources for this suite, without those of third parties."""
    found = []
    for path in sorted(Path("/etc/apt").glob("sources.list.d/*.sources")):
        found += [stanza for stanza in re.split(r"\n\s*\n", path.read_text()) if _suites(stanza)]
    if not found:
        for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt").glob("sources.list.d/*.list"))):
            lines = path.read_text().splitlines() if path.exists() else []
            found += [line for line in lines if re.match(rf"deb\s+(\[.*\]\s+)?\S+\s+{SUITE}", line)]
        return "\n".join(found) + "\n"
    without_comments = (re.sub(r"^#.*\n", "", stanza.strip(), flags=re.M) for stanza in found)
    return "\n\n".join(without_comments) + "\n"


def _command() -> list[str]:
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar"]
    # without the hook the suite is merged by a package that brings all of Perl
    argv += [f"--hook-dir={MERGED}", "--include=ca-certificates,usr-is-merged"]
    argv += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    argv += [f"--aptopt={line}" for line in (*_settings(), 'APT::Install-Recommends "false"')]
    argv += [f"--customize-hook=copy-in {path} {EXTRA}" for path in _own_certificates()]
    argv += ['--customize-hook=chroot "$1" update-ca-certificates', f"--customize-hook=upload {_bundle()} {BUNDLE}"]
    return [*argv, '--customize-hook=sed -i /Recommends/d "$1"/etc/apt/apt.conf.d/99mmdebstrap']


def _suites(stanza: str) -> bool:
    named = re.search(r"^Suites:(.*)$", stanza, re.M)
    return bool(named and re.search(r"^Types:.*\bdeb\b", stanza, re.M)) and all(
        suite == SUITE or suite.startswith(f"{SUITE}-") for suite in (named.group(1).split() if named else ())
    )


def _settings() -> list[str]:
    """How the machine's apt reaches its sources: proxies, certificates, mirrors frozen in the past."""
    dumped = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True).stdout
    wanted = re.compile(r"^Acquire::(Check-|Retries|https?::(\S+::)?(Proxy|CaInfo|Verify))")
    return ['Acquire::Languages "none"', *(line.rstrip(";") for line in dumped.splitlines() if wanted.match(line))]


def _bundle() -> Path:
    return Path(os.environ.get("SSL_CERT_FILE") or BUNDLE)


def _own_certificates() -> list[Path]:
    return sorted(Path(EXTRA).glob("*.crt"))
