import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.conversation import commands
from reviewbot.conversation.commands import parse
from reviewbot.conversation.help import HELP, help_text
from reviewbot.conversation.words import Command, Question, Verb

N = "A1027"


@pytest.mark.parametrize(
    ("text", "verb", "number", "args"),
    [
        ("签收 A1027", Verb.sign, N, {}),
        ("签收A1027", Verb.sign, N, {}),
        ("签收ａ１０２７", Verb.sign, N, {}),
        ("签收　＃a1027 ", Verb.sign, N, {}),
        ("签收 # A1027。", Verb.sign, N, {}),
        ("A1027 签收", Verb.sign, N, {}),
        ("#A1027签收", Verb.sign, N, {}),
        ("【A1027】 签收", Verb.sign, N, {}),
        ("@差评助手 签收 A1027", Verb.sign, N, {}),
        ("签收：A1027", Verb.sign, N, {}),
        ("A1027 签收 A1027", Verb.sign, N, {}),
        ("签收", Verb.sign, None, {}),
        ("签收了", Verb.sign, None, {}),
        ("签收 A1027 马上处理", Verb.sign, N, {"note": "马上处理"}),
        ("退回 A1027 原因", Verb.return_, N, {"reason": "原因"}),
        ("退回 A1027 原因：不归 我们管", Verb.return_, N, {"reason": "不归 我们管"}),
        ("退回A1027不归我们管", Verb.return_, N, {"reason": "不归我们管"}),
        ("退回 不归我们管", Verb.return_, None, {"reason": "不归我们管"}),
        ("退回 重复件 #A1027", Verb.return_, N, {"reason": "重复件"}),
        ("退回 与A1030重复", Verb.return_, None, {"reason": "与A1030重复"}),
        ("退回 A1027 ＡＢ ａ：１\n第二行", Verb.return_, N, {"reason": "ＡＢ ａ：１\n第二行"}),
        ("派单 A1027 社保局", Verb.dispatch, N, {"department": "社保局"}),
        ("派单A1027社保局", Verb.dispatch, N, {"department": "社保局"}),
        ("派单 社保局 A1027", Verb.dispatch, N, {"department": "社保局"}),
        ("派单 A1027 给社保局 请尽快", Verb.dispatch, N, {"department": "社保局", "note": "请尽快"}),
        ("派单 A1027 ＳＯＣ", Verb.dispatch, N, {"department": "SOC"}),
        ("回访 A1027 已接通 等候长", Verb.record_call, N, {"reached": "yes", "note": "等候长"}),
        ("回访 A1027 未接通，无人接听", Verb.record_call, N, {"reached": "no", "note": "无人接听"}),
        ("回访 已接通 A1027", Verb.record_call, N, {"reached": "yes"}),
        ("认定 A1027 属实", Verb.conclude, N, {"conclusion": "justified"}),
        ("认定A1027属实合理", Verb.conclude, N, {"conclusion": "justified"}),
        ("认定 A1027 属实 复杂 已核", Verb.conclude, N,
         {"conclusion": "justified", "complex": "yes", "note": "已核"}),
        ("认定 A1027 属实复杂 已核", Verb.conclude, N,
         {"conclusion": "justified", "complex": "yes", "note": "已核"}),
        ("认定 A1027 复杂 误评", Verb.conclude, N, {"conclusion": "misrated", "complex": "yes"}),
        ("认定 A1027 诉求不合理 复核过", Verb.conclude, N, {"conclusion": "unreasonable", "note": "复核过"}),
        ("认定 A1027 不合理", Verb.conclude, N, {"conclusion": "unreasonable"}),
        ("认定 A1027 无法定依据", Verb.conclude, N, {"conclusion": "no_legal_basis"}),
        ("认定 A1027 缺乏法定依据", Verb.conclude, N, {"conclusion": "no_legal_basis"}),
        ("认定 A1027 政策不支持", Verb.conclude, N, {"conclusion": "policy_unsupported"}),
        ("认定 误评 A1027 手滑", Verb.conclude, N, {"conclusion": "misrated", "note": "手滑"}),
        ("整改 A1027 措施", Verb.submit_measures, N, {"measures": "措施"}),
        ("整改 A1027 整改措施：加窗口", Verb.submit_measures, N, {"measures": "加窗口"}),
        ("解释 A1027 依据：《法》第3条：甲 说明：已讲明", Verb.submit_explanation, N,
         {"basis": "《法》第3条：甲", "explanation": "已讲明"}),
        ("解释A1027依据:甲说明:乙", Verb.submit_explanation, N, {"basis": "甲", "explanation": "乙"}),
        ("解释 A1027 说明：乙 依据：甲", Verb.submit_explanation, N, {"basis": "甲", "explanation": "乙"}),
        ("解释 A1027 依据：甲\n已讲明\n无异议", Verb.submit_explanation, N,
         {"basis": "甲", "explanation": "已讲明\n无异议"}),
        ("解释 A1027 依据 甲 说明 乙", Verb.submit_explanation, N, {"basis": "甲", "explanation": "乙"}),
        ("通过 A1027", Verb.approve, N, {}),
        ("通过 A1027 无附件", Verb.approve, N, {"no_attachment": "yes"}),
        ("通过无附件 A1027", Verb.approve, N, {"no_attachment": "yes"}),
        ("A1027通过", Verb.approve, N, {}),
        ("重办 A1027 照片不清", Verb.send_back, N, {"reason": "照片不清"}),
        ("反馈 A1027 电话 已告知", Verb.record_feedback, N, {"channel": "电话", "note": "已告知"}),
        ("反馈A1027电话已告知", Verb.record_feedback, N, {"channel": "电话", "note": "已告知"}),
        ("反馈 A1027 信函 已寄出", Verb.record_feedback, N, {"channel": "信函", "note": "已寄出"}),
        ("我的待办", Verb.my_todo, None, {}),
        ("待办", Verb.my_todo, None, {}),
        ("帮助", Verb.help, None, {}),
        ("ＨＥＬＰ", Verb.help, None, {}),
        ("？", Verb.help, None, {}),
        (" ａ１０２７ ", Verb.show_case, N, {}),
        ("查看 #A1027", Verb.show_case, N, {}),
    ],
)  # fmt: skip
def test_what_staff_type_is_understood(text, verb, number, args):
    assert parse(text) == Command(verb, number, args)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("退回 A2044", "原因"),
        ("退回 A2044 原因：", "原因"),
        ("派单 A2044", "单位"),
        ("回访 A2044", "已接通"),
        ("回访 A2044 群众很满意", "已接通"),
        ("认定 A2044", "属实"),
        ("认定 A2044 不属实", "属实"),
        ("认定 A2044 属实但不合理", "属实"),
        ("认定 A2044 属实 不合理", "属实"),
        ("整改 A2044", "措施"),
        ("解释 A2044 已讲明", "依据"),
        ("解释 A2044 说明：已讲明", "依据"),
        ("解释 A2044 依据：甲", "说明"),
        ("重办 A2044", "原因"),
        ("反馈 A2044", "方式"),
        ("反馈 A2044 已经告知群众处理结果", "方式"),
        ("反馈 A2044 电话 无人接听", "回访"),
        ("通过 A2044 不同意", "重办"),
        ("签收 A2044 可以吗？", "签收"),
        ("签收 A2044 1027", "签收"),
    ],
)
def test_what_is_missing_is_asked_with_an_example_that_works(text, says):
    question = parse(text)
    assert isinstance(question, Question)
    assert says in question.sentence
    example = re.search("例如「(.+)」", question.sentence)
    assert "A2044" in example[1]
    answered = parse(example[1])
    assert isinstance(answered, Command)
    assert answered.number == "A2044"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 　\n",
        "你好",
        "签收不了 A1027",
        "通过率",
        "帮助群众",
        "按期整改率",
        "整改率 社保局 本月",
        "回访率",
        "A1027 你好",
    ],
)
def test_unknown_text_points_to_help(text):
    question = parse(text)
    assert isinstance(question, Question)
    assert "帮助" in question.sentence


