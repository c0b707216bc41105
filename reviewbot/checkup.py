"""What ``reviewbot doctor`` looks at; every finding says what to do."""

from dataclasses import dataclass
from datetime import datetime

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from reviewbot.clock import CHINA
from reviewbot.errors import ChannelError
from reviewbot.models.policy import CalendarVersion
from reviewbot.outbox import RATER
from reviewbot.queries.cases import cases_behind
from reviewbot.queries.delegates import cases_without_holder
from reviewbot.rules.calendar import Calendar
from reviewbot.wecom.health import WeComFacts
from reviewbot.wiring import House, rule_files


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``advice`` says what to do about it."""

    good: bool
    what: str
    advice: str = ""


def check_system(house: House) -> list[Finding]:
    return [
        _database(house),
        _queue(house),
        *_wecom(house),
        _texts(house),
        *_rules(house),
        _holders(house),
        *_sources(house),
    ]


def _database(house: House) -> Finding:
    try:
        with house.database.begin() as session:
            version = session.scalar(text("SHOW server_version"))
    except SQLAlchemyError as wrong:
        return Finding(False, f"数据库连不上（{type(wrong).__name__}）", "检查 REVIEWBOT_DATABASE_URL。")
    return Finding(True, f"数据库 PostgreSQL {version}")


def _queue(house: House) -> Finding:
    try:
        redis.Redis.from_url(house.settings.redis_url, socket_connect_timeout=2).ping()
    except redis.RedisError as wrong:
        return Finding(
            False, f"队列 Redis 连不上（{type(wrong).__name__}）", "检查 REVIEWBOT_REDIS_URL；不影响收件。"
        )
    return Finding(True, "队列 Redis 可用")


def _wecom(house: House) -> list[Finding]:
    if house.wecom is None:
        return [Finding(False, "未配置企业微信，消息不会发出", "设置 REVIEWBOT_WECOM__BASE_URL 等。")]
    try:
        house.wecom.check()
        found = [Finding(True, "企业微信取得了 access_token")]
    except ChannelError as wrong:
        found = [Finding(False, f"企业微信：{wrong.sentence}", "检查 CORP_ID、SECRET、可信 IP 和地址。")]
    found += wecom_findings(house.wecom.health.facts())
    if house.crypto is None:
        found.append(
            Finding(
                False, "没有配置企业微信回调", "设置 REVIEWBOT_WECOM__CALLBACK_TOKEN 和 __CALLBACK_AES_KEY。"
            )
        )
    return found


def wecom_findings(facts: WeComFacts) -> list[Finding]:
    """What the processes have met lately: what is parked, what the platform lacks, alerts, the day's quota."""
    found = [
        Finding(False, f"企业微信接口 {gate.api} 暂停到 {_clock(gate.until)}：{gate.sentence}",
                "按错误说明处理；到时自动先试一次，成功即恢复，积压的消息随后发出。")
        for gate in facts.gates
    ]  # fmt: skip
    found += [
        Finding(False, f"企业微信告警（{alert.count} 次，最近 {_clock(alert.last)}）：{alert.sentence}",
                "处理后一周内不再出现即消失。")
        for alert in facts.alerts
    ]  # fmt: skip
    if facts.last_callback:
        found.append(Finding(True, f"最近一次企业微信回调 {_clock(facts.last_callback)}"))
    if facts.lacking:
        found.append(
            Finding(True, f"平台不支持 {'、'.join(facts.lacking)}，已改用简单形式；一周后或重启 Redis 后再试")
        )
    if facts.quota:
        found.append(Finding(True, f"今日已发 {facts.sent_today}/{facts.quota} 人次"))
    return found


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, CHINA):%m-%d %H:%M}"


def _texts(house: House) -> Finding:
    if RATER not in house.channels:
        return Finding(
            False, "未配置短信网关，评价人收不到链接", "设置 REVIEWBOT_SMS__URL、__ACCOUNT、__SECRET。"
        )
    if house.settings.address.startswith("http://"):
        return Finding(False, "评价人的链接没有加密（http）", "设置 REVIEWBOT_PUBLIC_URL 为 https 地址。")
    return Finding(True, "已配置短信网关")


def _rules(house: House) -> list[Finding]:
    """What is in force, and whether the files say something else: a changed calendar waits to be applied (B2)."""
    files, now = rule_files(house.settings), house.clock.now()
    try:
        with house.database.begin() as session:
            today = house.today(session)
            kept = session.get_one(CalendarVersion, today.calendar.version)
            behind = len(cases_behind(session, today.calendar.version))
    except SQLAlchemyError:
        return []
    found = [
        Finding(True, f"规则 {today.policy.version}"),
        _years(today.calendar, now.astimezone(CHINA).year),
    ]
    if (kept.national, kept.local) != (files.national, files.local):
        found.append(
            Finding(
                False,
                f"日历文件与施行中的 {today.calendar.version} 不同，尚未施行",
                "运行 reviewbot calendar check 看影响，reviewbot calendar apply 施行；改动须同时改 version。",
            )
        )
    if behind:
        found.append(Finding(False, f"{behind} 件工单的时限尚未按施行中的日历重算", "启动工作进程。"))
    return found


def _years(calendar: Calendar, year: int) -> Finding:
    if year not in calendar.years:
        return Finding(
            False,
            f"{year} 年的节假日安排未载入，按周末暂定",
            "更新 config/calendar/national.toml，再运行 reviewbot calendar apply。",
        )
    following = "" if year + 1 in calendar.years else f"；{year + 1} 年暂定"
    return Finding(True, f"工作日历 {calendar.version}{following}")


def _holders(house: House) -> Finding:
    """No case without a holder (B22), and none for which there is nobody at all."""
    try:
        with house.database.begin() as session:
            lost = cases_without_holder(session)
    except SQLAlchemyError:
        return Finding(False, "无法核对工单的持有人", "先恢复数据库。")
    if not lost:
        return Finding(True, "每张未办结工单都有人持有")
    shown = "、".join(lost[:10]) + ("等" if len(lost) > 10 else "")
    return Finding(
        False, f"{len(lost)} 张工单没有在岗的持有人：{shown}",
        "在目录中为该单位指定经办或负责人（派单台、会商、申诉件指定派单员、督办），再由其移交。",
    )  # fmt: skip


def _sources(house: House) -> list[Finding]:
    found = []
    for name in sorted(house.profiles):
        told = house.settings.sources.get(name)
        if told and told.secrets():
            found.append(Finding(True, f"来源 {name} 有签名密钥"))
        else:
            found.append(
                Finding(
                    False,
                    f"来源 {name} 没有签名密钥，接口会拒收",
                    f"设置 REVIEWBOT_SOURCES__{name.upper()}__SECRET。",
                )
            )
    return found
