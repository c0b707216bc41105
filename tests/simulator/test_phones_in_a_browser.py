"""The virtual phones, the console and the table in a real browser: what a member sends, presses and opens."""

import shutil
import socket
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from simulator_kit import CORP, PNG, call, running, send_card, stage, until, update_button

from reviewbot.simulator.attacks import ATTACKS
from reviewbot.simulator.server import create_simulator

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser on this machine; install chromium to run these"
)
OLD_PHONE, DESK = {"width": 360, "height": 640}, {"width": 1200, "height": 860}
PATIENCE_MS, SECONDS = 30_000, 30
PHOTO = Path(__file__).parents[1] / "data" / "photo.png"
MENU = [
    {"type": "click", "name": "我的待办", "key": "todo"},
    {"name": "上报", "sub_button": [{"type": "pic_sysphoto", "name": "拍照", "key": "p"},
                                   {"type": "location_select", "name": "位置", "key": "l"}]},
]  # fmt: skip


@pytest.fixture
def town():
    """(application, program, address of the simulator)"""
    with (
        stage() as (application, config),
        running(create_simulator(config), socket.create_server(("127.0.0.1", 0))) as address,
        httpx.Client(base_url=address, timeout=SECONDS) as program,
    ):
        yield application, program, address


@pytest.fixture(scope="module")
def browser():
    flags = [
        "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ]  # fmt: skip
    with sync_api.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=flags)
        yield found
        found.close()


def is_complaint(said):
    """An error of the page itself: that a wrong order is answered with 400 is right."""
    return said.type == "error" and "status of 400" not in said.text


@pytest.fixture
def window(browser):
    """Opens an address; a complaint of the page, or something wider than the window, fails the test."""
    contexts, complaints = [], []

    def open_(address, size=OLD_PHONE):
        context = browser.new_context(viewport=size, locale="zh-CN")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        page.on("pageerror", lambda wrong: complaints.append(str(wrong)))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
        context.close()
    assert complaints == []


def heard(application, count):
    until(lambda: len(application.seen) >= count, SECONDS)
    return [seen.findtext("Event") or seen.findtext("MsgType") for seen in application.seen]


def test_a_member_sends_words_a_picture_a_voice_and_a_place(town, window):
    application, _, address = town
    phone = window(f"{address}/phone/zhangsan")

    phone.get_by_label("发消息").fill("已到现场")
    phone.get_by_role("button", name="发送").click()
    phone.get_by_text("已到现场").wait_for()
    phone.get_by_role("button", name="更多").click()
    phone.locator("input[type=file][accept*=png]").set_input_files(PHOTO)
    phone.locator(".picture img").wait_for()
    phone.get_by_role("button", name="更多").click()
    phone.get_by_role("button", name="语音").click()
    phone.get_by_label("说的话").fill("窗口增加一人")
    phone.get_by_role("button", name="发送语音").click()
    phone.locator(".voice", has_text="窗口增加一人").wait_for()
    phone.get_by_role("button", name="更多").click()
    phone.get_by_role("button", name="位置").click()
    phone.get_by_role("button", name="揭阳市人民政府").click()
    phone.get_by_role("button", name="发送位置").click()
    phone.locator(".place", has_text="揭阳市人民政府").wait_for()

    assert heard(application, 4) == ["text", "image", "voice", "location"]
    assert application.seen[3].findtext("Label") == "揭阳市人民政府"


