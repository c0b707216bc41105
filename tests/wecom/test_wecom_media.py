"""Files and directory calls against a fake WeCom: W6, W12, W14, W25, W28; pictures kept by their hash."""

import io
import json
from email.parser import BytesParser
from email.policy import HTTP

import pytest

from reviewbot.files.pictures import keep_picture, read_picture
from reviewbot.rules.directory_plan import Member
from reviewbot.rules.notices import picture
from reviewbot.wecom.directory import Unit
from reviewbot.wecom.errors import Kind, WeComError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def uploads(fake, reply, *ids):
    """Answer every upload with the next id; what was uploaded."""
    left, got = list(ids), []

    def answer(query, body, headers):
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        part = next(BytesParser(policy=HTTP).parsebytes(head + body).iter_parts())
        name = part.get_param("name", header="content-disposition")
        got.append((query["type"], name, part.get_filename(), part.get_content()))
        return reply({"errcode": 0, "type": query["type"], "media_id": left.pop(0), "created_at": "1"})

    fake.answers["media/upload"] = answer
    return got


def test_w14_a_file_is_uploaded_whole_with_its_name(client, fake, reply):
    got = uploads(fake, reply, "MEDIA-1")

    assert client.upload_media("image", "整改率.png", PNG) == "MEDIA-1"
    assert got == [("image", "media", "整改率.png", PNG)]


def test_w14_a_repeat_after_a_dead_token_sends_the_whole_file_again(client, fake, reply):
    got = uploads(fake, reply, "unused", "MEDIA-1")
    answer = fake.answers["media/upload"]
    fake.answers["media/upload"] = lambda query, body, headers: (
        (answer(query, body, headers), reply({"errcode": 42001}))[1]
        if query["access_token"] == "T1"
        else answer(query, body, headers)
    )

    assert client.upload_media("file", "a.docx", b"0123456789") == "MEDIA-1"
    assert [data for *_, data in got] == [b"0123456789", b"0123456789"]


def test_w14_a_file_object_is_refused(client, fake):
    with pytest.raises(TypeError):
        client.upload_media("file", "a", io.BytesIO(b"0123456789"))

    assert not fake.seen


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("file", b""),
        ("file", b"12345"),
        ("image", b"GIF89a" + b"x" * 20),
        ("image", b"\xff\xd8\xff" + bytes(10 << 20)),
        ("voice", b"RIFF" + b"x" * 20),
        ("voice", b"#!AMR" + bytes(2 << 20)),
        ("video", b"x" * 20),
        ("file", bytes((20 << 20) + 1)),
        ("sticker", b"0123456789"),
    ],
)
def test_w14_what_wecom_would_refuse_never_leaves(client, fake, kind, data):
    with pytest.raises(WeComError) as caught:
        client.upload_media(kind, "a", data)

    assert caught.value.kind is Kind.media
    assert not fake.seen


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("file", b"123456"),
        ("voice", b"#!AMR\n"),
        ("video", b"\0\0\0\x18ftypmp42"),
        ("image", b"\xff\xd8\xff\xe0ab"),
    ],
)
def test_w14_the_smallest_good_files_are_taken(client, fake, reply, kind, data):
    uploads(fake, reply, "M")

    assert client.upload_media(kind, "a", data) == "M"


def test_w14_a_media_id_is_used_for_sixty_hours_and_no_longer(client, fake, reply, store):
    got = uploads(fake, reply, "M1", "M2", "M3", "M4")

    assert [client.upload_media("image", "a.png", PNG) for _ in range(3)] == ["M1", "M1", "M1"]
    assert client.upload_media("image", "b.png", PNG) == "M2"
    (key, *_) = store.keys("wecom:media:*")
    assert 0 < store.ttl(key) <= 60 * 3600
    for key in store.keys("wecom:media:*"):
        store.delete(key)  # the sixty hours are over
    assert client.upload_media("image", "a.png", PNG) == "M3"
    client.forget_media("image", "a.png", PNG)
    assert client.upload_media("image", "a.png", PNG) == "M4"
    assert len(got) == 4


def test_w14_an_upload_without_a_media_id_is_an_error(client, fake, reply):
    fake.answers["media/upload"] = lambda *_: reply({"errcode": 0, "errmsg": "ok"})

    with pytest.raises(WeComError):
        client.upload_media("image", "a.png", PNG)


def test_w28_a_private_platform_may_name_the_field_otherwise(build, fake, reply):
    got = uploads(fake, reply, "M")

    build(upload_field="file").upload_media("image", "a.png", PNG)

    assert got[0][1] == "file"


def test_w28_a_picture_is_sent_as_one_and_in_words_where_it_cannot_be(carrier, fake, reply, tmp_path):
    uploads(fake, reply, "M1")
    body = picture(keep_picture(tmp_path, PNG), "整改率.png", "整改率 3/4 75.00 %")
    there, elsewhere = carrier(), carrier(folder=tmp_path / "none")
    without = carrier(switched_on=[])

    for channel in (there, elsewhere, without):
        channel.deliver("chenwei", body, 1)

    sent = [json.loads(data) for path, _, data in fake.seen if path == "message/send"]
    assert [one["msgtype"] for one in sent] == ["image", "text", "text"]
    assert sent[0]["image"] == {"media_id": "M1"}
    assert sent[1]["text"] == sent[2]["text"] == {"content": "整改率 3/4 75.00 %"}


