"""Words, photographs, places and voices land on the right case, or are asked about; nothing is guessed (P3, P4)."""

from datetime import timedelta

from case_kit import HEAD, SUPERVISOR, events, handler_of, messages, move, opened, verifying
from phone_kit import buttons, files, phones, remarks
from sqlalchemy import select

from reviewbot.conversation.choices import forget_waiting
from reviewbot.models.case import MediaFetch
from reviewbot.models.message import InboxItem
from reviewbot.simulator.cards import card_keys

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
WORDS = "群众说窗口排队两小时，已当面致歉"


def photo(town, userid, data=PNG, *, work=True):
    town.act(userid, "photo", files={"file": ("现场.png", data, "image/png")})
    if work:
        town.work()


def two_cases(town):
    """Two open cases of one handler, and nothing in focus."""
    first = opened(town.house)
    handler = handler_of(town.house, first)
    for _ in range(20):
        second = opened(town.house)
        if handler_of(town.house, second) == handler:
            town.deliver()
            return first, second, handler
    raise AssertionError("nobody got a second case")


def test_free_text_becomes_a_remark_on_the_only_case_which_the_answer_names(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)

    (said,) = town.say(handler, WORDS)

    assert said == f"工单 {number} 已备注，现为「回访核实」。"
    (made,) = remarks(town, number)
    assert (made.remark, made.actor, made.before, made.after) == (WORDS, handler, "verifying", "verifying")


def test_the_number_in_the_text_goes_before_the_case_in_focus(town):
    first, second, handler = two_cases(town)
    town.say(handler, first)

    town.say(handler, WORDS)
    town.say(handler, f"刚才去看了{second}，群众已撤回意见")

    assert [len(remarks(town, number)) for number in (first, second)] == [1, 1]


def test_without_focus_a_card_asks_and_the_words_wait_for_the_choice(town):
    first, second, handler = two_cases(town)
    before = len(town.inbox(handler))

    assert town.say(handler, WORDS) == []
    card = town.inbox(handler)[before]
    options = [one["id"] for one in card.content["checkbox"]["option_list"]]
    assert card.content["card_type"] == "vote_interaction"
    assert options[-1] == "none"
    assert {first, second} <= set(options)
    assert remarks(town, first) == remarks(town, second) == []

    (said,) = town.choose(handler, card, second)

    assert f"已记入工单 {second}：备注 1 份" in said
    assert [one.remark for one in remarks(town, second)] == [WORDS]
    assert remarks(town, first) == []
    assert card.replace_name


def test_none_of_these_records_nothing(town):
    first, second, handler = two_cases(town)
    town.say(handler, WORDS)
    (card,) = [one for one in town.inbox(handler) if one.content.get("checkbox")]

    (said,) = town.choose(handler, card, "none")

    assert "没有记入" in said
    assert remarks(town, first) == remarks(town, second) == []
    (again,) = town.say(handler, first)[:1]
    assert "已记入" not in again


def test_a_choice_for_somebody_elses_case_is_refused_and_the_words_still_wait(town):
    first, _, handler = two_cases(town)
    town.say(handler, WORDS)
    (card,) = [one for one in town.inbox(handler) if one.content.get("checkbox")]

    (said,) = town.choose(handler, card, "Z9999")
    assert "没有工单" in said

    (told,) = town.say(handler, first)
    assert "备注 1 份" in told


def test_what_nobody_names_a_case_for_is_put_aside_and_said_so(town, clock):
    _, _, handler = two_cases(town)
    town.say(handler, WORDS)
    clock.moment += timedelta(hours=25)
    with town.house.database.begin() as session:
        assert forget_waiting(session, at=clock.now(), after=timedelta(hours=24)) == 1
    town.deliver()

    assert "没有指明工单" in town.texts(handler)[-1]


def test_several_photographs_within_a_minute_are_one_set_with_one_answer(town, clock):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    before = len(town.texts(handler))
    for serial in range(3):
        photo(town, handler, PNG + bytes([serial]))
        clock.moment += timedelta(seconds=15)

    (said,) = town.texts(handler)[before:]
    assert number in said
    kept = files(town, number)
    assert len(kept) == 3
    assert len({one.set_id for one in kept}) == 1
    assert [event.move for event in events(town.house, number)].count("add_evidence") == 3

    clock.moment += timedelta(minutes=1)
    photo(town, handler, PNG + b"later")
    assert len(town.texts(handler)[before:]) == 2


def test_photographs_without_a_case_wait_for_the_choice_too(town):
    first, second, handler = two_cases(town)
    move(town.house, handler, "sign", first)
    photo(town, handler, PNG + b"1")
    photo(town, handler, PNG + b"2")
    (card,) = [one for one in town.inbox(handler) if one.content.get("checkbox")]

    (said,) = town.choose(handler, card, first)

    assert "附件 2 份" in said
    assert [event.move for event in events(town.house, first)].count("add_evidence") == 2
    assert [event.move for event in events(town.house, second)].count("add_evidence") == 0


