"""Every error code: what it means and what helps; `--explain CODE` and the reference page come from here."""

from __future__ import annotations

CODES: dict[str, str] = {
    "auth-absent": "The desired state has no [auth], so no service creates tokens on this machine.",
    "auth-clerk": "Clerk's keys are set, so identities come from Clerk, and no token is created on this machine. To "
    "use local identities, remove the CLERK_ variables from .dev/values or desired_state.local.toml.",
    "auth-keys": "A Clerk variable does not have the form of a Clerk key; services would refuse to start. Its value is "
    "never printed.",
    "auth-marker": "A variable that hosting platforms set in production is set in the environment of a test.",
    "auth-pair": "Clerk's variables do not belong together: one is for test and one for live, they are of two Clerk "
    "instances, or one of the pair is missing.",
    "auth-parties": "With Clerk's keys, services must know which web applications its tokens are for: set "
    "AUTH_AUTHORIZED_PARTIES to the origins of these applications, separated by commas.",
    "auth-refused": "With these variables, services that use the authentication libraries exit with 78 before they "
    "listen: APP_ENV is neither development nor test and no Clerk key is set, or APP_ENV is test and a Clerk key is "
    "set.",
    "bad-archive": "A downloaded archive contains a path outside of its own directory. Nothing was unpacked. Report it "
    "to the vendor.",
    "bad-comparison": 'A value of [machine] is an operator, a number and a unit: ">=5 GiB", ">=4096"; one of [docker] '
    'is an operator and a version: ">=20.10".',
    "bad-mode": 'Permission bits of a managed file are three octal digits in quotes, such as "0644".',
    "bad-name": "Names of the project and of components become host names, paths and databases: lower-case letters, "
    "digits and dashes, at most 32. Variables take letters, digits and underscores.",
    "bad-package": "The name of a package is none of its package manager: it is an option, an address, a path, or has "
    "characters that a name does not have.",
    "bad-path": "Paths in the desired state are relative to the checkout and stay in it.",
    "bad-pattern": "The text is not a regular expression in Python's syntax.",
    "bad-template": "A word in braces names a component and one of url, address, host and port: {postgres.url}; of "
    "its own a component has {host}, {port}, {debug_port} and {state}, and the `run` of infrastructure {data}. "
    "The service that [auth] names has {NAME.keys}. Write {{word}} for the braces themselves. A command keeps braces "
    "that name none of these, as awk's {print}.",
    "bad-tool-version": "`dev` of [project] is a list of comparisons with versions of ./dev, separated by commas: "
    '">=0.2,<1".',
    "bad-type": "A key has a value of the wrong type; `./dev schema` describes every key.",
    "bad-version": 'A tool is pinned to one exact version, such as "1.27.3".',
    "blocked": "The step depends on another step that was not done. Repair that one first.",
    "bug": "./dev itself failed. Its log file contains what a maintainer needs. Your files were not changed by the "
    "failure.",
    "build-failed": "A tool that is built from source did not build. The last lines of the compiler say why.",
    "compile-failed": "A service that should run under its debugger does not compile. The running service was not "
    "stopped.",
    "command-missing": "A program is neither pinned in [tools] nor on PATH, or a component has no command.",
    "command-slow": "A command took longer than its limit, and was ended with all processes that it had started. Often "
    "the network does not answer.",
    "compose-failed": "Compose refused a request; its last output follows. Often a Compose file is invalid: `./dev "
    "compose config` checks it.",
    "compose-file": "A Compose file of the team is not YAML as Compose reads it, a variable in it has no value or a "
    "form that Compose does not have, or a service of it cannot be taken as infrastructure. `file:line` is the place.",
    "compose-missing": "Compose v2 is missing, or older than [docker] requires. `./dev doctor --fix` installs one into "
    "the store: from Debian's archive, or built with Go. A plugin that is new enough is used as it is.",
    "consent-destructive": "The step cannot be undone, so --yes does not cover it: allow it by its id with --allow=ID.",
    "consent-missing": "The step changes the whole machine and was not confirmed: answer the question, or use --yes.",
    "compose-route": "Names and published ports of services belong in compose/routes.yaml, which the gateway replaces. "
    "In services.yaml they would exist twice.",
    "container-failed": "The engine could not start a container that Compose had created; the engine's message "
    "follows.",
    "copy-failed": "The data could not be copied, or differ between source and copy. The source is unchanged and still "
    "in use.",
    "data-elsewhere": "The data of a component are in one placement, and another placement was requested, where it "
    "would start without data. `./dev data copy` moves them.",
    "data-running": "The data of a component can be restored only while no other process uses them: stop the component "
    "first.",
    "data-there": "Data would be moved to a place that already has some, and would be mixed with these. Nothing was "
    "changed.",
    "dependencies-failed": "The package manager of a service failed; its last output follows. Often a network, proxy "
    "or private index setting is wrong, or a lock file does not match its manifest.",
    "disk-full": "There is no space left. Incomplete files were removed. Free disk space and run again.",
    "docker-unavailable": "A component can run only in Docker, and Docker cannot be used; `./dev doctor --only docker` "
    "shows why.",
    "download-failed": "No provider of a tool could be reached, or none has it. Installed tools keep working. The "
    "settings for a proxy (HTTPS_PROXY), a private CA (SSL_CERT_FILE) and the indexes of pip and Go are used.",
    "duplicate-name": "A component and another one have the same name. Names must be unique across infrastructure and "
    "services; those of subscriptions across all topics of a server.",
    "edge-lost": "The process that listens on the ports of services in containers (the edge) did not start or does not "
    "answer. `./dev stop` and `./dev start` replace it.",
    "engine-access": "Only root and one group may use the Docker engine. Membership is effective from the next login "
    "on; `sg docker -c './dev start'` works at once.",
    "engine-app": "Docker Desktop, colima, OrbStack or podman provides the engine of this machine and does not run. "
    "./dev does not start a second engine, because that would hide your images and data. Start it with the command in "
    "the hint.",
    "engine-changed": "The containers or data of this instance are on another Docker engine than the one this shell "
    "uses. A start there would begin without data.",
    "engine-down": "A Docker engine is installed and does not run, or its socket is left over from an engine that "
    "ended.",
    "engine-elsewhere": "DOCKER_HOST, DOCKER_CONTEXT or the current context selects an engine that is not on this "
    "machine, or that does not exist. A local platform needs a local engine.",
    "engine-failed": "The Docker engine does not start, for a reason that ./dev cannot repair. Its own messages are in "
    "/var/log/dev-dockerd.log or the journal.",
    "engine-full": "The disk of the Docker engine is full, so it can make or start no container. `docker system df` "
    "shows what fills it.",
    "engine-lost": "The Docker engine that has the containers of this instance does not answer, so they cannot be "
    "stopped.",
    "engine-left-over": "The engine was killed during a start, and still holds a port or a containerd task of it. "
    "Restarting the engine clears it.",
    "engine-missing": "There is no Docker engine, and [docker] requires one.",
    "engine-old": "The engine that answers is older than [docker] requires. ./dev never replaces a running engine.",
    "env-both": "A variable has both a fixed and a generated value; use one of them.",
    "env-file": "A .env file that env_file names cannot be read; its rules are those of an env_file of Docker Compose.",
    "env-file-missing": "A .env file that env_file names is not there. Often git ignores it, and each machine has its "
    "own: copy the example that the team committed, and fill in its values.",
    "env-missing": "Only you can provide this value: write NAME=VALUE into .dev/values.",
    "env-pattern": "The value in .dev/values does not match the declared pattern. The value is never printed; correct "
    "it.",
    "env-weak": "A generated secret of less than 16 random bytes can be guessed.",
    "file-both": "A managed entry is either a file with content or a directory.",
    "foreign-file": "A path that should be a directory is a file, or the other way round; move it away.",
    "gateway-lost": "The gateway, the proxy to services in containers, does not answer or refused a command. Read "
    "`./dev logs` of its container, or run `./dev stop` and `./dev start`.",
    "hash-mismatch": "A downloaded file does not have the hash in desired_state.lock; it was not installed. Either the "
    "lock is wrong (`git diff desired_state.lock`), or the server sent another file.",
    "home-missing": "There is no home directory for the store of tools: set HOME, or DEV_STORE.",
    "ide-listens": "A service cannot be given back while the process of the IDE still listens on its port. That "
    "process was not started with the service's environment file, so ./dev does not end it: stop it in its debugger.",
    "image-digest": "An image does not have the digest in desired_state.lock, or in the archive it came from; it is "
    "not used.",
    "image-old": "A service in Docker runs an image that was built from older sources than those of the checkout. "
    "`./dev start --docker` builds the image again.",
    "image-unavailable": "An image is not in the engine and cannot be pulled. Use a registry mirror, or `./dev images "
    "load`.",
    "in-your-ide": "A service that is handed off to an IDE is debugged there. Give it back first, then use `./dev "
    "debug`.",
    "initdb-failed": "Postgres could not create its data directory; its message follows.",
    "instance-name": "An instance's name becomes part of paths and host names: lower-case letters, digits and dashes.",
    "interrupted": "The run was interrupted before this was done. Run it again; it continues where it stopped.",
    "issuer-down": "The service that [auth] names does not run, or is not ready. Only this service creates tokens, and "
    "./dev sends its secret to no other process on that port.",
    "layers-old": "There is little free disk space, and untagged images and unused build cache fill a part of the "
    "disk. They are deleted only with --allow=docker.disk.",
    "launcher-other": "The file `dev` of the repository is not a launcher with a pinned version, so `./dev upgrade` "
    "does not change it: it is another program, or the tool's own checkout.",
    "local-override": "desired_state.local.toml can change only ports, placements, env, docker.engine and "
    "docker.mirror, and only of declared entries.",
    "lock-absent": "A service runs packages, and no lock file says which. `./dev` installs what a lock file names, and "
    "nothing else: write one with the package manager of the service, and commit it.",
    "lock-invalid": "desired_state.lock does not have the form that `./dev lock` writes: restore it from git, or write "
    "it again.",
    "lock-missing": "Tools are installed only by their hashes in desired_state.lock: restore it from git, or write it "
    "with `./dev lock`.",
    "lock-stale": "desired_state.toml pins a version that is not in desired_state.lock: run `./dev lock`.",
    "locked": "Only one run can change a checkout (or the machine) at a time; the message names the other run.",
    "locks-many": "Lock files of two installers are in the same directory. Only one of them describes what is "
    "installed: `install` of the service names its installer, or `lock` the file; or delete the one that is not used.",
    "machine-short": "The machine has less than [machine] requires; the hint says how to raise it.",
    "migrate-failed": "The `migrate` command of a service failed; the last lines of its log follow.",
    "name-undeclared": "`only` of a variable, or [auth] issuer, names a component that the file does not declare.",
    "need-failed": "A component was not started because one that it needs is not ready.",
    "needs-cycle": "Components need each other in a circle, so none of them can start first.",
    "needs-unknown": "`needs` names a component that the file does not declare.",
    "no-checkout": "There is no desired_state.toml in the current directory or above it, or "
    "-C names no directory with one.",
    "no-data": "No component has data in the given placement.",
    "no-debugger": "A service cannot run under a debugger: its kind has none, or it has its own `dev` command without "
    "a `debug` command, or [tools] does not pin the debugger.",
    "no-dev-command": "Kind `command` runs its `dev` command, and the entry has none.",
    "no-directory": "The `path` of a service is not a directory of the checkout.",
    "no-native": "An infra component without `run` has no native placement.",
    "no-provider": "No provider of a tool has it for this platform.",
    "no-user": "Postgres refuses to run as root, and this machine has no other user to run it as.",
    "not-converged": "The repair ended before everything was as desired; the lines above say what is left.",
    "not-handed-off": "Only a service with a port can be handed off, and only a service that is handed off can be "
    "given back.",
    "not-movable": "Only databases can be moved between placements; ./dev does not know the data of other components.",
    "not-reachable": "A container cannot reach a native process on the loopback address of its host: run both in one "
    "placement.",
    "not-ready": "A component was not ready in time; it keeps running, and its last log lines follow.",
    "not-trusted": "A command would run something of a checkout that you have not trusted: its services, tools or "
    "hooks. Read its desired_state.toml, then use `./dev trust DIR`, or --trust for one run, or DEV_TRUST in scripts. "
    "Looking (`status`, `doctor`, `logs` and others) needs no trust. The checkout's own `./dev` asks nothing.",
    "not-ours": "A file or directory that ./dev must write belongs to another user, as after a run with sudo. Run "
    "./dev as that user, or give the file to yourself with chown.",
    "not-writable": "A file or directory cannot be written: check its permissions, and whether it is immutable. "
    "Something of another type in its place, such as a directory or a named pipe, must be moved away.",
    "no-wheel": "A Python service's lock file has a package without a wheel. To build its source archive would run "
    "programs that the lock file has no hashes of, so it is refused unless `build` of the service names the package.",
    "noun-unknown": "`--only` and `./dev facts` accept the nouns that doctor shows.",
    "other-owner": "The checkout, its desired state or its .dev belongs to another user, who could change at any time "
    "what runs as you; or root would leave files there that its owner cannot remove. Run ./dev as its owner. To accept "
    "it: `./dev trust DIR`, --trust for one run, or DEV_TRUST in scripts and containers.",
    "package-missing": "A command of a system package is not on PATH, or no package name is declared for the package "
    "manager of this system.",
    "placement-absent": "A component cannot run in the requested placement, because it is not described: for Docker, "
    "the Compose files need an entry.",
    "plan-cycle": "Steps depend on each other in a circle: a bug of ./dev. Please report it.",
    "port-duplicate": "Two components declare the same port.",
    "port-range": "Ports of a checkout are from 1024 to 65535.",
    "port-taken": "A process that does not belong to this platform listens on a component's port. ./dev never ends it: "
    "stop it yourself, or change the port in desired_state.toml, or for this machine only in desired_state.local.toml.",
    "postgres-major": "The data were written by another major version of Postgres, which this one cannot read.",
    "postgres-password": "The data of a Postgres were made with another password than this instance has now, as after "
    "`git clean -fdx`. Put the earlier one back, or delete the data: `./dev data reset`.",
    "read-only": "A file that ./dev must write is on a file system that is mounted read-only. Looking works there; "
    "everything else needs a checkout and a store that can be written.",
    "secret-absent": "The secret has no value in .dev/values: `./dev doctor --fix` generates those that have "
    "`generate`.",
    "secret-given": "./dev can rotate only values that it generates. Replace any other value yourself.",
    "secret-previous": "During a rotation services accept two values, the second one from NAME_PREVIOUS: it must be "
    "declared in [env], and be empty before the rotation. Without it, calls would fail between services with different "
    "values.",
    "secret-tests": "A test run keeps its services with the secrets from its beginning; rotate after it has ended.",
    "secret-unknown": "[env] declares no secret of that name; `./dev secrets list` shows all.",
    "snapshot-exists": "A snapshot of that name exists already: choose another name, or use --force.",
    "snapshot-nothing": "Only databases of Postgres have snapshots, and desired_state.toml declares none.",
    "snapshot-unknown": "There is no snapshot of that name; `./dev data list` shows all.",
    "sql-failed": "Postgres refused a statement of provisioning; its message follows.",
    "state-empty": "The desired state is empty.",
    "state-huge": "The desired state is larger than any file written by hand: is it the right file?",
    "state-missing": "The checkout has no desired_state.toml.",
    "state-not-text": "The desired state is not UTF-8 text, or contains a NUL byte.",
    "state-not-toml": "The desired state is not valid TOML; the message has the line and column.",
    "state-unreadable": "The desired state cannot be read: check its permissions.",
    "still-running": "A component was asked to end, then killed, and a process of it still lives: another user's, "
    "or one that the kernel cannot end yet. Its number is named; nothing was started in its place.",
    "store-not-ours": "Another user of this machine could change the store of tools, or a directory above it, and its "
    "programs run as you. Each directory must belong to you or root, and no other user may write there.",
    "store-unwritable": "The store of tools cannot be written: check its owner and the free space, or set DEV_STORE.",
    "sudo-missing": "The step needs root, and sudo would ask for a password, which cannot be typed here.",
    "system-change": "A package manager or service manager failed; its last lines follow.",
    "system-refused": "The system refused a read or write; the reason follows.",
    "test-environment": "The packages of the tool's own tests could not be installed.",
    "token-refused": "The service that creates tokens refused the request; its message follows.",
    "tool-unpublished": "pip could not download the package of ./dev from the index that it is set up for.",
    "tool-version": "`dev` of [project] does not accept the version of ./dev that reads the file. `./dev upgrade` "
    "changes the version that the launcher `dev` of the repository pins; an installed one is changed by pipx or uv.",
    "topics-failed": "The Pub/Sub emulator did not accept a declared topic or subscription, or did not answer.",
    "unsafe-file": "In a checkout that is not trusted, a file that ./dev would read is a named pipe, a link, too large "
    "or too deep, or names another Docker engine than yours. Nothing of the checkout was run.",
    "unknown-component": "The desired state declares no component of that name.",
    "unknown-key": "The desired state has a key that does not exist, often because of a spelling mistake.",
    "unknown-suite": "`./dev test` was given a name that no suite has; `./dev test --list` shows the suites.",
    "unknown-test": "`./dev test` was given a path that is not a test of the tool: a file or directory below tests/, "
    "relative to the working directory, with `::NAME` for one test of it.",
    "usage": "The command line is not valid for this command; --help shows what it accepts.",
    "value-wrong": "A key has an invalid value; the reason follows. `./dev schema` describes every key.",
    "way-closed": "A program that root starts as an unprivileged user, as Postgres, cannot enter a directory on the "
    "way to its files. Open that directory for others (chmod o+x), or choose another place.",
    "wsl-drive": "The checkout is on a Windows drive (/mnt/…), where file watching does not work and everything is "
    "slow. Clone it into the Linux file system.",
}


def explain(code: str) -> str:
    """What the code means; empty for one that does not exist."""
    return CODES.get(code, "")
