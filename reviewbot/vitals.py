"""How the system is, sign by sign, each with what to do about it: the page, the doctor and /metrics tell the same."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import redis

from reviewbot.clock import CHINA
from reviewbot.queries.health import Person, RowFacts, Waiting, row_facts
from reviewbot.queue import DEFAULT, DELIVERY, SLOW
from reviewbot.wecom.health import WeComFacts, WeComHealth
from reviewbot.wiring import House, store_of

OUTBOX_LATE, INBOX_LATE = timedelta(minutes=15), timedelta(minutes=5)
SYNC_LATE = timedelta(hours=36)
QUEUE_LONG = 1_000
FRESH_SECONDS = 86_400
QUOTA_SHARE = 0.8
_OF_TOKEN = frozenset({"40001", "40013", "40091", "40125", "40164", "41002", "41004", "60020"})
"""Alerts that a good token ends."""
_REDIS = "检查 REVIEWBOT_REDIS_URL；工单和消息不会丢，恢复后继续。"
_DO = {
    "60020": "在企业微信后台把上述出口地址加入“企业可信IP”，约 1 分钟后生效。",
    "40001": "核对 REVIEWBOT_WECOM__SECRET（企业微信后台可能重置过密钥）。",
    "40091": "核对 REVIEWBOT_WECOM__SECRET 与 __CORP_ID 是否属于同一企业。",
    "40013": "核对 REVIEWBOT_WECOM__CORP_ID。",
    "43012": "在应用的“接收消息”中配置回调地址，否则不能发送可点击的卡片。",
    "301002": "核对 REVIEWBOT_WECOM__AGENT_ID 与 __SECRET 是否属于同一应用。",
    "48002": "在企业微信后台为应用开通该接口权限。",
    "50003": "在企业微信后台重新启用应用。",
    "45009": "等待限制解除；如经常发生，请减少消息或提高账号数。",
    "quota": "今天的消息额度将用完：合并催办，或提高应用账号数。",
    "close_inactive_agent": "在企业微信后台重新启用本应用，并请成员打开使用。",
    "inactive_alert": "请成员打开应用使用，否则会被停用。",
    "low_active_alert": "请成员打开应用使用，否则能力会受限制。",
    "low_active": "请成员打开应用使用，以恢复受限的能力。",
    "clock": "核对本机时钟（NTP）；时钟无误，就可能有人扣留或重放请求，请重置回调的 Token 和 EncodingAESKey。",
    "away": "检查到企业微信的网络、代理和证书；恢复后自动继续。",
}


class Level(StrEnum):
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Sign:
    """One thing looked at. ``figure``: what /metrics tells under ``key``."""

    key: str
    level: Level
    what: str
    advice: str = ""
    figure: float = 0
    lines: tuple[str, ...] = ()


def look(house: House) -> list[Sign]:
    """Everything there is to know. Raises what the database raises when it is away."""
    now, told = house.clock.now(), house.settings.directory
    with house.database.begin() as session:
        rows = row_facts(session, now, silent_messages=told.silent_messages, silent_days=told.silent_days)
    return [
        *_wecom(house, rows, now),
        *_gates(house),
        *_alerts(house, [(alert.code, alert.said) for alert in rows.alerts]),
        _callback(house, rows, now),
        _late("outbox", "待发消息", rows.outbox, now, OUTBOX_LATE, "先看企业微信一栏，再查工作进程是否在运行。"),
        _late("inbox", "待处理的回复", rows.inbox, now, INBOX_LATE, "检查工作进程是否在运行（reviewbot up）。"),
        _queue(house),
        _people("silent", "没有回应的人员", rows.silent, "请本人打开应用，或由单位换人；工单会照常催办其负责人。"),
        _people("unreachable", "企业微信发不到的人员", rows.unreachable, "检查应用可见范围和账号；已离开的请停用。"),
        _people("unanswered", "没有收到答复的人员", rows.unanswered, "他发来的话已经处理，结果没有送到：请另行告知。"),
        *_directory(house, rows, now),
        _holders(rows),
        _owners(rows),
    ]  # fmt: skip


def look_beside(house: House) -> list[Sign]:
    """What can be told without the database."""
    return [*_gates(house), *_alerts(house, []), _queue(house)]


def alarms(house: House, open_codes: list[tuple[str, str]]) -> list[str]:
    """The sentences of what an operator must act on at once; ``open_codes``: alerts kept in the database."""
    return [sign.what for sign in _alerts(house, open_codes)]


def _alerts(house: House, open_codes: list[tuple[str, str]]) -> Iterator[Sign]:
    for code, said in open_codes:
        yield Sign(f"alert:{code}", Level.BAD, f"告警：{said}", _DO.get(code, ""), 1)
    warnings = getattr(
        house.wecom, "warnings", {}
    )  # told by the rows above, until the platform takes them back
    for mark, _, facts in _facts(house):
        for alert in facts.alerts:
            code = alert.code.removeprefix("official-")
            if code not in warnings and _is_open(facts, code, alert.last):
                what = f"告警：{alert.sentence}（{_epoch(alert.last)}，共 {alert.count} 次）"
                yield Sign(
                    f"alert:{mark}{code}",
                    Level.BAD,
                    what,
                    _DO.get(code, "查看日志中的错误码说明。"),
                    alert.count,
                )


def _facts(house: House) -> Iterator[tuple[str, str, WeComFacts]]:
    """(mark of its signs, name, facts) of each platform we call."""
    for mark, name, source in (
        ("", "企业微信", house.wecom), ("contacts-", "通讯录同步", house.contacts),
        ("official-", "公众号", house.official),
    ):  # fmt: skip
        health: WeComHealth | None = getattr(source, "health", None)
        if health is not None:
            yield mark, name, health.facts()


def _gates(house: House) -> Iterator[Sign]:
    for mark, name, facts in _facts(house):
        if not facts.known:
            yield Sign(
                f"{mark}gates", Level.WARN, f"Redis 连接不上，{name}接口是否暂停、有无告警无从得知", _REDIS
            )
            continue
        for gate in facts.gates:
            until = f"{_epoch(gate.since)} 起，{_epoch(gate.until)} 再试"
            advice = _DO.get(str(gate.errcode or "away"), "等待自动恢复；反复出现时查看日志。")
            what = f"{name}暂停调用 {gate.api}：{gate.sentence}（{until}）"
            yield Sign(f"gate:{mark}{gate.api}", Level.BAD, what, advice, 1)
        if not facts.gates:
            yield Sign(f"{mark}gates", Level.GOOD, f"{name}各接口没有暂停")


def _is_open(facts: WeComFacts, code: str, last: float) -> bool:
    """Not yet followed by something that shows it mended, and not a day old."""
    if time.time() - last > FRESH_SECONDS:
        return False
    if code in _OF_TOKEN:
        return last > (facts.last_token or 0.0)
    closed = {str(gate.errcode or "away") for gate in facts.gates}
    return code in closed or code == "quota" or time.time() - last < 600


def _wecom(house: House, rows: RowFacts, now: datetime) -> Iterator[Sign]:
    if house.wecom is None:
        yield Sign("wecom", Level.BAD, "未配置企业微信，消息不会发出", "设置 REVIEWBOT_WECOM__BASE_URL 等。")
        return
    facts = house.wecom.health.facts() if hasattr(house.wecom, "health") else WeComFacts()
    if not facts.known:
        what = "Redis 连接不上，企业微信令牌和今天发送的人次无从得知"
        yield Sign("token_age_seconds", Level.WARN, what, _REDIS, -1)
        return
    age = time.time() - facts.last_token if facts.last_token else -1.0
    if facts.last_token:
        yield Sign(
            "token_age_seconds", Level.GOOD, f"企业微信令牌最近取得于 {_epoch(facts.last_token)}", "", age
        )
    else:
        yield Sign(
            "token_age_seconds", Level.WARN, "还没有取得过企业微信令牌", "运行 reviewbot doctor 检查。", age
        )
    if facts.lacking:
        what = f"平台不支持 {'、'.join(facts.lacking)}，已改用简单形式"
        yield Sign("lacking", Level.GOOD, what, "", len(facts.lacking))
    if facts.quota:
        share = facts.sent_today / facts.quota
        level = Level.WARN if share >= QUOTA_SHARE else Level.GOOD
        what = f"今天已发 {facts.sent_today} 人次，额度 {facts.quota}"
        yield Sign("quota_used", level, what, _DO["quota"] if level is Level.WARN else "", share)


def _callback(house: House, rows: RowFacts, now: datetime) -> Sign:
    key = "callback_age_seconds"
    if house.crypto is None:
        advice = "设置 REVIEWBOT_WECOM__CALLBACK_TOKEN 和 __CALLBACK_AES_KEY。"
        return Sign(key, Level.BAD, "没有配置企业微信回调，收不到回复", advice, -1)
    if rows.last_callback is None:
        return Sign(
            key,
            Level.WARN,
            "还没有收到过企业微信回调",
            "在“接收消息”中保存回调地址，再发一句话试试。",
            -1,
        )
    age = (now - rows.last_callback).total_seconds()
    return Sign(key, Level.GOOD, f"最近一次回调：{_moment(rows.last_callback)}", "", age)


def _late(key: str, name: str, waiting: Waiting, now: datetime, limit: timedelta, advice: str) -> Sign:
    if waiting.oldest is None:
        return Sign(f"{key}_oldest_seconds", Level.GOOD, f"{name}：没有")
    age = now - waiting.oldest
    late = age > limit
    what = f"{name} {waiting.count} 条，最早 {_moment(waiting.oldest)}"
    level = Level.BAD if late else Level.GOOD
    return Sign(f"{key}_oldest_seconds", level, what, advice if late else "", age.total_seconds())


def _queue(house: House) -> Sign:
    try:
        store = store_of(house.settings)
        waiting = sum(int(store.llen(name)) for name in (DEFAULT, DELIVERY, SLOW))
    except redis.RedisError as wrong:
        return Sign(
            "queue_length", Level.BAD, f"队列 Redis 连不上（{type(wrong).__name__}）",
            _REDIS, -1,
        )  # fmt: skip
    if waiting > QUEUE_LONG:
        return Sign(
            "queue_length", Level.WARN, f"队列中有 {waiting} 项任务", "增加 REVIEWBOT_WORKERS。", waiting
        )
    return Sign("queue_length", Level.GOOD, f"队列中有 {waiting} 项任务", "", waiting)


def _people(key: str, name: str, people: list[Person], advice: str) -> Sign:
    if not people:
        return Sign(f"{key}_members", Level.GOOD, f"{name}：没有")
    lines = tuple(f"{one.name}（{one.unit}）：{_moment(one.since)} 起，{one.told}" for one in people)
    return Sign(f"{key}_members", Level.WARN, f"{name} {len(people)} 位", advice, len(people), lines)


def _directory(house: House, rows: RowFacts, now: datetime) -> Iterator[Sign]:
    told, key = rows.sync, "directory_sync_age_seconds"
    if house.wecom is not None and told is None:
        yield Sign(
            key,
            Level.WARN,
            "还没有与企业微信通讯录核对过",
            "运行 reviewbot directory sync，或等夜间核对。",
            -1,
        )
    elif told is not None:
        age = now - told.at
        what = f"通讯录最近核对于 {_moment(told.at)}，{'完整' if told.complete else '不完整'}"
        fine = told.complete and age < SYNC_LATE
        advice = "" if fine else "不完整时不会把缺少的人当作离开；检查应用可见范围和通讯录同步密钥。"
        level = Level.GOOD if fine else Level.WARN
        yield Sign(key, level, what, advice, age.total_seconds(), tuple(told.notes))
    if rows.changes:
        what = f"{rows.changes} 项人员目录变更等待管理员决定"
        yield Sign("directory_changes", Level.WARN, what, "请管理员在 /directory 决定。", rows.changes)
    yield _late(
        "contact_events",
        "待处理的通讯录变更",
        rows.contact_events,
        now,
        INBOX_LATE,
        "检查工作进程是否在运行。",
    )


def _holders(rows: RowFacts) -> Sign:
    if not rows.holderless:
        return Sign("cases_without_holder", Level.GOOD, "每张未办结工单都有人负责")
    what = f"{len(rows.holderless)} 张工单没有在岗的人负责：{'、'.join(rows.holderless[:20])}"
    return Sign(
        "cases_without_holder",
        Level.BAD,
        what,
        "请登记该单位的人员，再由派单员或督办移交。",
        len(rows.holderless),
    )


def _owners(rows: RowFacts) -> Sign:
    if not rows.ownerless:
        return Sign("problems_without_owner", Level.GOOD, "每个共性问题的负责人都在岗")
    numbers = "、".join(str(ident) for ident in rows.ownerless[:20])
    what = f"{len(rows.ownerless)} 个共性问题的负责人已不在岗：{numbers}"
    return Sign(
        "problems_without_owner", Level.BAD, what, "请在「共性问题」中另定负责人。", len(rows.ownerless)
    )  # fmt: skip


def _epoch(seconds: float) -> str:
    return _moment(datetime.fromtimestamp(seconds, CHINA))


def _moment(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%m-%d %H:%M}"
