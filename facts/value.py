"""Values: dataclasses that cost no time when a module is imported, and the value for what could not be looked at.

`dataclasses` compiles six methods for each frozen class at its import, 20 % of the CPU of a command that only looks.
Here all classes share their methods. To a type checker, and to the functions of `dataclasses`, they are dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NoReturn

MISSING: Any = object()


class Field:
    """What is known of one field; `factory` makes the default of each instance."""

    __slots__ = ("compare", "default", "factory", "init", "kw_only", "name", "repr", "type")

    def __init__(
        self, default: Any = MISSING, factory: Callable[[], Any] | None = None, *, init: bool = True,
        repr: bool = True, compare: bool = True,
    ) -> None:  # fmt: skip
        self.default, self.factory, self.init, self.repr, self.compare = default, factory, init, repr, compare
        self.name, self.type, self.kw_only = "", "", False

    @property
    def required(self) -> bool:
        """Whether each call must give it."""
        return self.init and self.default is MISSING and self.factory is None


class _Stdlib:
    """An attribute of a class for the functions of `dataclasses`, made by `dataclasses` when it is first read."""

    def __init__(self, name: str, cls: Any, frozen: bool) -> None:
        self.name, self.cls, self.frozen = name, cls, frozen

    def __get__(self, instance: object, owner: type) -> Any:
        import dataclasses  # saves 7 ms of every command that does not need it

        def twin(each: Field) -> tuple[str, Any, Any]:
            given = {} if each.default is MISSING else {"default": each.default}
            given |= {"default_factory": each.factory} if each.factory else {}
            given |= {"init": each.init, "repr": each.repr, "compare": each.compare, "kw_only": each.kw_only}
            return each.name, each.type, dataclasses.field(**given)

        made = dataclasses.make_dataclass(self.cls.__name__, map(twin, _fields_of(self.cls)), frozen=self.frozen)
        setattr(self.cls, self.name, getattr(made, self.name))
        return getattr(made, self.name)


def _dataclass(cls: Any = None, /, *, frozen: bool = False, kw_only: bool = False) -> Any:
    """As `dataclasses.dataclass`, in modules with `from __future__ import annotations`; without slots and order."""
    if cls is None:
        return lambda decorated: _dataclass(decorated, frozen=frozen, kw_only=kw_only)
    cls.__value_fields__ = fields = _collect(cls, kw_only)
    positional = tuple(each.name for each in fields if each.init and not each.kw_only)
    own = cls.__dict__
    hashed = "__hash__" in own and (own["__hash__"] is not None or "__eq__" not in own)
    methods = {"__init__": _init(cls, fields, positional), "__repr__": _repr, "__match_args__": positional}
    for name, method in (methods | _equality(fields, frozen)).items():
        if not hashed if name == "__hash__" else name not in own:
            setattr(cls, name, method)
    if frozen:
        _freeze(cls, frozenset(each.name for each in fields))
    for name in ("__dataclass_fields__", "__dataclass_params__"):
        setattr(cls, name, _Stdlib(name, cls, frozen))
    return cls


def _fields_of(cls: Any) -> tuple[Field, ...]:
    found: tuple[Field, ...] = getattr(cls, "__value_fields__", ())
    return found


def _collect(cls: Any, kw_only: bool) -> tuple[Field, ...]:
    """The fields of the class and of its bases; a default becomes an attribute of the class."""
    found: dict[str, Field] = {}
    for base in cls.__mro__[:0:-1]:
        found.update((each.name, each) for each in base.__dict__.get("__value_fields__", ()))
    for name, text in cls.__annotations__.items():
        if str(text).startswith(("ClassVar", "typing.ClassVar")):
            continue
        default = getattr(cls, name, MISSING)
        each = default if isinstance(default, Field) else Field(default)
        each.name, each.type, each.kw_only = name, text, kw_only
        if type(each.default).__hash__ is None:
            raise ValueError(f"{cls.__qualname__}.{name}: its default can be changed, use default_factory")
        if each.default is not MISSING:
            setattr(cls, name, each.default)
        elif default is each:
            delattr(cls, name)
        found[name] = each
    given = [each for each in found.values() if each.init and not each.kw_only]
    for before, each in pairwise(given):
        if each.required and not before.required:
            raise TypeError(f"{cls.__qualname__}.{each.name} has no default and comes after one that has")
    return tuple(found.values())


def _init(cls: Any, fields: tuple[Field, ...], positional: tuple[str, ...]) -> Callable[..., None]:
    template = {each.name: each.default for each in fields if each.init or each.factory}
    factories = [(each.name, each.factory) for each in fields if each.factory]
    names, needed = {each.name for each in fields if each.init}, {each.name for each in fields if each.required}
    may = [names.difference(positional[:count]) for count in range(len(positional) + 1)]
    must = [needed.difference(positional[:count]) for count in range(len(positional) + 1)]
    most, finish = len(positional), getattr(cls, "__post_init__", None)

    def __init__(self: Any, /, *args: Any, **given: Any) -> None:
        count, keys = len(args), given.keys()
        if count > most or not must[count] <= keys <= may[count]:
            _refuse(cls, count, set(keys), positional, names, needed)
        values = template.copy()  # so the attributes are in the order of the fields
        values.update(zip(positional, args, strict=False))
        values.update(given)
        for name, factory in factories:
            if values[name] is MISSING:
                values[name] = factory()
        self.__dict__.update(values)
        if finish:
            self.__post_init__()

    return __init__


def _refuse(
    cls: Any, count: int, given: set[str], positional: tuple[str, ...], names: set[str], needed: set[str]
) -> NoReturn:
    """The TypeError for a call that does not fit, with `count` positional values and the `given` names."""
    call = f"{cls.__qualname__}.__init__()"
    if count > len(positional):
        raise TypeError(f"{call} takes {len(positional)} positional arguments but {count} were given")
    if unknown := sorted(given - names):
        raise TypeError(f"{call} got an unexpected keyword argument {unknown[0]!r}")
    if twice := sorted(given.intersection(positional[:count])):
        raise TypeError(f"{call} got multiple values for argument {twice[0]!r}")
    raise TypeError(f"{call} is missing {', '.join(sorted(needed.difference(given, positional[:count])))}")


@recursive_repr("...")
def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in _fields_of(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _equality(fields: tuple[Field, ...], frozen: bool) -> dict[str, Any]:
    names = [each.name for each in fields if each.compare]
    several = attrgetter(*names) if len(names) > 1 else None

    def key(self: Any) -> tuple[Any, ...]:
        return several(self) if several else tuple(getattr(self, name) for name in names)

    def __eq__(self: Any, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    return {"__eq__": __eq__, "__hash__": (lambda self: hash(key(self))) if frozen else None}


def _freeze(cls: Any, names: frozenset[str]) -> None:
    def refuse(self: Any, name: str, done: str) -> None:
        if type(self) is cls or name in names:
            from dataclasses import FrozenInstanceError  # saves 7 ms where nothing is refused

            raise FrozenInstanceError(f"cannot {done} field {name!r}")

    def __setattr__(self: Any, name: str, value: Any) -> None:
        refuse(self, name, "assign to")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:
        refuse(self, name, "delete")
        super(cls, self).__delattr__(name)

    cls.__setattr__, cls.__delattr__ = __setattr__, __delattr__


def _replace(value: Any, /, **changes: Any) -> Any:
    """As `dataclasses.replace`."""
    kept = {
        each.name: getattr(value, each.name) for each in _fields_of(value) if each.init and each.name not in changes
    }
    return type(value)(**kept, **changes)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    dataclass, replace = _dataclass, _replace

    def field(*, default_factory=None, **given):
        """As `dataclasses.field`."""
        return Field(factory=default_factory, **given)


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be read; `because` is a clause that completes "it is unknown because …"."""

    because: str