def test_a_failed_download_is_tried_again_and_then_given_up_in_plain_words(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    town.platform.quirks.busy_rate = 1.0
    photo(town, handler)
    with town.house.database.begin() as session:
        (fetch,) = session.scalars(select(MediaFetch))
        assert (fetch.state, fetch.tries) == ("wanted", 1)
        fetch.next_try_at -= timedelta(minutes=10)
    town.platform.quirks.busy_rate = 0.0
    town.platform.media._kept.clear()

    town.work()

    assert "照片没有取到，请重新发送" in town.texts(handler)[-1]
    assert files(town, number) == []


def test_what_is_no_picture_is_refused_by_its_content(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    photo(town, handler, work=False)
    (media,) = town.platform.media._kept.values()
    media.body = b"MZ this is a program"

    town.work()

    assert "附件须为" in town.texts(handler)[-1]
    assert files(town, number) == []


def test_a_mistyped_command_is_asked_about_and_nothing_happens_before_the_answer(town):
    number = opened(town.house)
    handler = handler_of(town.house, number)
    town.deliver()

    assert town.say(handler, f"签受 {number}") == []
    card = town.inbox(handler)[-1]
    assert card.content["main_title"]["title"] == "您是想“签收”吗？"
    assert buttons(card) == ["是，签收", "不是"]
    assert [event.move for event in events(town.house, number)] == ["open", "dispatch"]

    (said,) = town.press(handler, card, "是，签收")
    assert "已签收" in said


def test_not_that_one_does_nothing_and_can_be_said_once(town):
    number = opened(town.house)
    handler = handler_of(town.house, number)
    town.deliver()
    town.say(handler, f"签受 {number}")
    card = town.inbox(handler)[-1]
    key = next(one["key"] for one in card.content["button_list"] if one["text"] == "不是")

    (said,) = town.press(handler, card, "不是")
    assert "没有办理" in said
    card.replace_name = ""
    yes = key.replace("decline", "confirm")
    assert yes in card_keys(card.content)[0]
    town.act(handler, "press", json={"task_id": card.task_id, "key": yes})
    town.work()

    assert [event.move for event in events(town.house, number)] == ["open", "dispatch"]


def test_an_ambiguous_word_is_asked_back_with_the_nearest_commands(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)

    (said,) = town.say(handler, f"重做 {number}")

    assert "「重办 A1027」" in said
    assert "「重开 A1027」" in said
    assert len(events(town.house, number)) == 3


def test_short_words_and_questions_are_never_taken_for_remarks(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    for words in ("你好", "收到", "这个怎么办理才对呢？", "今天天气不错"):
        (said,) = town.say(handler, words)
        assert "没有看懂" in said
    assert remarks(town, number) == []


def test_help_says_for_every_case_in_hand_what_to_type_to_the_letter(town):
    number = opened(town.house)
    handler = handler_of(town.house, number)

    (said,) = town.say(handler, "帮助")

    assert f"签收 {number}" in said
    assert f"退回 {number} 原因" in said
    assert f"通过 {number}" not in said
    assert "我的待办" in said
    assert len(said.encode()) <= 2048


def test_my_todo_with_one_case_is_its_card_and_lives(town):
    number = opened(town.house)
    handler = handler_of(town.house, number)
    town.deliver()

    assert town.say(handler, "我的待办") == []
    card = town.cards(handler, number)[-1]
    assert buttons(card)[0] == "签收"
    move(town.house, HEAD, "sign", number)
    town.deliver()
    assert "签收" not in buttons(card)


def test_my_todo_with_several_cases_opens_the_chosen_ones_card(town):
    _, second, handler = two_cases(town)
    assert town.say(handler, "我的待办") == []
    card = town.inbox(handler)[-1]

    assert town.choose(handler, card, second) == []

    opened_card = town.cards(handler, second)[-1]
    assert buttons(opened_card)[0] == "签收"
    assert "签收" in town.say(handler, "签收")[0]
    assert [event.move for event in events(town.house, second)][-1] == "sign"


def test_a_supervisors_free_words_are_asked_back_unless_a_case_is_in_focus(town):
    number = verifying(town.house)

    (said,) = town.say(SUPERVISOR, "请抓紧把这个件办好并回复")
    assert "没有看懂" in said
    town.say(SUPERVISOR, number)
    (said,) = town.say(SUPERVISOR, "请抓紧把这个件办好并回复")
    assert said == f"工单 {number} 已备注，现为「回访核实」。"


def test_waiting_rows_do_not_hold_back_what_their_sender_says_next(town):
    first, _, handler = two_cases(town)
    town.say(handler, WORDS)

    (said,) = town.say(handler, f"签收 {first}")

    assert "已签收" in said
    with town.house.database.begin() as session:
        assert [one.state for one in session.scalars(select(InboxItem).order_by(InboxItem.id))] == [
            "waiting",
            "done",
        ]
    assert messages(town.house, kind="reply")


def test_what_is_said_through_a_restarted_platform_is_no_repeat(settings, clock):
    """The numbers and the sealing of messages began anew with the simulator: the same words were taken for a replay."""
    for times in (1, 2):
        with phones(settings, clock) as town:
            town.say(HEAD, "帮助")
            with town.house.database.begin() as session:
                kept = session.scalars(select(InboxItem).where(InboxItem.kind == "text")).all()
            assert len(kept) == times