def test_a_member_presses_votes_and_chooses(town, window):
    application, program, address = town
    options = [{"id": "a", "text": "等待过久"}, {"id": "b", "text": "态度"}, {"id": "c", "text": "告知不清"}]
    vote = {"question_key": "why", "mode": 1, "option_list": options}
    selects = [
        {"question_key": q, "title": q, "option_list": [{"id": q + "1", "text": q + "甲"}]}
        for q in ("单位", "时限")
    ]
    submit = {"text": "提交", "key": "send"}
    send_card(program, card_type="vote_interaction", checkbox=vote, submit_button=submit)
    send_card(
        program, task_id="A1-2", card_type="multiple_interaction", select_list=selects,
        submit_button={"text": "派单", "key": "go"}, main_title={"title": "派单"},
    )  # fmt: skip
    application.answer = update_button("已提交")
    phone = window(f"{address}/phone/zhangsan")

    first = phone.locator(".card", has_text="差评工单")
    first.get_by_label("等待过久").check()
    first.get_by_label("告知不清").check()
    first.get_by_role("button", name="提交").click()
    first.get_by_text("已提交").wait_for()
    second = phone.locator(".card", has_text="派单")
    for name in ("单位甲", "时限甲"):
        second.get_by_label(name).check()
    second.get_by_role("button", name="派单").click()
    second.get_by_text("已提交").wait_for()

    picked = [
        [node.text for node in seen.findall("SelectedItems/SelectedItem/OptionIds/OptionId")]
        for seen in application.seen
    ]
    assert picked == [["a", "c"], ["单位1", "时限1"]]
    assert first.get_by_role("button", name="已提交").is_disabled()


def test_an_unanswered_press_shows_a_timeout_and_can_be_tried_again(town, window):
    application, program, address = town
    send_card(program)
    phone = window(f"{address}/phone/zhangsan")

    phone.get_by_role("button", name="签收").click()
    phone.get_by_role("alert").get_by_text("处理超时，请点击重试").wait_for()
    application.answer = update_button("已签收")
    phone.get_by_role("button", name="签收").click()

    phone.get_by_role("button", name="已签收").wait_for()
    assert len(application.seen) == 2


def test_a_member_touches_the_menu(town, window):
    application, program, address = town
    call(program, "menu/create", {"button": MENU}, agentid="1000002")
    phone = window(f"{address}/phone/zhangsan")

    phone.get_by_role("button", name="我的待办").click()
    assert heard(application, 1) == ["click"]
    phone.get_by_role("button", name="上报").click()
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="拍照").click()
    chooser.value.set_files({"name": "a.png", "mimeType": "image/png", "buffer": PNG})
    assert heard(application, 3) == ["click", "pic_sysphoto", "image"]
    phone.get_by_role("button", name="上报").click()
    phone.get_by_role("button", name="位置").click()
    phone.get_by_role("button", name="发送位置").click()
    assert heard(application, 5)[3:] == ["location_select", "location"]
    phone.get_by_role("button", name="键盘").click()
    phone.get_by_label("发消息").wait_for()


def test_a_link_opens_with_the_identity_of_the_phone_it_was_touched_on(town, window):
    application, program, address = town
    page_of_the_app = application.address + "/h5"
    login = (
        f"{address}/connect/oauth2/authorize?appid={CORP}&redirect_uri={quote(page_of_the_app)}"
        "&response_type=code&scope=snsapi_base&state=abc"
    )
    send_card(program, card_action={"type": 1, "url": login})
    for userid, name in (("zhangsan", "ZhangSan"), ("lisi", "lisi")):
        phone = window(f"{address}/phone/{userid}")

        with phone.expect_popup() as opened:
            phone.locator("a.head", has_text="差评工单").click()
        opened.value.wait_for_url("**/h5**")

        arrived = [query for query in application.echoes if "code" in query][-1]
        assert arrived["state"] == "abc"
        assert call(program, "auth/getuserinfo", code=arrived["code"])["userid"] == name


def test_the_reader_can_change_to_the_plugin_and_back(town, window):
    _, program, address = town
    send_card(program)
    phone = window(f"{address}/phone/zhangsan")

    phone.get_by_role("button", name="更多").click()
    phone.get_by_role("button", name="改用微信插件").click()
    phone.get_by_text("请在企业微信中查看").wait_for()
    phone.get_by_role("button", name="更多").click()
    phone.get_by_role("button", name="改用企业微信").click()

    phone.get_by_role("button", name="签收").wait_for()