@pytest.mark.parametrize("text", ["签收 A1027 A1028", "签收 A1027、A1028", "A1027 退回 A1028 不是我们的"])
def test_two_cases_at_once_are_not_guessed(text):
    question = parse(text)
    assert isinstance(question, Question)
    assert "一次只能办一件" in question.sentence


@pytest.mark.parametrize("text", ["签收 A1027A", "签收 1027", "通过 #A10", "通过 A10"])
def test_a_mistyped_number_never_moves_another_case(text):
    assert isinstance(parse(text), Question)


@pytest.mark.parametrize("text", ["签收 Z1", "通过 A10", "同意 12", "签收 1027", "通过 A1027 A1028"])
def test_half_a_number_is_asked_for_whole(text):
    told = parse(text)
    assert isinstance(told, Question)
    assert "是否" not in told.sentence
    assert "工单号要写全" in told.sentence or "一次只能办一件" in told.sentence


def test_an_example_without_a_known_case_uses_the_sample_number():
    assert "退回 A1027 " in parse("退回").sentence


def test_help_shows_what_the_roles_may_do_and_fits_one_message():
    assert "派单 A1027" in help_text(["desk"])
    assert "派单 A1027" not in help_text(["handler"])
    assert help_text(["head", "supervisor"]).count("重办") == 1
    assert "我的待办" in help_text([])
    assert "整改率" in help_text(["leader", "no such role"])
    assert len(help_text(HELP).encode()) < 2048


pieces = st.sampled_from(
    [*commands._WORDS, "A1027", "#a1027", "＃Ａ１０２７", "B2001", " ", "　", "\n", "：", "依据：", "说明",
     "属实", "复杂", "本月", "十十月", "2026-10",
     "无附件", "已接通", "电话", "ß", "ﬃ", "\u200b", "\x00", "?", "@", "²"]
)  # fmt: skip
mixed = st.lists(pieces | st.text(max_size=4)).map("".join)
messages = st.one_of(st.text(), st.lists(pieces).map("".join), mixed)


@given(messages)
def test_no_text_breaks_the_reader(text):
    answer = parse(text)
    if isinstance(answer, Question):
        assert answer.sentence.endswith("。")
    else:
        assert answer.number is None or re.fullmatch("[A-Z][0-9]{3,}", answer.number)
        assert all(answer.args.values())


@given(st.text(alphabet="甲乙Ａａ１：，\n 　", min_size=1).map(lambda tail: f"甲{tail}乙"))
def test_free_text_is_handed_on_as_typed(reason):
    assert parse(f"退回 A1027 {reason}") == Command(Verb.return_, "A1027", {"reason": reason})
