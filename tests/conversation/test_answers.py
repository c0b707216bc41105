"""Supervisors ask in chat: the figures of every other door, within one's own rows, readable on a phone."""

import re
from datetime import timedelta

import pytest
from ask_kit import a_worked_month, ask, plain, said
from case_kit import HEAD, SUPERVISOR, closed, messages, opened
from PIL import Image
from sqlalchemy import event, select

from reviewbot.actions.report_rates import report_rates
from reviewbot.charts import Bar, Chart, draw
from reviewbot.conversation.lines import change, pad
from reviewbot.models.message import InboxItem, Message
from reviewbot.models.people import Department
from reviewbot.rules.notices import fit
from reviewbot.rules.rates import Figure

RATE = "rectification_rate"


@pytest.fixture
def worked(house):
    return a_worked_month(house)


def test_a_rate_is_told_with_its_fraction_its_parts_and_its_days(house, worked):
    told = plain(said(house, SUPERVISOR, "12月 整改率"))
    assert "2026-12-01 至 2026-12-31" in told
    assert "差评整改率 40.00%（2/5）" in told
    assert "整改 2 / 解释 0" in told
    assert "截至 2026-12-30 09:00" in told


def test_october_in_january_is_last_years_and_the_answer_says_so(house):
    house.clock.moment = house.clock.moment.replace(year=2027, month=1, day=4)
    told = plain(said(house, SUPERVISOR, "10月 整改率"))
    assert "2026-10-01 至 2026-10-31" in told
    assert "差评整改率 —（0/0）" in told


def test_few_cases_are_flagged_and_stand_below_the_ranking(house, worked):
    for _ in range(5):
        opened(house, department="TAX", item="税务登记")
        closed(house)
    house.clock.moment += timedelta(days=20)
    lines = plain(said(house, SUPERVISOR, "各单位 整改率 近60天")).splitlines()
    few = lines.index("不足 5 件，仅供参考、不排序：")
    ranked = lines[5:few]  # below the order, the total, its parts and what raters confirm
    assert [line.split()[0] for line in ranked] == ["社保局", "税务局"]
    assert not any(line.endswith("*") for line in ranked)
    assert any("个单位没有应计件：—（0/0）" in line for line in lines)


def test_a_comparison_is_in_percentage_points_with_both_fractions(house, worked):
    told = plain(said(house, SUPERVISOR, "整改率 12月 环比"))
    assert "环比 —（无可比）" in told
    assert "2026-11-01 至 2026-11-30：—（0/0）" in told
    now, then = Figure(RATE, 2, 3), Figure(RATE, 1, 2)
    assert change(now, then, "round") == "+16.67 个百分点"
    assert change(then, now, "truncate") == "-16.66 个百分点"
    assert change(now, now, "round") == "0.00 个百分点"


def test_a_head_sees_his_unit_and_is_refused_another(house, worked):
    own = plain(said(house, HEAD, "整改率 近60天"))
    assert own.startswith("社保局")
    assert "50.00%（2/4）" in own
    assert plain(said(house, HEAD, "社保局 整改率 近60天")) == own
    for words in ["医保分局 整改率", "各单位 整改率", "全部 超期", "医保分局 今日", "整改率 社保局 医保分局"]:
        refused = said(house, HEAD, words)
        assert "您只能查询本单位（社保局）" in refused
        assert not re.search(r"\d/\d", refused)
    assert "只对督办" in said(house, HEAD, "督办事项")
    assert "共 2 件" in plain(said(house, HEAD, "超期"))


def test_unknown_words_get_no_figure(house, worked):
    told = said(house, SUPERVISOR, "社宝局 整改率")
    assert "“社宝局”" in told
    assert "社保局" in told
    assert not re.search(r"\d+/\d+", told)


def test_a_picture_comes_with_it_and_is_drawn_once(house, worked, monkeypatch):
    first = ask(house, SUPERVISOR, "各单位 整改率 近60天")["picture"]
    place = house.settings.data_dir / "pictures" / first["sha256"][:2] / first["sha256"]
    with Image.open(place) as shown:
        assert shown.format == "PNG"
        assert shown.width == 1080
        assert 400 < shown.height < 1600
    assert place.stat().st_size < 400_000
    assert "社保局 50.00%（2/4）" in first["alt"]
    assert [row.kind for row in messages(house)][-2:] == ["reply", "picture"]
    monkeypatch.setattr("reviewbot.charts.draw", None)  # drawing again would fail
    assert ask(house, SUPERVISOR, "整改率 各单位 近60天")["picture"] == first