def test_every_kind_of_message_can_be_read_on_an_old_phone(town, window):
    _, program, address = town
    files = {"media": ("整改说明.docx", b"123456 and more", "application/octet-stream")}
    token = send_card(program)["token"]
    uploaded = program.post(
        "/cgi-bin/media/upload", params={"access_token": token, "type": "file"}, files=files
    )
    contents = {
        "text": {"content": "很长的文字" * 40},
        "markdown": {"content": "# 日报\n**整改率** <font color=\"info\">92.31%</font>"},
        "textcard": {"title": "工单", "description": "<div class=\"gray\">今日</div>", "url": "https://example.cn/"},
        "news": {"articles": [{"title": "通报", "description": "十月", "url": "https://example.cn/"}]},
        "file": {"media_id": uploaded.json()["media_id"]},
        "miniprogram_notice": {
            "appid": "wx0", "title": "预约", "content_item": [{"key": "时间", "value": "明天"}],
        },
    }  # fmt: skip
    for kind, content in contents.items():
        body = {"touser": "zhangsan", "agentid": 1000002, "msgtype": kind, kind: content}
        assert call(program, "message/send", body)["errcode"] == 0

    phone = window(f"{address}/phone/zhangsan")

    for words in ("很长的文字", "92.31%", "今日", "十月", "整改说明.docx", "明天"):
        phone.get_by_text(words).first.wait_for()


def test_the_desk_shows_who_has_something_unread(town, window):
    _, program, address = town
    desk = window(address, DESK)
    desk.get_by_role("button", name="李四").wait_for()

    send_card(program)

    desk.locator("nav button", has_text="李四").locator(".badge", has_text="1").wait_for()
    pressed = desk.get_by_role("button", name="李四")
    pressed.hover()
    desk.mouse.down()
    send_card(
        program, task_id="A1-2"
    )  # what comes between the two halves of a click must not take the button away
    desk.locator("nav button", has_text="李四").locator(".badge", has_text="2").wait_for()
    desk.mouse.up()
    desk.locator("nav button", has_text="李四").locator(".badge").wait_for(state="detached")


def test_the_console_turns_the_clock_fires_attacks_and_shows_the_log(town, window):
    application, program, address = town
    console = window(f"{address}/console", DESK)
    before = program.get("/sim/status").json()["now"]

    console.get_by_role("button", name="＋1 天").click()
    until(lambda: program.get("/sim/status").json()["now"] - before >= 86_400, SECONDS)
    console.get_by_role("button", name="回调三份且乱序").click()
    until(lambda: program.get("/sim/status").json()["quirks"]["callback_copies"] == 3, SECONDS)
    console.get_by_text("callback_copies=3").wait_for()
    console.get_by_role("button", name="晴", exact=True).click()
    console.get_by_text("所有开关都是平常的值").wait_for()
    console.get_by_role("button", name="空的 Content").click()
    console.locator(".fire", has_text="空的 Content").locator(".mark.good").wait_for()
    console.get_by_role("button", name="全部发射").click()
    sync_api.expect(console.locator("#attacks .mark.good, #attacks .mark.bad")).to_have_count(
        len(ATTACKS), timeout=PATIENCE_MS
    )

    console.locator(".fire", has_text="签名错误").first.locator(".mark.good").wait_for()
    console.locator(".fire", has_text="随机数的数字").locator(".mark.bad").wait_for()
    console.get_by_label("筛选").fill("moved_digits")
    sync_api.expect(console.locator("#log tr")).to_have_count(1)
    assert application.seen[0].findtext("MsgType") == "text"


def test_a_switch_is_set_on_the_page_of_behaviours_and_a_wrong_value_is_put_back(town, window):
    _, program, address = town
    page = window(f"{address}/sim/behaviours")
    tries = page.locator("[data-quirk=callback_tries]")

    tries.fill("2")
    tries.press("Tab")
    until(lambda: program.get("/sim/status").json()["quirks"]["callback_tries"] == 2, SECONDS)
    tries.fill("many")
    tries.press("Tab")

    sync_api.expect(tries).to_have_value("2")
    page.locator("[data-quirk=callback_cdata]").select_option("False")
    until(lambda: program.get("/sim/status").json()["quirks"]["callback_cdata"] is False, SECONDS)
