"""``reviewbot verify`` and ``doctor`` by the real command."""

from dataclasses import replace

import pytest
from case_kit import (
    SUPERVISOR,
    awaiting_approval,
    case_of,
    closed,
    handler_of,
    move,
    opened,
    photograph,
    verifying,
)
from contact_kit import event, pushed
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from reviewbot.actions.erase_rater import erase_rater
from reviewbot.actions.let_go import let_go
from reviewbot.commands.doctor import check_system
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.contacts import Left
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
        "队列 Redis 可用", "未配置企业微信", "未配置短信网关和公众号", "未配置病毒扫描", "规则文件 2026-11-4 可读",
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


ALTERED = (
    ("评价内容", "UPDATE reviews SET rating = 5 WHERE id = :review"),
    ("评价内容", "UPDATE reviews SET comment = '服务很好' WHERE id = :review"),
    ("是否差评", "UPDATE reviews SET is_bad = false WHERE id = :review"),
    ("状态", "UPDATE cases SET status = 'closed' WHERE id = :case"),
    ("认定", "UPDATE cases SET conclusion = 'misrated' WHERE id = :case"),
    ("回访次数", "UPDATE cases SET call_count = 3 WHERE id = :case"),
    ("办结时间", "UPDATE cases SET closed_at = opened_at WHERE id = :case"),
    ("到期时间与办理时限", "UPDATE cases SET due_at = due_at + interval '30 days' WHERE id = :case"),
    (
        "到期时间与其计算过程",
        "UPDATE due_times SET due_at = due_at + interval '30 days' WHERE case_id = :case",
    ),
    ("第 1 次回访的接通", "UPDATE calls SET reached = false WHERE case_id = :case"),
    ("第 1 次回访的说明", "UPDATE calls SET note = '满意' WHERE case_id = :case"),
    ("第 1 次回访的号码查看情况", "UPDATE calls SET number_unseen = false WHERE case_id = :case"),
    ("承办单位与办理记录", "UPDATE cases SET department_id = department_id + 1 WHERE id = :case"),
    (
        "经办人与办理记录",
        "UPDATE cases SET handler_id = (SELECT min(id) FROM staff WHERE id <> handler_id) WHERE id = :case",
    ),
    ("评价人信息已删除", "UPDATE reviews SET erased_at = received_at, raw = '' WHERE id = :review"),
    ("附件“现场.jpg”的 SHA-256", "UPDATE evidence SET sha256 = repeat('0', 64) WHERE case_id = :case"),
)


def test_whatever_was_altered_is_told_with_its_case_and_field(house, command):
    """By somebody who can do anything in the database, triggers or none."""
    altered = {}
    for field, statement in ALTERED:
        number = awaiting_approval(house)
        photograph(house, handler_of(house, number), number)
        altered[number] = field
        case = case_of(house, number)
        with house.database.begin() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            known = {"case": case.id, "review": case.review_id}
            session.execute(text(statement), {name: known[name] for name in known if f":{name}" in statement})
    whole = awaiting_approval(house)

    told = command("verify")

    assert told.returncode == 1
    for number, field in altered.items():
        assert any(
            line.startswith(f"工单 {number} ") and field in line for line in told.stdout.splitlines()
        ), field
    assert whole not in told.stdout
    assert f"共 {len(ALTERED) + 1} 张工单，{len(ALTERED)} 张有问题" in told.stdout


ERASURES = (
    ("未删除", "UPDATE reviews SET erased_at = NULL WHERE id = :review"),
    ("信息仍在", "UPDATE reviews SET rater_phone = '13800000000' WHERE id = :review"),
    ("信息仍在", "UPDATE reviews SET comment = '服务很好' WHERE id = :review"),
    ("信息仍在", "UPDATE reviews SET raw = 'x' WHERE id = :review"),
    ("评价编号与立案记录", "UPDATE reviews SET external_id = 'another' WHERE id = :review"),
    ("是否差评与评级", "UPDATE reviews SET rating = 5 WHERE id = :review"),
)


def test_an_erased_review_is_compared_with_what_its_case_says_of_it(house, command):
    altered = {}
    for field, statement in ERASURES:
        number = closed(house)
        with house.database.begin() as session:
            erase_rater(session, number, "本人申请", SYSTEM, at=house.clock.now())
        altered[number] = field
        with house.database.begin() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text(statement), {"review": case_of(house, number).review_id})

    told = command("verify")

    for number, field in altered.items():
        found = [line for line in told.stdout.splitlines() if line.startswith(f"工单 {number} ")]
        assert any(field in line for line in found), field


def test_who_has_a_case_is_no_finding_when_he_left_or_his_userid_was_changed(house, command):
    first, second = verifying(house), verifying(house)
    gone, other = handler_of(house, first), handler_of(house, second)
    assert gone != other
    with house.database.begin() as session:
        let_go(session, staff_by_userid(session, gone), Left.DELETED, at=house.clock.now())
    pushed(house, event("update_user", other, new_userid="xinming01"))
    assert handler_of(house, second) == "xinming01"

    told = command("verify")

    assert "共 2 张工单，0 张有问题" in told.stdout, told.stdout


def test_a_file_whose_bytes_were_changed_is_told(house, command):
    number = awaiting_approval(house)
    photograph(house, handler_of(house, number), number)
    (file,) = (path for path in (house.settings.data_dir / "evidence").rglob("*") if path.is_file())
    file.chmod(0o600)
    file.write_bytes(b"another photograph")

    told = command("verify")

    assert told.returncode == 1
    assert f"工单 {number} 附件" in told.stdout


def test_lawful_work_leaves_no_finding(house, command):
    number = closed(house)
    move(house, SUPERVISOR, "reopen", number, remark="群众不满意")
    returned = verifying(house)
    move(house, handler_of(house, returned), "return", returned, remark="不是我们的", department="医保分局")
    erased = closed(house)
    with house.database.begin() as session:
        erase_rater(session, erased, "本人申请", SYSTEM, at=house.clock.now())

    told = command("verify")

    assert "共 3 张工单，0 张有问题" in told.stdout
    assert told.returncode == 0


@pytest.mark.parametrize(
    "statement", ["UPDATE reviews SET rating = 5", "UPDATE reviews SET comment = ''", "DELETE FROM reviews"]
)
def test_the_database_itself_keeps_the_reviews(house, statement):
    opened(house)

    with pytest.raises(DBAPIError, match="are never changed"), house.database.begin() as session:
        session.execute(text(statement))