def test_w14_a_media_id_that_died_early_is_uploaded_once_more(carrier, fake, reply, tmp_path):
    uploads(fake, reply, "M1", "M2")
    fake.answers["message/send"] = lambda query, body, headers: reply(
        {"errcode": 40007} if json.loads(body)["image"]["media_id"] == "M1" else {"errcode": 0, "msgid": "X"}
    )
    body = picture(keep_picture(tmp_path, PNG), "a.png", "…")

    done = carrier().deliver("chenwei", body, 1)

    assert done.msgid == "X"
    assert fake.count("media/upload") == 2


def test_pictures_are_kept_by_their_bytes_and_given_back_only_whole(tmp_path):
    sha256 = keep_picture(tmp_path, PNG)

    assert keep_picture(tmp_path, PNG) == sha256
    assert read_picture(tmp_path, sha256) == PNG
    place = tmp_path / "pictures" / sha256[:2] / sha256
    assert [one.name for one in place.parent.iterdir()] == [sha256]
    place.write_bytes(b"altered")
    assert read_picture(tmp_path, sha256) is None
    assert read_picture(tmp_path, "../" * 20 + "etc/passwd") is None
    assert read_picture(tmp_path, "0" * 64) is None


def test_recall_names_the_message(client, fake, reply):
    fake.answers["message/recall"] = lambda *_: reply({"errcode": 0})

    client.recall("M1")

    assert json.loads(fake.seen[-1][2]) == {"msgid": "M1"}
    with pytest.raises(WeComError):
        client.recall("")


def test_w25_a_member_is_read_without_expecting_a_number(client, fake, reply):
    fake.answers["user/get"] = lambda query, *_: reply(
        {"errcode": 0, "userid": query["userid"], "name": "陈伟", "department": [2, "3"], "status": 1}
    )

    assert client.user_get("ChenWei") == Member("ChenWei", "陈伟", (2, 3))


def test_w12_the_list_of_members_is_read_page_by_page(client, fake, reply):
    pages = {"": (["a", "b"], "C1"), "C1": (["c"], "C2"), "C2": ([], "")}

    def answer(query, body, headers):
        asked = json.loads(body)
        assert asked["limit"] == 10_000
        names, following = pages[asked.get("cursor", "")]
        rows = [{"userid": name, "department": 7} for name in names]
        return reply({"errcode": 0, "dept_user": rows, "next_cursor": following})

    fake.answers["user/list_id"] = answer

    assert list(client.user_list_id()) == [("a", 7), ("b", 7), ("c", 7)]


def test_w25_departments_and_their_members_are_what_a_new_app_may_read(client, fake, reply):
    fake.answers["department/simplelist"] = lambda *_: reply(
        {"errcode": 0, "department_id": [{"id": 2, "parentid": 1, "order": 1}]}
    )
    fake.answers["user/simplelist"] = lambda query, *_: reply(
        {
            "errcode": 0,
            "userlist": [{"userid": "a", "name": "甲", "department": [int(query["department_id"])]}],
        }
    )

    assert client.department_simplelist() == [Unit(2, 1)]
    assert client.user_simplelist(2) == [Member("a", "甲", (2,))]


def test_w06_a_directory_answer_without_its_list_is_an_error_not_an_empty_corp(client, fake, reply):
    for path in ("department/simplelist", "user/simplelist", "user/list_id", "user/get"):
        fake.answers[path] = lambda *_: reply({"errcode": 0, "errmsg": "ok"})

    for call in (
        client.department_simplelist,
        lambda: client.user_simplelist(1),
        lambda: list(client.user_list_id()),
        lambda: client.user_get("a"),
    ):
        with pytest.raises(WeComError):
            call()


def test_w25_a_number_is_bound_once_or_nobody_has_it(client, fake, reply):
    fake.answers["user/getuserid"] = lambda query, body, headers: reply(
        {"errcode": 0, "userid": "chenwei"}
        if json.loads(body)["mobile"] == "13800000001"
        else {"errcode": 46004}
    )

    assert client.getuserid("13800000001") == "chenwei"
    assert client.getuserid("13800000002") is None
    fake.answers["user/getuserid"] = lambda *_: reply({"errcode": 45009})
    with pytest.raises(WeComError) as caught:
        client.getuserid("13800000003")
    assert caught.value.kind is Kind.throttled


def test_w12_a_menu_is_checked_before_it_is_sent(client, fake, reply):
    fake.answers["menu/create"] = lambda *_: reply({"errcode": 0})

    client.create_menu(["我的待办"])

    path, query, body = fake.seen[-1]
    assert (path, query["agentid"]) == ("menu/create", "1000002")
    assert json.loads(body) == {"button": [{"type": "click", "name": "我的待办", "key": "我的待办"}]}
    for wrong in ([], ["我的待办"] * 4):
        with pytest.raises(WeComError):
            client.create_menu(wrong)
