# SPDX-License-Identifier: Apache-2.0
# dataclasses, enum, typing, abc, descriptors, metaclasses, slots, protocols, match.
import abc
import enum
from dataclasses import asdict, dataclass, field, replace
from typing import Generic, NamedTuple, Protocol, TypedDict, TypeVar, get_type_hints, runtime_checkable

T = TypeVar("T")


@dataclass(order=True, frozen=True)
class Point:
    x: int
    y: int = 0
    tags: tuple = field(default=(), compare=False)


class Colour(enum.Flag):
    RED = enum.auto()
    BLUE = enum.auto()
    BOTH = RED | BLUE


class Stack(Generic[T]):
    __slots__ = ("items",)

    def __init__(self):
        self.items: list[T] = []


@runtime_checkable
class Sized2(Protocol):
    def size(self) -> int: ...


class Meta(type):
    def __new__(cls, name, bases, space, **kw):
        return super().__new__(cls, name, bases, dict(space, made_by=cls.__name__, **kw))


class Made(metaclass=Meta, extra=3):
    def size(self):
        return 1


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Row(NamedTuple):
    a: int
    b: str = "x"


print(Point(1) < Point(1, 2), asdict(replace(Point(3), y=4)), Colour.RED | Colour.BLUE, list(Colour), Colour(1).name)
print(Made.made_by, Made.extra, isinstance(Made(), Sized2), Row(1)._asdict(), get_type_hints(Row), TypedDict("D", {"k": int}).__annotations__)
for call in (Shape, lambda: setattr(Point(1), "x", 2), lambda: setattr(Stack(), "other", 1), lambda: Colour(64)):
    try:
        print(call())
    except Exception as e:
        print(type(e).__name__, e)
for thing in (Point(0, 5), [1, 2, 3], {"k": "v", "z": 1}, Row(1), "text"):
    match thing:
        case Point(x=0, y=y):
            print("on the axis", y)
        case Row(a, b):
            print("row", a, b)
        case [first, *rest]:
            print(first, rest)
        case {"k": value, **others}:
            print(value, others)
        case _:
            print("other")
