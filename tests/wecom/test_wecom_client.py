"""The client against a fake WeCom: W1, W2, W4-W7, W9, W11, W23."""

import json
import logging
import pickle
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from reviewbot.errors import NotAllowed
from reviewbot.wecom import messages
from reviewbot.wecom.errors import Kind, WeComError

PAYLOAD = messages.encode(messages.text(1000002, ["zhangsan"], "您有新的工单"))


def everything(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def refused(client, fake, answer, path="message/send"):
    fake.answers[path] = lambda *_: answer
    with pytest.raises(WeComError) as caught:
        client.send(PAYLOAD)
    return caught.value


def test_w01_no_call_leaves_the_configured_host(client, fake, reply, monkeypatch):
    asked = []
    original = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: asked.append(host) or original(host, *a, **k)
    )
    fake.answers["media/get"] = lambda *_: reply(b"x", kind="image/jpeg")
    fake.answers["auth/getuserinfo"] = lambda *_: reply({"errcode": 0, "userid": "a"})
    fake.answers["message/update_template_card"] = lambda *_: reply({"errcode": 0})

    client.check()
    client.send(PAYLOAD)
    client.update_card(["zhangsan"], "RC", "已签收")
    client.download_media("M", 100)
    client.oauth_userid("C")

    assert {str(host) for host in asked} == {"127.0.0.1"}
    assert [path for path, _, _ in fake.seen] == [
        "gettoken",
        "message/send",
        "message/update_template_card",
        "media/get",
        "auth/getuserinfo",
    ]


def test_w01_wechatpys_own_calls_go_through_the_same_door(client, fake, reply):
    fake.answers["department/list"] = lambda *_: reply({"errcode": 0, "department": []})

    client.post("department/list", data={"id": 1})

    assert fake.count("department/list") == 1
    with pytest.raises(WeComError):
        client.get("https://qyapi.weixin.qq.com/cgi-bin/department/list")


