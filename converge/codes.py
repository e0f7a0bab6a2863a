"""Every error code: what it means and what helps; `--explain CODE` and the reference page come from here."""

from __future__ import annotations

CODES: dict[str, str] = {
    "auth-absent": "The desired state has no [auth], so nobody mints tokens on this machine.",
    "auth-clerk": "Clerk's keys are set, so identities come from Clerk: no token is minted on this machine. Take the "
    "CLERK_ variables out of .dev/values or desired_state.local.toml to use local ones.",
    "auth-keys": "A Clerk variable has not the form of one; services would refuse to start. It is never printed.",
    "auth-marker": "A variable that hosting platforms set in production stands in the environment of a test.",
    "auth-pair": "Clerk's variables do not belong together: of test and of live, of two instances, or half of a pair.",
    "auth-parties": "With Clerk's keys services must know for whom its tokens are: AUTH_AUTHORIZED_PARTIES holds the "
    "origins of the web applications, separated by commas.",
    "auth-refused": "With these variables services that use the authentication kits end with 78 before they listen: "
    "APP_ENV is neither development nor test and no Clerk key is set, or it is test together with one.",
    "bad-archive": "A downloaded archive holds a path outside of itself. Nothing was unpacked. Report it to its maker.",
    "bad-comparison": 'A value of [machine] is an operator, a number and a unit: ">=5 GiB", ">=4096"; one of [docker] '
    'is an operator and a version: ">=20.10".',
    "bad-mode": 'Permission bits of a managed file are three octal digits in quotes, such as "0644".',
    "bad-name": "Names of the project and of components become host names, paths and databases: lower-case letters, "
    "digits and dashes, at most 32. Variables take letters, digits and underscores.",
    "bad-path": "Paths in the desired state are relative to the checkout and stay in it.",
    "bad-pattern": "The text is not a regular expression in Python's syntax.",
    "bad-template": "Text in braces names a component and one of url, address, host and port: {postgres.url}; of "
    "its own there are {host}, {port} and {state}.",
    "bad-type": "A key has a value of another type than the schema wants; `./dev schema` describes every key.",
    "bad-version": 'A tool is pinned to one exact version, such as "1.27.3".',
    "blocked": "The step waits for another one that was not taken. Repair that one first.",
    "bug": "./dev itself failed. Its log file holds what a maintainer needs; nothing of your work is touched.",
    "build-failed": "A tool that is built from source did not build. The last lines of the compiler say why.",
    "compile-failed": "A service that is to run under its debugger does not compile. What ran goes on running.",
    "command-missing": "A program is neither pinned in [tools] nor on PATH, or a component has no command.",
    "command-slow": "A command took longer than its limit and was ended with all it started: often a hanging network.",
    "compose-failed": "Compose refused what it was asked; its own last words follow. Often a Compose file that does "
    "not fit: `docker compose config` reads it.",
    "compose-missing": "Compose v2 is not there, or older than [docker] asks for. One comes into the store: from "
    "Debian's archive, or built with Go; a newer plugin of yours is taken as it is.",
    "consent-destructive": "The step cannot be undone, so --yes does not cover it: allow it by its id with --allow=ID.",
    "consent-missing": "The step changes the whole machine and nobody agreed: answer the question, or give --yes.",
    "compose-route": "Names and published ports of services stand in compose/routes.yaml, in whose place the gateway "
    "comes. One in services.yaml would be there twice.",
    "container-failed": "The engine could not start a container that Compose had made; its own words follow.",
    "copy-failed": "The data could not be copied, or differ on the two sides. The source is as it was, and is still "
    "the one that is used.",
    "data-elsewhere": "The data of a component lie in one placement, and another was asked for, where it would begin "
    "with none. `./dev data copy` moves them.",
    "data-running": "The data of a component can be put back only while nobody else uses them: stop what does.",
    "data-there": "Data would be moved to where some lie already, and would be mixed with them. Nothing was changed.",
    "dependencies-failed": "The package manager of a service did not succeed; its own words follow. Often a network, "
    "proxy or private-index setting, or a lock file that does not fit its manifest.",
    "disk-full": "There is no space left. What was half written is removed; make room and run again.",
    "docker-unavailable": "A component can only run in Docker, and Docker cannot be used; `./dev doctor --only "
    "docker` says why.",
    "download-failed": "No provider of a tool could be reached or none had it. What is installed goes on working. "
    "Proxy (HTTPS_PROXY), private CA (SSL_CERT_FILE) and index settings of pip and Go are honoured.",
    "duplicate-name": "A component has one name, be it infrastructure or service.",
    "edge-lost": "The process that stands on the ports of services in containers did not start, or does not answer. "
    "`./dev stop` and a start make it anew.",
    "engine-access": "Only root and one group may ask the Docker engine. Membership counts from the next login on; "
    "`sg docker -c './dev start'` goes on at once.",
    "engine-app": "Docker Desktop, colima, OrbStack or podman brings the engine here and does not run. ./dev starts no "
    "second one beside it, which would hide your images and data: start it, by the command in the hint.",
    "engine-changed": "The containers or data of this instance are on another Docker engine than the one this shell "
    "speaks to; a start there would begin with none.",
    "engine-down": "A Docker engine is installed and does not run, or its socket is left over from one that ended.",
    "engine-elsewhere": "DOCKER_HOST, DOCKER_CONTEXT or the current context leads to an engine that is not on this "
    "machine, or to none. Only a local one can run a local platform.",
    "engine-failed": "The Docker engine does not start, and nothing that ./dev knows to set right was the reason. What "
    "it says of itself stands in /var/log/dev-dockerd.log or the journal.",
    "engine-lost": "The Docker engine that has the containers of this instance does not answer, so they cannot be "
    "ended.",
    "engine-left-over": "The engine stumbles over what is left of a start that was cut off when it was killed: a "
    "port it still holds, or a task of containerd. Restarting the engine clears it.",
    "engine-missing": "There is no Docker engine, and [docker] asks for one.",
    "engine-old": "The engine that answers is older than [docker] asks for. ./dev replaces none that runs.",
    "env-both": "A variable has a fixed value or a generated one, never both.",
    "env-missing": "Only a person can give this value: write NAME=VALUE into .dev/values.",
    "env-pattern": "The value in .dev/values does not match the declared pattern. It is never printed; correct it.",
    "env-weak": "A generated secret of less than 16 random bytes can be guessed.",
    "file-both": "A managed entry is a file with content or a directory.",
    "foreign-file": "A path that should be a directory is a file, or the other way round; move it away by hand.",
    "gateway-lost": "The gateway, through which services in containers are reached, does not answer or refused what it "
    "was told. `./dev logs` of its container, or `./dev stop` and a start, help.",
    "hash-mismatch": "A downloaded file is not the one whose hash stands in desired_state.lock; nothing was installed. "
    "Either the lock is wrong (`git diff desired_state.lock`) or somebody gives you another file.",
    "home-missing": "There is no home directory for the store of tools: set HOME, or DEV_STORE.",
    "ide-listens": "A service cannot go back while the process of the IDE still listens on its port. It was not begun "
    "with the service's environment file, so nobody but its debugger ends it.",
    "image-digest": "An image is not the one whose digest stands in desired_state.lock, or in the archive it came "
    "from; it is not used.",
    "image-unavailable": "An image can neither be found in the engine nor pulled. A registry mirror, or `./dev "
    "images load`, brings it.",
    "in-your-ide": "A service that is handed off to an IDE is debugged there. Take it back, then `./dev debug` it.",
    "initdb-failed": "Postgres could not make its data directory; its own words follow.",
    "instance-name": "An instance's name becomes part of paths and host names: lower-case letters, digits and dashes.",
    "interrupted": "The run was interrupted before this was done. Run it again; it goes on where it ended.",
    "issuer-down": "The service that [auth] names does not run, or is not ready. It alone mints tokens, and the secret "
    "that opens it is shown to nobody else who may listen on its port.",
    "layers-old": "The disk is short, and untagged images and build cache that nobody uses fill a part of it. They are "
    "deleted only with --allow=docker.disk.",
    "local-override": "desired_state.local.toml may change ports, placements, env and docker.engine and docker.mirror, "
    "and only of what is declared.",
    "lock-invalid": "desired_state.lock is not what `./dev lock` writes: restore it from git, or write it again.",
    "lock-missing": "Tools are installed only by hashes that stand in desired_state.lock: restore it from git, or "
    "write it with `./dev lock`.",
    "lock-stale": "desired_state.toml pins a version that desired_state.lock does not know: run `./dev lock`.",
    "locked": "Only one run may change a checkout (and only one the machine) at a time; the holder is named.",
    "machine-short": "The machine offers less than [machine] asks for; the hint says how to raise it.",
    "migrate-failed": "The `migrate` command of a service did not end with 0; the last lines of its log follow.",
    "name-undeclared": "`only` of a variable, or [auth] issuer, names a component that the file does not declare.",
    "need-failed": "A component was not started because one that it needs is not ready.",
    "needs-cycle": "Components need each other in a circle; none of them could start first.",
    "needs-unknown": "`needs` names a component that the file does not declare.",
    "no-checkout": "-C names a directory that holds a desired_state.toml.",
    "no-data": "No component has its data in the placement that was named.",
    "no-debugger": "A service cannot be run under a debugger: its kind has none, it has a `dev` command of its own and "
    "no `debug` beside it, or [tools] does not pin the debugger.",
    "no-dev-command": "Kind `command` runs what `dev` says, and it says nothing.",
    "no-directory": "The `path` of a service is no directory of the checkout.",
    "no-native": "An infra component without `run` has no native placement.",
    "no-provider": "None of the ordered providers of a tool has it for this platform.",
    "no-user": "Postgres refuses to run as root, and this machine has no user to run it as.",
    "not-converged": "The repair ended with something still open; the lines above say what.",
    "not-handed-off": "Only a service with a port can be handed off, and only what is handed off can be given back.",
    "not-movable": "Only databases can be moved between placements; what else a component keeps is its own affair.",
    "not-reachable": "A container cannot reach what runs natively on the loopback of its host: let both run in one "
    "placement.",
    "not-ready": "A component did not get ready in its time; it still runs, and its last log lines follow.",
    "not-writable": "A file or directory cannot be written: check its owner, permissions and the free space.",
    "noun-unknown": "`--only` and `./dev facts` take the nouns that doctor shows.",
    "package-missing": "A command that a system package brings is not on PATH, or no name is declared for the package "
    "manager of this system.",
    "placement-absent": "A component was asked to run in a placement that nobody described: for Docker the Compose "
    "files need an entry.",
    "plan-cycle": "Steps wait for each other: a bug of ./dev. Please report it.",
    "port-duplicate": "Two components declare the same port.",
    "port-ephemeral": "Linux gives ports from 32768 on to outgoing connections; one of them may sit on yours any day.",
    "port-range": "Ports of a checkout lie from 1024 to 32767.",
    "port-taken": "A process that is not ours listens on a component's port. It is never ended: stop it, or change the "
    "port in desired_state.toml, or for this machine alone in desired_state.local.toml.",
    "postgres-major": "The data were written by another major version of Postgres, which this one cannot read.",
    "secret-absent": "The secret has no value in .dev/values: `./dev doctor --fix` makes those that are generated.",
    "secret-given": "Only values that ./dev generates can be rotated by it; another one comes from a person, who gives "
    "the new one too.",
    "secret-previous": "During a rotation services take two values, the second one from NAME_PREVIOUS: it has to be "
    "declared in [env] and to be empty before the rotation. Without it some call would meet a service that knows only "
    "the other value.",
    "secret-tests": "A test run keeps services of its own with the secrets of its beginning; rotate when it is over.",
    "secret-unknown": "[env] declares no secret of that name; `./dev secrets list` shows all.",
    "snapshot-exists": "A snapshot of that name exists already: choose another name, or give --force.",
    "snapshot-unknown": "There is no snapshot of that name; `./dev data list` shows all.",
    "sql-failed": "Postgres refused a statement of provisioning; its own words follow.",
    "state-empty": "The desired state is empty.",
    "state-huge": "The desired state is larger than a file written by hand: is it the right one?",
    "state-missing": "The checkout has no desired_state.toml.",
    "state-not-text": "The desired state is not UTF-8 text, or holds a NUL byte.",
    "state-not-toml": "The desired state is not TOML; the line and column are named.",
    "state-unreadable": "The desired state cannot be read: check its permissions.",
    "still-running": "A component was asked to end, then killed, and a process of it still lives: another user's, "
    "or one that the kernel cannot end yet. Its number is named; nothing was started in its place.",
    "store-unwritable": "The store of tools cannot be written: check its owner and the free space, or set DEV_STORE.",
    "sudo-missing": "The step needs root, and sudo would ask for a password nobody can type here.",
    "system-change": "A package manager or service manager did not succeed; its last lines follow.",
    "system-refused": "The system refused a read or write; the reason follows.",
    "test-environment": "The packages of the tool's own tests could not be installed.",
    "token-refused": "The service that mints tokens answered, and refused; its own words follow.",
    "unknown-component": "The desired state declares no component of that name.",
    "unknown-key": "The desired state has a key that the schema does not know: mostly a spelling mistake.",
    "unknown-suite": "`./dev test --list` shows the suites.",
    "usage": "The command line is not one this command takes; --help shows what it takes.",
    "value-wrong": "A key has a value it cannot have; the reason follows. `./dev schema` describes every key.",
    "wsl-drive": "The checkout lies on a Windows drive (/mnt/…): file watching does not work there and everything is "
    "slow. Clone it into the Linux file system.",
}


def explain(code: str) -> str:
    """What the code means; empty for one that does not exist."""
    return CODES.get(code, "")
