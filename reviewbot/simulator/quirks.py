"""Every switch of the simulated platform, by name, with the value it has unless somebody sets it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass
class Quirks:
    """What the real platform does, or is reported to do, on a bad day. ``behaviours`` says on what evidence."""

    # Tokens (Q1, Q2)
    expires_in_full: bool = True  # 7200 even for an old token, or the true remainder
    block_gettoken_after: int = 0  # 45009 after so many gettoken calls of one secret in an hour, 0 = never
    kill_token_every: int = 0  # every n-th authenticated call finds its token killed
    # Weather (Q8)
    busy_rate: float = 0.0  # share of calls answered with -1, without effect
    html_rate: float = 0.0  # share of calls answered with an HTML page and status 200
    delay_seconds: float = 0.0  # before a call takes effect
    answer_delay_seconds: float = 0.0  # after it took effect
    late_rate: float = 0.0  # share of sends that take effect but are answered late_seconds later
    late_seconds: float = 15.0  # real seconds; choose more than the client waits
    concurrency_limit: int = 0  # 45033 above so many sends at once, 0 = no limit
    burst: int = 0  # so many sends in a row answered with 45033, 0 = never
    burst_every: int = 50  # a burst begins after so many sends
    per_minute: int = 30  # messages to one member before the rest vanish
    per_hour: int = 1000
    day_quota: int = 0  # person-times per app and day, 0 = no limit
    # Sends and cards (Q6, Q7, Q9)
    duplicate_repeats_answer: bool = True  # else a bare ok without msgid
    repeated_task_id_errcode: int = 40058  # unknown in public material
    spent_code_errcode: int = 40058  # unknown in public material
    # Phones (Q10)
    empty_answer_is_timeout: bool = True
    # Callbacks (Q12-Q14)
    callback_cdata: bool = True
    callback_timeout_seconds: float = 5.0
    callback_tries: int = 3
    retry_fresh_ciphertext: bool = False
    callback_copies: int = 1  # how often every callback arrives
    callback_reorder: float = 0.0  # real seconds a callback may be held, so that later ones overtake it
    # Sign-in (Q19)
    trusted_hosts: tuple[str, ...] = ()  # of redirect_uri, port included; empty = all


def set_quirks(quirks: Quirks, changes: Mapping[str, Any]) -> None:
    """Set switches by name, all or none; values as JSON has them or as a command line writes them.

    Raises ValueError that names the switch and what it takes.
    """
    kinds = get_type_hints(Quirks)
    read = {}
    for name, value in changes.items():
        if name not in kinds:
            raise ValueError(f"没有开关 {name}")
        read[name] = _read(name, kinds[name], value)
    for name, value in read.items():
        setattr(quirks, name, value)


def quirk_names() -> list[str]:
    return [field.name for field in fields(Quirks)]


def _read(name: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is tuple:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise ValueError(f"{name} 是一列文字，用逗号分开")
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{name} 只能是 {'、'.join(map(str, get_args(kind)))}")
        return value
    if kind is bool:
        words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
        if (found := words.get(str(value).lower())) is None:
            raise ValueError(f"{name} 只能是 on 或 off")
        return found
    if kind is str:
        return str(value)
    try:
        number = kind(str(value))
    except ValueError:
        number = None
    if number is None or isinstance(value, bool) or not -1e9 < number < 1e9:
        raise ValueError(f"{name} 是{'整数' if kind is int else '数'}")
    return number
