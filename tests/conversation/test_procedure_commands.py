"""What staff type beyond the core path: read exactly, or asked back."""

import pytest

from reviewbot.conversation.commands import parse
from reviewbot.conversation.words import Command, Question, Verb

N = "A1027"


@pytest.mark.parametrize(
    ("text", "verb", "args"),
    [
        ("驳回 A1027 在贵局权责清单内", Verb.refuse_return, {"reason": "在贵局权责清单内"}),
        ("会商 A1027 两家都说不是", Verb.convene, {"reason": "两家都说不是"}),
        ("裁定 A1027 社保局 依三定方案", Verb.rule, {"department": "社保局", "note": "依三定方案"}),
        ("裁定 A1027 社保局 依三定方案，今后照此派单", Verb.rule,
         {"department": "社保局", "note": "依三定方案", "as_rule": "yes"}),
        ("裁定 社保局 A1027 依三定方案", Verb.rule, {"department": "社保局", "note": "依三定方案"}),
        ("协办 A1027 税务局 请提供缴费记录", Verb.ask_assistance, {"department": "税务局", "note": "请提供缴费记录"}),
        ("协办答复 A1027 记录无误", Verb.assist, {"note": "记录无误"}),
        ("撤销协办 A1027 税务局 已自行取得", Verb.withdraw_assistance, {"department": "税务局", "note": "已自行取得"}),
        ("延期 A1027 5 需核对", Verb.request_extension, {"days": "5", "note": "需核对"}),
        ("延期 A1027 ５个工作日 需核对", Verb.request_extension, {"days": "5", "note": "需核对"}),
        ("延期 a1027 三天 需核对", Verb.request_extension, {"days": "3", "note": "需核对"}),
        ("延期 10 A1027 需核对", Verb.request_extension, {"days": "10", "note": "需核对"}),
        ("批示 A1027 请抓紧", Verb.instruct, {"note": "请抓紧"}),
        ("批示 A1027 2026-11-05 请抓紧", Verb.instruct, {"on": "2026-11-05", "note": "请抓紧"}),
        ("批示 2026年11月5日 A1027 请抓紧", Verb.instruct, {"on": "2026-11-05", "note": "请抓紧"}),
        ("台账 A1027 2027-03-31 需改造系统", Verb.request_ledger, {"until": "2027-03-31", "note": "需改造系统"}),
        ("台账 A1027 2027年3月31日 需改造系统", Verb.request_ledger, {"until": "2027-03-31", "note": "需改造系统"}),
        ("申诉 A1027 误评 群众点错", Verb.conclude, {"conclusion": "misrated", "note": "群众点错"}),
        ("申诉 A1027 恶意差评 反复骚扰", Verb.conclude, {"conclusion": "malicious", "note": "反复骚扰"}),
        ("认定 A1027 非本单位原因 系统故障", Verb.conclude, {"conclusion": "not_attributable", "note": "系统故障"}),
        ("申诉 A1027 无效评价 测试数据", Verb.conclude, {"conclusion": "invalid", "note": "测试数据"}),
        ("同意 A1027", Verb.agree, {}),
        ("同意 A1027 无附件", Verb.agree, {"no_attachment": "yes"}),
        ("不同意 A1027 理由不足", Verb.disagree, {"reason": "理由不足"}),
        ("同意 A1027 延期", Verb.agree, {"application": "extension"}),
        ("同意 延期 A1027", Verb.agree, {"application": "extension"}),
        ("同意 A1027 台账，请按期完成", Verb.agree, {"application": "ledger", "note": "请按期完成"}),
        ("不同意 A1027 台账 可以整改", Verb.disagree, {"application": "ledger", "reason": "可以整改"}),
        ("不同意 A1027 延期理由不足", Verb.disagree, {"reason": "延期理由不足"}),
        ("移交 A1027 李敏 出差", Verb.hand_over, {"person": "李敏", "note": "出差"}),
        ("移交 A1027 给李敏", Verb.hand_over, {"person": "李敏"}),
        ("批示 A1027 限期办结", Verb.instruct, {"note": "限期办结"}),
        ("重开 A1027 没有解决", Verb.reopen, {"reason": "没有解决"}),
    ],
)  # fmt: skip
def test_a_command_is_read(text, verb, args):
    assert parse(text) == Command(verb, N, args)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("请假 2026-12-01 至 2026-12-05 李敏 培训", "2026-12-01", "2026-12-05"),
        ("请假 2026/12/1到2026/12/5 李敏 培训", "2026-12-01", "2026-12-05"),
        ("请假 2026年12月1日 李敏 培训", "2026-12-01", "2026-12-01"),
    ],
)
def test_leave_is_read(text, first, last):
    told = parse(text)

    assert isinstance(told, Command)
    assert told == Command(Verb.leave, None, {"first": first, "last": last, "person": "李敏", "note": "培训"})


@pytest.mark.parametrize(
    "text",
    [
        "裁定 A1027 社保局", "协办 A1027 税务局", "协办答复 A1027", "延期 A1027", "延期 A1027 需核对", "延期 A1027 5",
        "台账 A1027 需改造", "台账 A1027 2027-02-30 需改造", "申诉 A1027", "申诉 A1027 属实 不对", "不同意 A1027",
        "移交 A1027", "同意 A1027 吗？", "同意 A1027 不妥", "批示 A1027", "请假", "请假 明天 李敏", "请假 2026-12-01",
        "驳回 A1027",
    ],
)  # fmt: skip
def test_what_is_missing_or_doubtful_is_asked_back_with_an_example(text):
    told = parse(text)

    assert isinstance(told, Question)
    assert "例如「" in told.sentence


@pytest.mark.parametrize("text", ["同意率 A1027", "同意书已收到", "协", "不同"])
def test_words_that_only_begin_alike_are_not_commands(text):
    assert isinstance(parse(text), Question)


@pytest.mark.parametrize(
    ("text", "finding", "note"),
    [
        ("抽查 A1027 属实 已接到电话", "confirmed", "已接到电话"),
        ("抽查回访 A1027 没人联系过 从未接到", "nobody_called", "从未接到"),
        ("抽查 A1027 无人回访，从未接到", "nobody_called", "从未接到"),
        ("抽查 A1027 不属实 老样子", "not_rectified", "老样子"),
        ("抽查 A1027 整改不实：老样子", "not_rectified", "老样子"),
        ("抽查 整改不实 A1027 老样子", "not_rectified", "老样子"),
        ("抽查 A1027 改口 说不记得", "changed_mind", "说不记得"),
        ("抽查 A1027 拒绝回答 挂断", "refused", "挂断"),
        ("抽查 A1027 未接通 无人接听", "missed", "无人接听"),
        ("抽查 A1027 无人接听 响铃一分钟", "missed", "响铃一分钟"),
        ("抽查 A1027 联系不上", "missed", None),
    ],
)
def test_what_came_of_a_recall_is_read(text, finding, note):
    said = {"finding": finding} | ({"note": note} if note else {})
    assert parse(text) == Command(Verb.recall, N, said)


def test_a_recall_without_its_result_is_asked_back():
    assert isinstance(parse("抽查 A1027 打了电话"), Question)