def test_a_trend_asks_for_each_month_once(house, worked, monkeypatch):
    counted = []

    def counting(session, viewer, *, first, **more):
        counted.append(first)
        return report_rates(session, viewer, first=first, **more)

    monkeypatch.setattr("reviewbot.conversation.asking.report_rates", counting)
    told = ask(house, SUPERVISOR, "整改率 趋势")

    assert set(told) == {"reply", "picture"}
    assert len(counted) == len(set(counted)) == 6


def test_no_row_is_held_while_a_chart_is_drawn_and_nothing_is_told_before(house, worked, monkeypatch):
    """Another connection can lock the row of the question at that moment, and finds no reply yet."""
    seen = []

    def drawing(chart):
        with house.database.begin() as session:
            item = session.scalars(
                select(InboxItem).order_by(InboxItem.id.desc()).limit(1).with_for_update(nowait=True)
            ).one()
            replies = session.scalars(select(Message).where(Message.key == f"reply-{item.id}")).all()
            seen.append((item.state, len(replies)))
        return draw(chart)

    monkeypatch.setattr("reviewbot.charts.draw", drawing)
    told = ask(house, SUPERVISOR, "各单位 整改率 近60天")

    assert seen == [("new", 0)]
    assert set(told) == {"reply", "picture"}


def bars(count, kind="bars", few=False):
    return Chart(
        kind, "按期整改率　2026-10", "全部单位 92.31%（48/52）",
        tuple(Bar(f"不动产登记中心{n}", 100 - 7.5 * n, f"{100 - 7.5 * n:.2f}%", f"{n}/13", few) for n in range(count)),
        92.31, "截至 2026-11-30",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["bars", "trend"])
def test_the_same_chart_is_the_same_bytes_and_every_word_of_it_is_drawn(kind):
    # A glyph the font lacks would warn, and a warning fails a test.
    whole = bars(6, kind)
    assert draw(whole) == draw(bars(6, kind))
    pictures = {draw(whole), draw(bars(7, kind)), draw(bars(6, kind, few=True))}
    for changed in ("title", "message", "foot"):
        pictures.add(draw(Chart(**{**whole.__dict__, changed: "另一句话"})))
    assert len(pictures) == 6


def test_lines_fit_one_message_and_what_is_left_out_is_counted():
    rows = [f"单位{n:03} 92.31%（48/52）" for n in range(200)]
    text = fit(["差评整改率"], rows, ["截至 2026-11-30 09:00"])
    assert len(text.encode()) <= 2048
    shown = [line for line in text.splitlines() if line in rows]
    assert f"其余 {200 - len(shown)} 个见页面" in text
    assert shown == rows[: len(shown)]
    assert text.endswith("截至 2026-11-30 09:00")
    assert pad(["社保局", "不动产登记中心"])["社保局"] == "社保局　　　　"


def test_two_hundred_units_cost_no_more_queries_than_forty(house, worked):
    def queries(words):
        count = 0

        def counted(*_):
            nonlocal count
            count += 1

        event.listen(house.database.engine, "before_cursor_execute", counted)
        told = said(house, SUPERVISOR, words)
        event.remove(house.database.engine, "before_cursor_execute", counted)
        assert len(told.encode()) <= 2048
        return count

    asked = ["各单位 整改率 近60天", "各单位 整改率 近60天 环比", "超期", "今日", "整改率 趋势"]
    said(house, SUPERVISOR, "今日")  # the first word of the day is noted as a sign of life
    before = [queries(words) for words in asked]
    with house.database.begin() as session:
        session.add_all(
            Department(code=f"X{n:03}", name=f"某镇第{n}办事处", short_name=f"第{n}办", role="handling")
            for n in range(200)
        )
    assert [queries(words) for words in asked] == before
    assert max(before) < 30
