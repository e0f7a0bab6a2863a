"""Bench (a): a converged doctor, status and a no-op fix beside peers that make the same checks, in one run.

`python bench/commands.py [ROUNDS]` on a checkout whose platform runs. Peers are installed below .dev/bench by their
ordinary clients: mise (npm), ansible-core (pip); pyinfra is the tool's own.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import TOOL, interleaved, run

PEERS = TOOL / ".dev" / "bench"
ARCH = "arm64" if platform.machine() in ("arm64", "aarch64") else "x64"
MISE = f"@jdxcode/mise-{'macos' if sys.platform == 'darwin' else 'linux'}-{ARCH}@2026.9.15"
ANSIBLE = "ansible-core==2.19.14"  # the newest for Python 3.11


def checks() -> list[str]:
    """What doctor looks at, as shell commands that exit 0 where all is well."""
    document = json.loads(
        subprocess.run([str(TOOL / "dev"), "doctor", "--json"], capture_output=True, text=True, check=True).stdout
    )
    store = Path(os.environ.get("DEV_STORE") or "/var/lib/dev/store" if os.geteuid() == 0 else
                 os.path.expanduser("~/.local/share/dev/store"))  # fmt: skip
    commands = []
    for item in document["items"]:
        noun, _, name = item["id"].partition(".")
        commands.append(
            {
                "machine": "df -Pk . && ulimit -n",
                "packages": f"command -v {item['found'] or name}",
                "tools": f"test -d {store}/tools/{name} || command -v {name}3",
                "env": f"grep -q {name} .dev/values || true",
                "ports": f"(ss -ltn 2>/dev/null || cat /proc/net/tcp) | head -{item['want'][:2] or 50}",
                "data": "test -d .dev",
                "dependencies": f"sha256sum services/{name}/*lock* services/{name}/go.sum 2>/dev/null || true",
            }[noun]
        )
    return commands


def prepare() -> None:
    """Install the peers and write what they run."""
    PEERS.mkdir(parents=True, exist_ok=True)
    if not list(PEERS.glob("node_modules/@jdxcode/*/bin/mise")):
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(PEERS), MISE], check=True)
    if not (PEERS / "venv/bin/ansible-playbook").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS / "venv")], check=True)
        subprocess.run([str(PEERS / "venv/bin/pip"), "install", "-q", ANSIBLE], check=True)
    (PEERS / "mise.toml").write_text('[tools]\ngo = "1.27.3"\nnode = "24.19.0"\nuv = "0.13.8"\n')
    lines = ["from pyinfra import host", "from pyinfra.facts.server import Command"]
    lines += [f"host.get_fact(Command, command={command!r})" for command in checks()]
    (PEERS / "checks.py").write_text("\n".join(lines) + "\n")
    tasks = [{"shell": command, "args": {"chdir": str(TOOL)}, "changed_when": False} for command in checks()]
    (PEERS / "checks.json").write_text(
        json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}])
    )


def main(rounds: int) -> None:
    """Print the table."""
    prepare()
    dev, (program,) = str(TOOL / "dev"), PEERS.glob("node_modules/@jdxcode/*/bin/mise")
    mise = {**os.environ, "MISE_OFFLINE": "1", "MISE_TRUSTED_CONFIG_PATHS": str(PEERS), "MISE_YES": "1"}
    pyinfra, playbook = TOOL / ".dev/venv/bin/pyinfra", PEERS / "venv/bin/ansible-playbook"
    ansible = {
        **os.environ, "ANSIBLE_LOCALHOST_WARNING": "0", "LC_ALL": "C.UTF-8",
        "ANSIBLE_PYTHON_INTERPRETER": str(PEERS / "venv/bin/python"),
    }  # fmt: skip
    costs = interleaved(
        {
            "`./dev doctor`": lambda: run([dev, "doctor"], TOOL),
            "`./dev status`": lambda: run([dev, "status"], TOOL),
            "`./dev doctor --fix`, nothing to do": lambda: run([dev, "doctor", "--fix"], TOOL),
            "`mise doctor`": lambda: run([str(program), "doctor"], PEERS, mise),
            "`pyinfra @local`, same checks": lambda: run(
                [str(pyinfra), "-y", "@local", str(PEERS / "checks.py")], TOOL
            ),
            "`ansible-playbook`, same checks": lambda: run(
                [str(playbook), "-i", "localhost,", str(PEERS / "checks.json")], TOOL, ansible
            ),
        },
        rounds,
    )
    base = costs["`./dev doctor`"]
    print(f"| command ({rounds} rounds, medians) | wall ms | CPU ms | CPU against doctor |\n|---|---:|---:|---:|")
    for name, cost in costs.items():
        print(cost.row(name, base))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
