"""The noun `topics`: every declared Pub/Sub topic with its subscriptions, in any placement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from converge.context import ConvergeContext
from converge.errors import DevError
from converge.steps import Item, Step
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown
from runtime import placements
from runtime.component import InfraComponent
from runtime.infra import grpc, pubsub
from runtime.platform import Platform
from runtime.provision import having, notes

if TYPE_CHECKING:
    from converge.machine import Machine

NOUN = "topics"
PUBLISHER, SUBSCRIBER = "/google.pubsub.v1.Publisher/", "/google.pubsub.v1.Subscriber/"
PAGE, MOST_PAGES = 500, 200
"""Names asked for at once, and how often."""
ACK_DEADLINE = 10
"""Seconds in which a subscriber must acknowledge a message; the emulator's own default."""
LOOK_TIMEOUT, PROVISION_TIMEOUT = 2.0, 30.0
"""Seconds for each answer in a look, and where something is made: a busy machine must not fail a start."""
Topics = Mapping[str, frozenset[str]]
"""Topic -> its subscriptions."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Two calls to each emulator that runs."""
    return [LocalProbe(f"{NOUN}.{each.name}", lambda each=each: _seen(each)) for each in _emulators(context)]  # type: ignore[misc]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One item for each declared topic of an emulator that answers; nothing for one that does not run."""
    for emulator in _emulators(context):
        found, source = observation[f"{NOUN}.{emulator.name}"], context.loaded.source(f"infra.{emulator.name}.topics")
        key = f"{NOUN}.{emulator.name}"
        if isinstance(found, Unknown):
            yield Item(key, NOUN, "unknown", "?", "answers", found.because, source=source)
        elif found == "starting":
            yield Item(key, NOUN, "skipped", "not ready yet", "", source=source)
        elif isinstance(found, Mapping):
            lacking = dict(gaps(emulator, found))
            for topic in _declared(emulator):
                yield _item(emulator, topic, lacking.get(topic, ()), source)


def apply(step: Step, machine: Machine) -> None:
    """Make one topic and its subscriptions."""
    platform = Platform(machine.context.loaded, machine.context.instance)
    emulator = platform.infra[step.args["emulator"]]
    _make(platform, emulator, step.args["topic"])
    if provisioned(emulator):
        notes.succeeded(emulator)


def provision(platform: Platform, emulator: InfraComponent, say: Callable[[str], None]) -> None:
    """Make all that is declared inside an emulator that is ready. Raises DevError `topics-failed`."""
    open_gaps = dict(gaps(emulator, _looked(platform, emulator)))
    for topic, lacking in open_gaps.items():
        _make(platform, emulator, topic)
        say(f"made topic {topic}" if "missing" in lacking else f"repaired topic {topic}: {', '.join(lacking)}")
    if not open_gaps:
        return
    for topic, lacking in gaps(emulator, _looked(platform, emulator)):
        raise _failure(platform, emulator, f"topic {topic} is still not as declared: {', '.join(lacking)}")


def provisioned(emulator: InfraComponent) -> bool:
    """Whether everything declared exists; False if the emulator does not answer."""
    try:
        return not any(True for _ in gaps(emulator, look(emulator)))
    except (OSError, grpc.Refused):
        return False


def look(emulator: InfraComponent, timeout: float = LOOK_TIMEOUT) -> Topics:
    """Every topic of the instance's project with its subscriptions. OSError or grpc.Refused if it does not answer."""
    found: dict[str, set[str]] = {}
    for topic in _listed(emulator, PUBLISHER + "ListTopics", timeout):
        found[_last(dict(grpc.fields(topic))[1])] = set()
    for subscription in _listed(emulator, SUBSCRIBER + "ListSubscriptions", timeout):
        about = dict(grpc.fields(subscription))
        found.setdefault(_last(about.get(2, b"")), set()).add(_last(about[1]))
    return {topic: frozenset(names) for topic, names in found.items()}


