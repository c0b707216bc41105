"""What a simulator starts with when it runs alone: invented keys, people, and what kind of platform it plays."""

import base64
import csv
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewbot.errors import InvalidInput
from reviewbot.simulator.config import Account, Agent, Callback, Member, SimulatorConfig
from reviewbot.simulator.quirks import Quirks, set_quirks

PEOPLE = (
    Member("ZhangSan", "张三", "揭东区/社保局", "经办", "13800000001"),
    Member("lisi", "李四", "揭东区/社保局", "单位负责人", "13800000002"),
    Member("wangwu", "王五", "揭东区/税务局", "经办", "13800000003"),
    Member("zhaoliu", "赵六", "揭东区/政数局", "派单员", "13800000004"),
    Member("qianqi", "钱七", "揭东区/政数局", "督办", "13800000005"),
    Member("sunba", "孙八", "", "领导", "13800000006"),
)
FOLLOWERS = {"oGuest0001aaaa": "陈女士", "oGuest0002bbbb": "林先生", "oGuest0003cccc": "黄女士"}
TEMPLATES = {
    "tmplCaseClosed0001": ("thing1", "character_string2", "phrase3", "time4", "thing5"),
    "tmplReminder000002": ("thing1", "time2"),
}
GATEWAY_HEADER = "X-Gateway-Key: demo-gateway"
PROFILES: dict[str, dict[str, Any]] = {
    "public": {},
    "private": {
        "path_prefix": "/qywx",
        "required_header": GATEWAY_HEADER,
        "no_template_card": True,
        "no_auth_path": True,
        "upload_field": "file",
    },
    "mp": {},
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Wishes:
    """What somebody asked for on the command line; what is empty is invented from the seed."""

    profile: str = "public"
    callback: str = ""
    token: str = ""
    aes_key: str = ""
    contact_callback: str = ""
    members: Path | None = None
    home: str = ""
    seed: int = 1
    quirks: tuple[str, ...] = ()


def configure(wishes: Wishes) -> SimulatorConfig:
    """The configuration for some wishes: the same keys for the same seed. Raises InvalidInput with the reason."""
    dice = random.Random(f"keys {wishes.seed}")
    contact_token, contact_key = _word(dice, 16), _aes_key(dice)
    agent = Agent(1000002, _word(dice, 43), "测试应用", wishes.home, login_path="")
    config = SimulatorConfig(
        corp_id="ww" + f"{dice.getrandbits(64):016x}",
        agents=(agent, Agent(1000003, _word(dice, 43), "另一应用")),
        callback_url=wishes.callback,
        callback_token=_word(dice, 16),
        callback_aes_key=_aes_key(dice),
        members=read_members(wishes.members) if wishes.members else list(PEOPLE),
        seed=wishes.seed,
        quirks=Quirks(**PROFILES[wishes.profile]),
        contact_secret=_word(dice, 43),
        account=Account("wx" + f"{dice.getrandbits(64):016x}", _word(dice, 32), TEMPLATES, FOLLOWERS),
    )
    if wishes.contact_callback:
        config.contact_callback = Callback(wishes.contact_callback, contact_token, contact_key)
    config.callback_token = wishes.token or config.callback_token
    config.callback_aes_key = wishes.aes_key or config.callback_aes_key
    _check(config)
    for pair in wishes.quirks:
        name, equals, value = pair.partition("=")
        try:
            set_quirks(config.quirks, {name.strip(): value.strip() if equals else None})
        except ValueError as wrong:
            raise InvalidInput(f"--quirk {pair}：{wrong}。") from None
    return config


def _check(config: SimulatorConfig) -> None:
    for url in (config.callback_url, config.contact_callback.url if config.contact_callback else ""):
        if url and not url.startswith(("http://", "https://")):
            raise InvalidInput(f"回调地址 {url} 要以 http:// 或 https:// 开头。")
    key, token = config.callback_aes_key, config.callback_token
    if len(key) != 43 or not (key.isascii() and key.isalnum()):
        raise InvalidInput("EncodingAESKey 是 43 个字母或数字。")
    if not 0 < len(token) <= 32 or not (token.isascii() and token.isalnum()):
        raise InvalidInput("Token 是不超过 32 个字母或数字。")


def read_members(file: Path) -> list[Member]:
    """A CSV with userid and name, and perhaps department, title and mobile."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
        names = ("userid", "name", "department", "title", "mobile")
        members = [Member(**{name: (row.get(name) or "").strip() for name in names}) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise InvalidInput(f"读不了 {file}：{type(wrong).__name__}。") from None
    if not members or not all(member.userid and member.name for member in members):
        raise InvalidInput(f"{file} 每行要有 userid 和 name。")
    return members


def _word(dice: random.Random, length: int) -> str:
    return "".join(dice.choices(LETTERS, k=length))


def _aes_key(dice: random.Random) -> str:
    """43 letters and digits that are 32 bytes of base64: the last one leaves its two lowest bits empty."""
    key = _word(dice, 42) + "A"
    base64.b64decode(key + "=", validate=True)
    return key
