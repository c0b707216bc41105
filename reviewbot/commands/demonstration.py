"""The demonstration: a whole system on embedded servers, simulated phones, invented people, a rehearsal clock."""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import requests
import typer

from reviewbot.actions.create_token import create_token
from reviewbot.actions.live_cards import NO_LONGER_HIS
from reviewbot.actions.release_reminders import MERGED
from reviewbot.actions.reminded import SETTLED
from reviewbot.actions.renew_cards import SETTLED_REASONS
from reviewbot.actions.report_rates import report_rates
from reviewbot.clock import CHINA, set_rehearsal
from reviewbot.commands.base import console, plainly, prepare
from reviewbot.commands.letters import write_letters
from reviewbot.commands.processes import (
    Processes,
    beat_command,
    free_port_or_fail,
    sender_command,
    web_command,
    worker_command,
)
from reviewbot.commands.recalls import verify as verify_sample
from reviewbot.commands.records import print_balance
from reviewbot.embedded import start_embedded, stop_embedded
from reviewbot.errors import Unavailable
from reviewbot.logs import configure_logs
from reviewbot.outbox import NO_NUMBER
from reviewbot.queries.counts import intake_balance, suppressed_reasons
from reviewbot.queries.directory import heads_by_unit, userids_with_role
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.kinds import Family
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.rates import METRICS, apart_line, display
from reviewbot.settings import ROOT, Settings, load_settings
from reviewbot.simulator.director import People, Stage, play_day, play_on
from reviewbot.simulator.pages import PlayFailed
from reviewbot.simulator.procedure import RECALLED, play_procedure
from reviewbot.simulator.raters import answer_texts
from reviewbot.simulator.rules_act import play_rules
from reviewbot.simulator.stream import reviews
from reviewbot.wiring import House, read_text

MORNING = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
"""Monday 2026-11-30 08:30 in China: the day after the last sample review."""
HURRIED = 1_000_000
STREAM_COUNT = 1_200


@plainly
def demo(
    once: Annotated[bool, typer.Option(help="演完一天即退出，收支或比率不符则返回非零")] = False,
    rate: Annotated[float, typer.Option(help="演练时钟：每秒过多少秒")] = 60.0,
) -> None:
    """演示：内置服务器、演示城市、企业微信模拟器和虚构的群众。"""
    run(once=once, rate=rate)


def run(*, once: bool, rate: float) -> None:
    """Set the stage, play, and take it down again. Raises Unavailable when the balance does not add up."""
    folder = Path(os.environ.get("REVIEWBOT_DATA_DIR", ROOT / ".data")) / ("once" if once else "demo")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    clock = folder / "rehearsal.json"
    set_rehearsal(clock, MORNING, rate=0)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    phones = _configure(folder, clock, secret, once=once)
    settings = load_settings()
    free_port_or_fail(settings.bind)
    free_port_or_fail(phones.removeprefix("http://"))
    settings = start_embedded(settings)
    configure_logs(settings.log_format)
    house = prepare(settings, start=True)
    with house.database.begin() as session:
        token = create_token(session, "supervisor", "演示", department=None, at=house.clock.now())
        first, second = userids_with_role(session, Role.SUPERVISOR)[:2]
        people = People(
            desk=userids_with_role(session, Role.DESK)[0],
            supervisor=first,
            second_supervisor=second,
            heads=heads_by_unit(session),
        )
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    children = Processes(settings)
    try:
        host, _, port = phones.removeprefix("http://").rpartition(":")
        children.start(
            "simulator", "uvicorn", "reviewbot.simulator.serve:app", "--host", host, "--port", port,
            "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "1", to_file=True,
        )  # fmt: skip
        children.start("web", *web_command(settings), to_file=True)
        children.start("worker", *worker_command(settings), to_file=True)
        children.start("sender", *sender_command(settings), to_file=True)
        children.start("beat", *beat_command(settings), to_file=True)
        stage = Stage(settings.address, phones, token, clock, secret)
        _await(settings.address + "/readyz", phones + "/sim/status", logs=folder / "logs")
        hurried = {"per_minute": HURRIED, "per_hour": HURRIED}
        requests.post(phones + "/sim/quirks", json=hurried, timeout=10).raise_for_status()
        samples = ROOT / "tests" / "data"
        stream = reviews(1, settings.city, MORNING.astimezone(CHINA), STREAM_COUNT)
        if once:
            play_day(stage, people, MORNING, samples, stream, console.print)
            said = answer_texts(stage)
            console.print(
                "评价人打开短信中的链接：" + "，".join(f"{name} {count}" for name, count in said.items())
            )
            play_rules(
                stage, _command(settings), read_text(settings.policy), folder / "strict.toml",
                house.clock.now(), console.print,
            )  # fmt: skip
            play_procedure(stage, people, MORNING + timedelta(days=14), console.print)
            verify_sample(house, RECALLED, console)
            _conclude(house)
            papers = write_letters(house, folder / "letters")
            console.print(f"公文 {len(papers)} 份：{folder / 'letters'}")
        else:
            console.print(f"督办网页  {settings.address}/\n虚拟手机  {phones}/\n（Ctrl-C 停止）")
            set_rehearsal(clock, MORNING, rate=rate)
            play_on(stage, samples, stream, rate)
            while True:
                time.sleep(1)
                children.restart_dead(to_file=True)
    except PlayFailed as wrong:
        raise Unavailable(f"演示没有演完：{wrong}；日志在 {folder / 'logs'}。") from None
    except KeyboardInterrupt:
        console.print("演示结束。")
    finally:
        children.stop()
        house.database.dispose()
        stop_embedded(settings.data_dir)


