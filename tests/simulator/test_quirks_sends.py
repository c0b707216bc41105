"""Q5-Q9: what a send may contain, whom it reaches, twice or too often, and what may still be changed."""

import json

import pytest
from simulator_kit import World, card


def test_q05_text_is_cut_at_2048_bytes_on_a_character():
    there = World()

    there.send(text={"content": "字" * 1000})
    there.quirks(text_limit_bytes=0)
    there.send(text={"content": "字" * 1000})

    assert [len(m["content"]["content"]) for m in there.messages()] == [682, 1000]


def test_q05_partly_invalid_recipients_are_accepted_and_named_in_lower_case():
    there = World()

    answer = there.send("ZHANGSAN|NoBody|lisi")
    assert (answer["errcode"], answer["invaliduser"]) == (0, "nobody")
    assert "response_code" not in answer
    there.quirks(lower_invalid_users=False)
    assert there.send("lisi|NoBody")["invaliduser"] == "NoBody"


def test_q05_all_invalid_is_81013_with_empty_strings_or_arrays():
    there = World()

    refused = there.send("nobody|noone")
    assert (refused["errcode"], refused["invaliduser"], refused["invalidparty"]) == (
        81013,
        "nobody|noone",
        "",
    )
    there.quirks(empty_lists_as_arrays=True)
    assert there.send("nobody")["invalidparty"] == []
    assert there.send("")["errcode"] == 82001
    assert there.send("|".join(f"u{i}" for i in range(1001)))["errcode"] == 40032


def test_q05_who_is_out_of_the_visible_range_counts_as_invalid():
    there = World()
    assert there.send("zhangsan|lisi")["invaliduser"] == ""

    there.quirks(visible_departments=["社保局"])

    assert there.send("zhangsan|lisi")["invaliduser"] == "lisi"
    assert there.send("lisi")["errcode"] == 81013


def test_q05_a_department_is_told_by_its_number():
    there = World()

    assert there.send("", toparty="2")["invalidparty"] == ""
    assert len(there.messages("zhangsan")) == 1
    assert there.send("wangwu", toparty="99")["invalidparty"] == "99"


@pytest.mark.parametrize(
    ("kind", "content", "errcode"),
    [
        ("textcard", {"title": "t", "description": "d", "url": "https://example.cn/"}, 0),
        ("textcard", {"title": "t", "url": "https://example.cn/"}, 40058),
        ("news", {"articles": [{"title": "t", "url": "https://example.cn/"}]}, 0),
        ("news", {"articles": [{"title": "t", "url": "https://example.cn/"}] * 9}, 45008),
        ("news", {"articles": [{"url": "https://example.cn/"}]}, 41016),
        ("miniprogram_notice", {"appid": "wx0", "title": "t"}, 0),
        ("file", {"media_id": "gone"}, 40007),
        ("markdown", {"content": "字" * 700}, 45002),
        ("fax", {"content": "x"}, 40008),
    ],
)
def test_q05_every_kind_of_message_has_its_rules(kind, content, errcode):
    assert World().send(msgtype=kind, **{kind: content})["errcode"] == errcode


def test_q06_an_interactive_card_needs_a_callback_address():
    there = World(callback_url="")
    assert there.send_card()["errcode"] == 43012

    there.quirks(cards_need_callback=False)

    assert there.send_card()["response_code"]


def test_q06_a_task_id_is_good_once_unless_the_switch_says_otherwise():
    there = World()
    assert there.send_card(task_id="one")["errcode"] == 0
    assert there.send_card(task_id="one")["errcode"] == 40058

    there.quirks(repeated_task_id_errcode=0)
    assert there.send_card(task_id="one")["errcode"] == 0
    there.quirks(repeated_task_id_errcode=42014)
    assert there.send_card(task_id="one")["errcode"] == 42014


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b""])
def test_q06_a_wrong_json_is_told_with_a_warning(body):
    there = World()

    def told():
        return there.http.post(f"/cgi-bin/message/send?access_token={there.token}", content=body).json()

    assert told()["errcode"] == 40058
    assert told()["errmsg"].startswith("Warning: wrong json format. ")
    there.quirks(json_warning=False)
    assert told()["errcode"] == 40058
    assert not told()["errmsg"].startswith("Warning")


def test_q06_a_card_nested_wrongly_misses_its_title():
    there = World()
    nested = {"card_type": "button_interaction", "button_interaction": card("a1")}

    assert there.send(msgtype="template_card", template_card=nested)["errcode"] == 41016
    there.quirks(missing_title_errcode=40058)
    assert there.send(msgtype="template_card", template_card=nested)["errcode"] == 40058


@pytest.mark.parametrize(
    "part",
    [
        {"button_list": [{"text": "a", "key": "k"}] * 2},
        {"button_list": [{"text": str(n), "key": str(n)} for n in range(7)]},
        {"button_list": [{"text": "a", "key": "k" * 1025}]},
        {"action_menu": {"action_list": [{"text": "a", "key": "k"}] * 2}},
        {"button_selection": {"question_key": "q", "option_list": []}},
        {"button_selection": {"question_key": "", "option_list": [{"id": "1", "text": "x"}]}},
        {"button_selection": {"question_key": "q", "option_list": [{"id": "字" * 43, "text": "x"}]}},
        {"task_id": "有空格"},
    ],
)
def test_q06_hard_limits_of_a_card_are_40058(part):
    there = World()

    assert there.send(msgtype="template_card", template_card={**card("a1"), **part})["errcode"] == 40058


