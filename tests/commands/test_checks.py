"""``reviewbot verify`` and ``doctor`` by the real command."""

from dataclasses import replace

from case_kit import case_of, opened
from sqlalchemy import text

from reviewbot.commands.doctor import check_system
from reviewbot.settings import SourceSettings

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


def test_a_case_without_any_event_is_a_finding_and_the_cases_behind_it_are_still_checked(house, command):
    emptied, altered = opened(house), opened(house)
    with house.database.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("DELETE FROM case_events WHERE case_id = :id"), {"id": case_of(house, emptied).id}
        )
        session.execute(text("UPDATE cases SET event_count = 0 WHERE number = :one"), {"one": emptied})
        session.execute(text("UPDATE cases SET last_hash = 'x' WHERE number = :one"), {"one": altered})
    told = command("verify")

    assert told.returncode == 1
    assert f"工单 {emptied} 第 1 条记录起不连续" in told.stdout
    assert f"工单 {altered} 第" in told.stdout
    assert "共 2 张工单，2 张有问题" in told.stdout


def test_a_database_that_is_away_is_one_line_and_a_finding_of_the_doctor(command):
    away = {"REVIEWBOT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}
    asked, examined = command("verify", **away), command("doctor", **away)

    assert (asked.returncode, asked.stderr) == (1, "数据库连不上，请检查 REVIEWBOT_DATABASE_URL。\n")
    assert (examined.returncode, examined.stderr) == (1, "")
    assert examined.stdout.startswith("问题　数据库连不上（OperationalError）")


def test_the_doctor_tells_without_a_database_all_that_needs_none(command, tmp_path):
    away = {"REVIEWBOT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}

    told = command("doctor", REVIEWBOT_SOURCES__STANDARD__SECRET=SECRET, **away).stdout

    for said in (
        "队列 Redis 可用", "未配置企业微信", "未配置短信网关和公众号", "未配置病毒扫描", "规则文件 2026-11 可读",
        "工作日历 ", "来源 standard 有签名密钥", "来源 province_a 没有签名密钥", "队列中有 0 项任务",
    ):  # fmt: skip
        assert said in told
    broken = tmp_path / "policy.toml"
    broken.write_text("version = ", encoding="utf-8")
    assert "reviewbot policy check" in command("doctor", REVIEWBOT_POLICY=str(broken), **away).stdout


def test_a_source_is_found_by_the_name_that_the_door_takes(house):
    """The environment knows lower-case names alone; a profile may be called otherwise."""
    profiles = {"Province_B": house.profiles["province_a"]}
    settings = house.settings.model_copy(update={"sources": {"province_b": SourceSettings(secret=SECRET)}})

    found = [one.what for one in check_system(replace(house, profiles=profiles, settings=settings))]

    assert "来源 Province_B 有签名密钥" in found