def test_w01_a_redirect_is_not_followed(client, fake, reply):
    away = reply(b"", status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"})

    assert refused(client, fake, away).kind is Kind.config


@pytest.mark.parametrize("code", [40014, 42001, 40001])
def test_w02_endless_40014_makes_two_sends(client, fake, reply, code):
    error = refused(client, fake, reply({"errcode": code, "errmsg": "no"}))

    assert error.errcode == code
    assert fake.count("message/send") == 2
    assert fake.count("gettoken") <= 2


def test_w02_a_rejected_token_is_replaced_once_and_the_same_bytes_sent(client, fake, reply):
    fake.answers["message/send"] = lambda query, *_: reply(
        {"errcode": 42001} if query["access_token"] == "T1" else {"errcode": 0, "msgid": "M7"}
    )

    sent = client.send(PAYLOAD)

    assert sent.msgid == "M7"
    assert [body for path, _, body in fake.seen if path == "message/send"] == [PAYLOAD, PAYLOAD]


def test_w02_a_bad_secret_is_asked_once(client, fake, reply):
    error = refused(client, fake, reply({"errcode": 40001, "errmsg": "invalid"}), "gettoken")

    assert error.kind is Kind.config
    assert fake.count("gettoken") == 1
    assert fake.count("message/send") == 0


@pytest.mark.parametrize(
    "expires", [{}, {"expires_in": "7200"}, {"expires_in": None}, {"expires_in": "soon"}]
)
def test_w04_expiry_may_be_missing_or_text(client, fake, reply, store, expires):
    fake.answers["gettoken"] = lambda *_: reply({"errcode": 0, "access_token": "T", **expires})

    client.send(PAYLOAD)

    assert 6800 < store.ttl(client._tokens.key) <= 6900


@pytest.mark.parametrize("path", ["gettoken", "message/send"])
def test_w05_a_hung_server_ends_in_time(build, fake, reply, path, secret):
    release = threading.Event()
    fake.answers[path] = lambda *_: (release.wait(5), reply({}))[1]
    client = build(timeout=(0.5, 0.4))
    start = time.monotonic()

    with pytest.raises(WeComError) as caught:
        client.send(PAYLOAD)
    release.set()

    assert time.monotonic() - start < 3
    assert caught.value.kind is Kind.retry
    assert not caught.value.permanent
    assert secret not in everything(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_w05_a_dead_host_is_a_retry_without_the_secret(build, secret):
    client = build(base_url="http://127.0.0.1:1")

    with pytest.raises(WeComError) as caught:
        client.send(PAYLOAD)

    assert caught.value.kind is Kind.retry
    assert secret not in everything(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("path", ["gettoken", "message/send"])
@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"[]", b"123", b"{}", b"", b'{"errcode":"x"}', b"[" * 100000, b"\xff"]
)
def test_w06_http_200_that_is_not_wecom_is_an_error(client, fake, reply, path, body):
    assert refused(client, fake, reply(body, kind="text/html"), path).kind is Kind.retry


@pytest.mark.parametrize(
    ("status", "kind"), [(502, Kind.retry), (429, Kind.throttled), (404, Kind.config), (403, Kind.config)]
)
def test_w06_other_statuses_come_from_a_gateway(client, fake, reply, status, kind):
    assert refused(client, fake, reply(b"x", status=status)).kind is kind


def test_w06_media_is_bytes_with_its_name(client, fake, reply):
    name = "现场.jpg".encode().decode("latin-1")
    fake.answers["media/get"] = lambda *_: reply(
        b"\xff\xd8", kind="image/jpeg", headers={"Content-disposition": f'attachment; filename="../{name}"'}
    )

    media = client.download_media("M", 10)

    assert (media.data, media.filename, media.content_type) == (b"\xff\xd8", "现场.jpg", "image/jpeg")


@pytest.mark.parametrize("data", [b"123", b'{"a":1}', b'{"errcode":40007}'])
def test_w06_a_file_that_looks_like_json_stays_a_file(client, fake, reply, data):
    fake.answers["media/get"] = lambda *_: reply(
        data, kind="text/plain", headers={"Content-disposition": 'attachment; filename="a.json"'}
    )

    assert client.download_media("M", 100).data == data


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", "text/plain"])
def test_w06_an_expired_media_id_is_an_error(client, fake, reply, kind):
    fake.answers["media/get"] = lambda *_: reply({"errcode": 40007, "errmsg": "x"}, kind=kind)

    with pytest.raises(WeComError) as caught:
        client.download_media("M", 100)

    assert (caught.value.kind, caught.value.errcode) == (Kind.media, 40007)


def test_w06_media_from_a_captive_portal_is_an_error(client, fake, reply):
    fake.answers["media/get"] = lambda *_: reply(b"<html>", kind="text/html")

    with pytest.raises(WeComError):
        client.download_media("M", 100)


def test_w06_media_above_the_cap_is_refused(client, fake, reply):
    fake.answers["media/get"] = lambda *_: reply(b"x" * 101, kind="image/jpeg")

    with pytest.raises(WeComError) as caught:
        client.download_media("M", 100)

    assert caught.value.kind is Kind.media


def test_w06_a_file_needing_ranges_is_fetched_in_pieces(client, fake, reply, monkeypatch):
    monkeypatch.setattr("reviewbot.wecom.client.RANGE_BYTES", 4)
    whole = b"0123456789"

    def answer(query, body, headers):
        if "Range" not in headers:
            return reply({"errcode": 830002})
        first, last = map(int, headers["Range"].removeprefix("bytes=").split("-"))
        part = whole[first : last + 1]
        span = f"bytes {first}-{first + len(part) - 1}/{len(whole)}"
        return reply(part, status=206, kind="video/mp4", headers={"Content-Range": span})

    fake.answers["media/get"] = answer

    assert client.download_media("M", 10).data == whole
    with pytest.raises(WeComError):
        client.download_media("M", 9)


def test_w07_errors_are_small_and_survive_pickling(client, fake, reply, secret):
    errmsg = f"not allow to access, hint: [1_2_3], from ip: 203.0.113.9, {secret}, more info at x"
    error = refused(client, fake, reply({"errcode": 60020, "errmsg": errmsg}))

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is WeComError
    assert (copy.sentence, copy.kind, copy.retry_after, copy.errcode, copy.permanent) == (
        error.sentence,
        Kind.config,
        120.0,
        60020,
        False,
    )
    assert "203.0.113.9" in copy.sentence
    assert secret not in everything(error)
    assert len(pickle.dumps(error)) < 500


def test_w07_logs_carry_neither_secret_nor_token(client, fake, caplog, secret):
    with caplog.at_level(logging.DEBUG):
        client.send(PAYLOAD)

    assert caplog.records
    assert secret not in caplog.text
    assert "access_token=T1" not in caplog.text


def test_w09_busy_is_left_to_the_outbox(client, fake, reply):
    for code in (-1, 45033):
        error = refused(client, fake, reply({"errcode": code}))

        assert (error.permanent, error.tried, error.unsure) == (False, True, False)
        assert error.retry_after is not None
    assert fake.count("message/send") == 2


def test_w11_undelivered_people_are_named_in_lower_case(client, fake, reply):
    fake.answers["message/send"] = lambda *_: reply(
        {
            "errcode": 0,
            "invaliduser": "ZhangSan|lisi",
            "unlicenseduser": ["WangWu"],
            "msgid": "M",
            "response_code": "R",
        }
    )

    sent = client.send(PAYLOAD)

    assert sent.undelivered == {"zhangsan", "lisi", "wangwu"}
    assert sent.response_code == "R"


def test_w11_nobody_valid_is_a_recipient_error(client, fake, reply):
    error = refused(client, fake, reply({"errcode": 81013, "invaliduser": "zhangsan"}))

    assert (error.kind, error.permanent) == (Kind.recipient, True)


def test_w22_the_update_names_code_and_people(client, fake, reply):
    fake.answers["message/update_template_card"] = lambda *_: reply({"errcode": 0})

    client.update_card(["a", "b"], "RC", "已签收")

    assert json.loads(fake.seen[-1][2]) == {
        "userids": ["a", "b"],
        "agentid": 1000002,
        "response_code": "RC",
        "button": {"replace_name": "已签收"},
    }


@pytest.mark.parametrize("field", ["userid", "UserId"])
def test_w23_both_spellings_of_userid_are_read(build, fake, reply, field):
    fake.answers["user/getuserinfo"] = lambda *_: reply({"errcode": 0, field: "zhangsan"})

    assert build(auth_path="user/getuserinfo").oauth_userid("C") == "zhangsan"


@pytest.mark.parametrize("answer", [{"openid": "o"}, {"OpenId": "o", "userid": ""}, {}])
def test_w23_outsiders_are_refused(client, fake, reply, answer):
    fake.answers["auth/getuserinfo"] = lambda *_: reply({"errcode": 0, **answer})

    with pytest.raises(NotAllowed):
        client.oauth_userid("C")


def test_extra_headers_of_a_private_gateway_are_sent(build, fake, reply):
    seen = {}
    fake.answers["message/send"] = lambda q, b, headers: seen.update(headers) or reply({"errcode": 0})

    build(headers={"X-Gateway-Key": "k"}).send(PAYLOAD)

    assert seen["X-Gateway-Key"] == "k"
    assert seen["Content-Type"].startswith("application/json")


def test_w03_twelve_clients_told_42001_make_one_more_gettoken(build, fake, reply):
    fake.answers["message/send"] = lambda query, *_: reply(
        {"errcode": 42001} if query["access_token"] == "T1" else {"errcode": 0, "msgid": "M"}
    )
    clients = [build() for _ in range(12)]

    with ThreadPoolExecutor(12) as pool:
        sent = list(pool.map(lambda one: one.send(PAYLOAD), clients))

    assert {one.msgid for one in sent} == {"M"}
    assert fake.count("gettoken") == 2