def test_q07_the_same_request_within_the_interval_arrives_once():
    there = World()
    asked = {"enable_duplicate_check": 1, "duplicate_check_interval": 600}

    assert there.send(**asked) == there.send(**asked)
    assert len(there.messages()) == 1
    there.quirks(duplicate_repeats_answer=False)
    bare = there.send(**asked)
    assert (bare["errcode"], "msgid" in bare) == (0, False)
    there.quirks(duplicate_check=False)
    there.send(**asked)
    assert len(there.messages()) == 2
    there.quirks(duplicate_check=True)
    there.clock.at += 601
    there.send(**asked)
    assert len(there.messages()) == 3


def test_q07_the_same_means_the_same_bytes_unless_the_switch_says_otherwise():
    there = World()
    body = {"touser": "lisi", "agentid": 1000002, "msgtype": "text", "text": {"content": "x"}}
    body["enable_duplicate_check"] = 1
    turned = dict(reversed(body.items()))

    def post(value):
        path = f"/cgi-bin/message/send?access_token={there.token}"
        assert there.http.post(path, content=json.dumps(value)).json()["errcode"] == 0

    post(body)
    post(turned)
    assert len(there.messages("lisi")) == 2
    there.quirks(duplicate_needs_same_bytes=False)
    post({**body, "text": {"content": "y"}})
    post({**turned, "text": {"content": "y"}})
    assert len(there.messages("lisi")) == 3


def test_q08_over_the_pace_messages_vanish_without_an_error():
    there = World()

    answers = [there.send(text={"content": str(i)}) for i in range(35)]
    assert all(answer["errcode"] == 0 and answer["msgid"] for answer in answers)
    assert len(there.messages()) == 30
    there.clock.at += 61
    there.quirks(per_minute=1000, per_hour=32)
    for i in range(5):
        there.send(text={"content": str(i)})
    assert len(there.messages()) == 32
    there.clock.at += 3601
    there.quirks(per_hour=1000)
    there.send()
    assert len(there.messages()) == 33


def test_q08_the_quota_of_a_day_is_45009_until_the_next_one():
    there = World()
    assert there.send("zhangsan|lisi")["errcode"] == 0

    there.quirks(day_quota=4)

    assert there.send("zhangsan|lisi")["errcode"] == 0
    assert there.send("lisi")["errcode"] == 45009
    there.clock.at += 86_400
    there.token = there.get_token()["access_token"]
    assert there.send("lisi")["errcode"] == 0


def test_q08_an_html_page_with_status_200():
    there = World()
    there.quirks(html_rate=1.0)
    answer = there.http.post("/cgi-bin/message/send", json={})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")

    there.quirks(html_rate=0)

    assert there.http.post("/cgi-bin/message/send", json={}).json()["errcode"] == 41001


def update(code, **more):
    return {"agentid": 1000002, "response_code": code, "button": {"replace_name": "已签收"}, **more}


def test_q09_an_update_works_once_and_only_for_those_named():
    there = World()
    code = there.send_card("zhangsan|lisi")["response_code"]

    assert there.post("message/update_template_card", update(code, userids=["ZhangSan"]))["errcode"] == 0
    assert [there.messages(u)[0]["replace_name"] for u in ("zhangsan", "lisi")] == ["已签收", ""]
    assert there.post("message/update_template_card", update(code, atall=1))["errcode"] == 40058
    there.quirks(spent_code_errcode=40999)
    assert there.post("message/update_template_card", update(code, atall=1))["errcode"] == 40999
    there.quirks(code_works_once=False)
    assert there.post("message/update_template_card", update(code, atall=1))["errcode"] == 0
    assert there.messages("lisi")[0]["replace_name"] == "已签收"


def test_q09_an_update_may_reach_everybody_by_the_switch():
    there = World(update_reaches_named_only=False)
    code = there.send_card("zhangsan|lisi")["response_code"]

    there.post("message/update_template_card", update(code, userids=["zhangsan"]))

    assert there.messages("lisi")[0]["replace_name"] == "已签收"


@pytest.mark.parametrize(("hours", "after", "errcode"), [(72, 71, 0), (72, 73, 40058), (24, 25, 40058)])
def test_q09_a_code_dies_after_its_hours(hours, after, errcode):
    there = World(code_hours=hours)
    code = there.send_card()["response_code"]
    there.clock.at += after * 3600
    there.token = there.get_token()["access_token"]

    assert there.post("message/update_template_card", update(code, atall=1))["errcode"] == errcode


@pytest.mark.parametrize(("hours", "errcode"), [(24, 40058), (48, 0)])
def test_q09_a_message_can_be_recalled_for_a_day(hours, errcode):
    there = World(recall_hours=hours)
    msgid = there.send()["msgid"]
    there.clock.at += 25 * 3600
    there.token = there.get_token()["access_token"]

    assert there.post("message/recall", {"msgid": msgid})["errcode"] == errcode
    assert there.messages()[0]["recalled"] == (errcode == 0)
