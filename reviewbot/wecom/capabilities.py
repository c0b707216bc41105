"""What this platform can do: switched off by the operator, or found lacking when it said so (W28)."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import TypeVar

from reviewbot.wecom.errors import UNKNOWN_TYPE, Kind, WeComError
from reviewbot.wecom.health import WeComHealth

T = TypeVar("T")


class Capability(StrEnum):
    """Private platforms lag behind the public one; each of these has something simpler in its place."""

    template_card = "template_card"
    textcard = "textcard"
    markdown = "markdown"
    picture = "picture"
    recall = "recall"


class NotHere(Exception):
    """This form cannot be made on this machine; the next one can."""


class Capabilities:
    """``switched_on``: what the operator allows; what the platform refuses is remembered for a week."""

    def __init__(self, health: WeComHealth, switched_on: Collection[Capability]) -> None:
        self._health = health
        self._on = frozenset(switched_on)

    def can(self, capability: Capability) -> bool:
        return capability in self._on and not self._health.is_lacking(capability)

    def lacks(self, capability: Capability) -> None:
        self._health.lacks(capability)

    def first(self, *forms: tuple[Capability | None, Callable[[], T]]) -> T:
        """The first form that the platform takes; the last one needs no capability. Raises WeComError."""
        for capability, form in forms:
            if capability is not None and not self.can(capability):
                continue
            try:
                return form()
            except NotHere:
                continue
            except WeComError as error:
                if capability is None or (error.errcode != UNKNOWN_TYPE and error.kind is not Kind.media):
                    raise
                if error.errcode == UNKNOWN_TYPE:
                    self.lacks(capability)
        raise AssertionError("the last form needs no capability")