def _command(settings: Settings) -> Callable[..., str]:
    """Runs ``reviewbot`` as somebody at the machine would, while the system runs."""
    servers = {"REVIEWBOT_DATABASE_URL": settings.database_url, "REVIEWBOT_REDIS_URL": settings.redis_url}

    def run(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "reviewbot", *arguments], cwd=ROOT, env=os.environ | servers, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise PlayFailed(f"reviewbot {' '.join(arguments)}：{(done.stderr or done.stdout).strip()}")
        return done.stdout

    return run


def _configure(folder: Path, clock: Path, secret: str, *, once: bool) -> str:
    """Settings of the demonstration as environment of this process and its children; the phones' address."""
    bind = os.environ.get("REVIEWBOT_BIND", "127.0.0.1:8000")
    host, _, port = bind.rpartition(":")
    phones = f"http://{host}:{int(port) + 1}"
    key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    os.environ |= {
        "REVIEWBOT_BIND": bind,
        "REVIEWBOT_DATA_DIR": str(folder),
        "REVIEWBOT_PUBLIC_URL": f"http://{bind}",
        "REVIEWBOT_CITY": str(ROOT / "config" / "city" / "demo"),
        "REVIEWBOT_REHEARSAL": str(clock),
        "REVIEWBOT_SWEEP_SECONDS": "0.5",
        "REVIEWBOT_SOURCES__STANDARD__SECRET": secret,
        "REVIEWBOT_SOURCES__PROVINCE_A__SECRET": secret,
        "REVIEWBOT_SMS__URL": phones + "/sms/send",
        "REVIEWBOT_SMS__ACCOUNT": "demo",
        "REVIEWBOT_SMS__SECRET": secrets.token_urlsafe(24),
        "REVIEWBOT_WECOM__BASE_URL": phones,
        "REVIEWBOT_WECOM__CORP_ID": "wwdemo0000000001",
        "REVIEWBOT_WECOM__AGENT_ID": "1000002",
        "REVIEWBOT_WECOM__SECRET": secrets.token_urlsafe(24),
        "REVIEWBOT_WECOM__CALLBACK_TOKEN": secrets.token_hex(12),
        "REVIEWBOT_WECOM__CALLBACK_AES_KEY": _only_alphanumeric(key),
        # The rehearsal plays hours in seconds; the platform's pace is in real ones.
        "REVIEWBOT_WECOM__PER_MINUTE": str(HURRIED),
        "REVIEWBOT_WECOM__PER_HOUR": str(HURRIED),
    }
    return phones


def _only_alphanumeric(key: str) -> str:
    """WeCom's key has letters and digits only; ending in A, so that its last two bits are zero."""
    return key.replace("+", "a").replace("/", "b")[:42] + "A"


def _await(*addresses: str, logs: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    for address in addresses:
        while not _answers(address):
            if time.monotonic() > deadline:
                raise Unavailable(f"{address} 没有启动；日志在 {logs}。")
            time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).ok
    except requests.RequestException:
        return False


def _conclude(house: House) -> None:
    """Print the balance and the rates; anything that does not add up fails the demonstration."""
    now = house.clock.now()
    with house.database.begin() as session:
        told = intake_balance(session, now)
        reasons = suppressed_reasons(session)
        rows = report_rates(
            session, SYSTEM, first=MORNING.date(), last=(now + timedelta(days=1)).date(), now=now
        )
        rounding = house.today(session).policy.rounding
    print_balance(told)
    console.print(f"{Family.RATING.label}各项比率：")
    for row in rows:
        names = METRICS[row.figure.metric].parts
        parts = "，".join(f"{names[part]} {count}" for part, count in row.figure.parts.items())
        apart = f"；另列：{told_beside}" if (told_beside := apart_line(row.figure)) else ""
        name = METRICS[row.figure.metric].name
        console.print(f"{name}：{display(row.figure, rounding)}　{parts}{apart}", highlight=False)
    for state in ("owed", "held", "sending"):
        if told.messages.get(state):
            raise Unavailable(f"还有 {told.messages[state]} 条消息没有送达。")
    for lawful in (NO_NUMBER, MERGED, SETTLED, NO_LONGER_HIS, *SETTLED_REASONS):
        reasons.pop(lawful, None)
    if reasons:
        # Everybody else in the demonstration city has a phone: a message that did not arrive is a fault of ours.
        listed = "；".join(f"{reason} {count} 条" for reason, count in reasons.items())
        raise Unavailable(f"有 {sum(reasons.values())} 条消息没有送到：{listed}。")
    if not told.adds_up or told.unrouted:
        raise Unavailable("收支不平衡。")