def gaps(emulator: InfraComponent, found: Topics) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Topics that differ from their declaration, with the differences of each."""
    for topic, subscriptions in _declared(emulator).items():
        if topic not in found:
            yield topic, ("missing",)
        elif lacking := tuple(f"no subscription {name}" for name in subscriptions if name not in found[topic]):
            yield topic, lacking


def _make(platform: Platform, emulator: InfraComponent, topic: str) -> None:
    """Make the topic and its subscriptions if they do not exist; one that reads another topic is made again."""
    pubsub.write_topics(emulator)
    found, project = _looked(platform, emulator), f"projects/{emulator.instance.project}"
    name = f"{project}/topics/{topic}"
    try:
        if topic not in found:
            _call(emulator, PUBLISHER + "CreateTopic", grpc.text(1, name))
        for subscription in _declared(emulator)[topic]:
            path = f"{project}/subscriptions/{subscription}"
            if subscription in found.get(topic, ()):
                continue
            if any(subscription in others for others in found.values()):
                _call(emulator, SUBSCRIBER + "DeleteSubscription", grpc.text(1, path))
            message = grpc.text(1, path) + grpc.text(2, name) + grpc.number(5, ACK_DEADLINE)
            _call(emulator, SUBSCRIBER + "CreateSubscription", message)
    except (OSError, grpc.Refused) as problem:
        raise _failure(platform, emulator, f"topic {topic}: {problem}") from problem


def _looked(platform: Platform, emulator: InfraComponent) -> Topics:
    try:
        return look(emulator, PROVISION_TIMEOUT)
    except (OSError, grpc.Refused) as problem:
        raise _failure(platform, emulator, str(problem)) from problem


def _seen(emulator: InfraComponent) -> Topics | str | Unknown | None:
    """For doctor: None if it does not run, `starting` if it does not listen yet."""
    if not placements.lives(emulator):
        return None
    try:
        return look(emulator)
    except ConnectionError:
        return "starting"
    except (OSError, grpc.Refused) as problem:
        return Unknown(str(problem) or type(problem).__name__)


def _listed(emulator: InfraComponent, method: str, timeout: float) -> Iterator[bytes]:
    token: bytes = b""
    for _ in range(MOST_PAGES):
        message = grpc.text(1, f"projects/{emulator.instance.project}") + grpc.number(2, PAGE)
        answer = _call(emulator, method, message + (grpc.text(3, token) if token else b""), timeout)
        token = b""
        for field, value in grpc.fields(answer):
            if field == 1:
                yield value
            elif field == 2:
                token = value
        if not token:
            return


def _call(emulator: InfraComponent, method: str, message: bytes, timeout: float = PROVISION_TIMEOUT) -> bytes:
    assert emulator.port is not None
    return grpc.call(emulator.port, method, message, timeout, emulator.verify)


def _last(path: bytes) -> str:
    return path.decode(errors="replace").rpartition("/")[2]


def _item(emulator: InfraComponent, topic: str, lacking: tuple[str, ...], source: str) -> Item:
    key = f"{NOUN}.{emulator.name}.{topic}"
    if not lacking:
        return Item(key, NOUN, "ok", "there", "there", source=source)
    because = f"it is declared, and {emulator.name} runs without it"
    step = Step(
        key, NOUN, f"make topic {topic} of {emulator.name} as declared", because,
        args={"emulator": emulator.name, "topic": topic},
    )  # fmt: skip
    return Item(key, NOUN, "drift", ", ".join(lacking), "there", because, source=source, step=step)


def _failure(platform: Platform, emulator: InfraComponent, because: str) -> DevError:
    return DevError(
        "topics-failed", f"the topics of {emulator.name} could not be made", because=because,
        hint=f"see ./dev logs {emulator.name}", source=platform.source(emulator, "topics"),
    )  # fmt: skip


def _emulators(context: ConvergeContext) -> list[InfraComponent]:
    return having(Platform(context.loaded, context.instance), NOUN)


def _declared(emulator: InfraComponent) -> Mapping[str, Sequence[str]]:
    return emulator.wants.topics
