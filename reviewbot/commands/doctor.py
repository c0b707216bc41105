"""What ``reviewbot doctor`` looks at; every finding says what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from reviewbot.clock import CHINA
from reviewbot.errors import ChannelError, SettingError
from reviewbot.files.scanner import Scanner, ScannerAway
from reviewbot.models.policy import CalendarVersion
from reviewbot.outbox import RATER
from reviewbot.queries.cases import cases_behind
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.policy import Policy, parse
from reviewbot.setting_types import SECRET_BYTES, key_of
from reviewbot.settings import strange_variables
from reviewbot.vitals import Level, Sign, look, look_beside
from reviewbot.wiring import House, rule_files

TEST_VIRUS = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""In two halves, so that no scanner puts this program away."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``advice`` says what to do about it."""

    good: bool
    what: str
    advice: str = ""


def check_system(house: House) -> list[Finding]:
    """Everything; without the database whatever can be told without it, and it is not asked again and again."""
    database = _database(house)
    return [
        database,
        _queue(house),
        *_wecom(house),
        _texts(house),
        _scanner(house.scanner),
        *(_rules(house) if database.good else _rule_files(house)),
        *_sources(house),
        *_strange(),
        *_signs(look(house) if database.good else look_beside(house)),
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
    if house.crypto is None:
        found.append(
            Finding(
                False, "没有配置企业微信回调", "设置 REVIEWBOT_WECOM__CALLBACK_TOKEN 和 __CALLBACK_AES_KEY。"
            )
        )
    return found


def _texts(house: House) -> Finding:
    if RATER not in house.channels:
        return Finding(
            False,
            "未配置短信网关和公众号，评价人收不到链接",
            "设置 REVIEWBOT_SMS__URL、__ACCOUNT、__SECRET。",
        )
    if house.settings.address.startswith("http://"):
        return Finding(False, "评价人的链接没有加密（http）", "设置 REVIEWBOT_PUBLIC_URL 为 https 地址。")
    return Finding(True, f"已配置通知评价人的渠道：{_ways(house)}")


def _ways(house: House) -> str:
    names = {"official": "公众号", "sms": "短信"}
    there = {"official": house.official is not None, "sms": bool(house.settings.sms.url)}
    return "、".join(names[way] for way in house.settings.raters.order if there[way])


def _scanner(scanner: Scanner | None) -> Finding:
    """It must pass what is harmless and name the harmless file that every scanner is made to name."""
    advice = "检查 REVIEWBOT_SCAN__CLAMD 或 __COMMAND；在此之前收到的文件一直待扫描，不能打开。"
    if scanner is None:
        return Finding(True, "未配置病毒扫描，收到的文件不经扫描（REVIEWBOT_SCAN__CLAMD 或 __COMMAND）")
    with TemporaryDirectory(prefix="reviewbot-scan-") as folder:
        clean, test = Path(folder) / "clean", Path(folder) / "test"
        clean.write_bytes(b"reviewbot doctor")
        test.write_bytes(TEST_VIRUS)
        try:
            if (named := scanner.scan(clean)) is not None:
                return Finding(False, f"病毒扫描把无害的文件认作 {named}", advice)
            if scanner.scan(test) is None:
                return Finding(
                    False, "病毒扫描认不出 EICAR 测试文件", "更新病毒库（freshclam），再运行一次。"
                )
        except ScannerAway as wrong:
            return Finding(False, f"病毒扫描没有结论（{wrong}）", advice)
    return Finding(True, "病毒扫描可用，认得出 EICAR 测试文件")


def _rules(house: House) -> list[Finding]:
    """What is in force, and whether the files say something else: a changed calendar waits to be applied (B2)."""
    files, now = rule_files(house.settings), house.clock.now()
    with house.database.begin() as session:
        today = house.today(session)
        kept = session.get_one(CalendarVersion, today.calendar.version)
        behind = len(cases_behind(session, today.calendar.version))
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


def _rule_files(house: House) -> list[Finding]:
    """Whether the files could be taken; which rules are in force only the database knows."""
    try:
        files = rule_files(house.settings)
        policy = Policy.from_table(parse(files.policy, house.settings.policy.name))
        calendar = Calendar.from_texts(files.national, files.local)
    except SettingError as wrong:
        return [
            Finding(False, wrong.sentence, "运行 reviewbot policy check、reviewbot calendar check 逐项查看。")
        ]
    return [
        Finding(True, f"规则文件 {policy.version} 可读，施行中的规则要等数据库"),
        _years(calendar, house.clock.now().astimezone(CHINA).year),
    ]


def _years(calendar: Calendar, year: int) -> Finding:
    if year not in calendar.years:
        return Finding(
            False,
            f"{year} 年的节假日安排未载入，按周末暂定",
            "更新 config/calendar/national.toml，再运行 reviewbot calendar apply。",
        )
    following = "" if year + 1 in calendar.years else f"；{year + 1} 年暂定"
    return Finding(True, f"工作日历 {calendar.version}{following}")


def _sources(house: House) -> list[Finding]:
    """Every source we can read has a secret worth its name, and every secret a source we can read."""
    told = {name.lower(): one.secrets() for name, one in house.settings.sources.items()}
    known = {name.lower() for name in house.profiles}
    return [
        *(_secrets(name, told.get(name.lower(), [])) for name in sorted(house.profiles)),
        *(
            Finding(
                False,
                f"设置 REVIEWBOT_SOURCES__{name.upper()}__SECRET 没有对应的来源",
                f"核对名字；来源各有一个文件 config/sources/{name}.toml。",
            )
            for name in sorted(told.keys() - known)
        ),
    ]


def _strange() -> list[Finding]:
    return [
        Finding(
            False, f"环境变量 {name} 不是本系统的设置，没有起作用", "核对名字，见 config/reviewbot.toml。"
        )
        for name in strange_variables()
    ]


def _secrets(name: str, secrets: list[str]) -> Finding:
    setting = f"REVIEWBOT_SOURCES__{name.upper()}__SECRET"
    if not secrets:
        return Finding(False, f"来源 {name} 没有签名密钥，接口会拒收", f"设置 {setting}。")
    if short := [len(key_of(one)) for one in secrets if len(key_of(one)) < SECRET_BYTES]:
        return Finding(
            False,
            f"来源 {name} 的签名密钥只有 {min(short)} 字节，容易被猜出",
            f"与来源商定至少 {SECRET_BYTES} 字节的新密钥，{setting} 轮换期间新旧并列。",
        )
    return Finding(True, f"来源 {name} 有签名密钥")


_TOLD = ("wecom", "callback_age_seconds", "queue_length")
"""Signs whose fault is a finding of its own."""


def _signs(signs: Iterable[Sign]) -> list[Finding]:
    """The same signs as on /health; what is merely worth a look is told and does not fail the doctor."""
    return [
        Finding(sign.level is not Level.BAD, "；".join((sign.what, *sign.lines)), sign.advice)
        for sign in signs
        if sign.key not in _TOLD or sign.level is not Level.BAD
    ]
