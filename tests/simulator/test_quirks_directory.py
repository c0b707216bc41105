"""Q18-Q20: media, sign-in and the directory."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from simulator_kit import CORP, PNG, World

from reviewbot.simulator.doors.answers import media_response
from reviewbot.simulator.server import Member


def upload(there, kind="file", name="说明.json", body=b'{"a": 1}', field="media"):
    query = {"access_token": there.token, "type": kind}
    return there.http.post("/cgi-bin/media/upload", params=query, files={field: (name, body)}).json()


def download(there, media_id, **headers):
    token = there.get_token()["access_token"]
    return there.http.get(
        "/cgi-bin/media/get", params={"access_token": token, "media_id": media_id}, headers=headers
    )


def test_q18_media_lives_three_days_and_its_end_is_json_with_status_200():
    there = World()
    media_id = upload(there, "image", "现场.png", PNG)["media_id"]
    there.clock.at += 3 * 86_400 - 1
    assert download(there, media_id).content == PNG

    there.clock.at += 2
    late = download(there, media_id)
    assert (late.status_code, late.json()["errcode"]) == (200, 40007)
    there.quirks(media_days=4)
    assert download(there, media_id).content == PNG


def test_q18_created_at_is_a_string_unless_switched():
    there = World()
    assert upload(there)["created_at"] == "1700000000"

    there.quirks(created_at_string=False)

    assert upload(there)["created_at"] == 1_700_000_000


def test_q18_a_part_is_206_and_too_much_without_range_830002():
    there = World()
    body = bytes(range(256)) * 4
    media_id = upload(there, name="a.bin", body=body)["media_id"]
    assert download(there, media_id).content == body

    there.quirks(range_needed_above=1000)

    assert download(there, media_id).json()["errcode"] == 830002
    part = download(there, media_id, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, body[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(body)}"
    assert download(there, media_id, Range="bytes=-4").content == body[-4:]
    assert download(there, media_id, Range="bytes=1000-").content == body[1000:]
    assert download(there, media_id, Range="bytes=5000-").status_code == 416


def test_q18_a_file_that_looks_like_json_comes_back_as_the_file_it_is():
    there = World()
    digits = upload(there, name="123", body=b"123456")["media_id"]
    words = upload(there, name="a.json", body=b'{"errcode": 40007}')["media_id"]

    answer = download(there, words)
    assert (answer.content, answer.headers["content-type"]) == (b'{"errcode": 40007}', "application/json")
    assert 'filename="a.json"' in answer.headers["content-disposition"]
    assert download(there, digits).content == b"123456"
    there.quirks(media_type_by_name=False)
    assert download(there, words).headers["content-type"] == "application/octet-stream"


def test_q18_the_name_stands_in_content_disposition_in_several_forms():
    there = World()
    media_id = upload(there, name="现场.txt", body=b"123456")["media_id"]

    assert (
        "filename*=utf-8''%E7%8E%B0%E5%9C%BA.txt" in download(there, media_id).headers["content-disposition"]
    )
    there.quirks(filename_form="raw")
    platform = there.http.app.state.platform  # the tests' client cannot take bytes beyond ASCII in a header
    answer = media_response(platform.media.get(media_id), platform.quirks, "")
    assert dict(answer.raw_headers)[b"content-disposition"] == 'attachment; filename="现场.txt"'.encode()
    there.quirks(filename_form="none")
    assert "content-disposition" not in download(there, media_id).headers


@pytest.mark.parametrize(
    ("kind", "name", "body", "errcode"),
    [
        ("image", "a.gif", b"GIF89a" + bytes(20), 40005),
        ("voice", "a.mp3", b"ID3" + bytes(20), 40005),
        ("voice", "a.amr", b"#!AMR\n" + bytes(20), 0),
        ("voice", "a.amr", b"#!AMR\n" + bytes(2 << 20), 45001),
        ("video", "a.avi", b"RIFF" + bytes(20), 40005),
        ("file", "a.txt", b"12345", 40006),
        ("file", "a.txt", b"123456", 0),
        ("fax", "a.txt", b"123456", 40004),
    ],
)
def test_q18_types_and_sizes_have_limits(kind, name, body, errcode):
    assert upload(World(), kind, name, body).get("errcode") == errcode


def authorize(there, **more):
    query = {"appid": CORP, "redirect_uri": "http://app.test/in?a=1", "state": "s1", **more}
    return there.http.get("/connect/oauth2/authorize", params=query, follow_redirects=False)


def code_of(there, userid="zhangsan", **more):
    target = authorize(there, **{"as": userid, **more}).headers["location"]
    query = parse_qs(urlsplit(target).query)
    assert (query["a"], query["state"]) == (["1"], ["s1"])
    return query["code"][0]


def user_of(there, code, path="auth"):
    return there.http.get(
        f"/cgi-bin/{path}/getuserinfo", params={"access_token": there.token, "code": code}
    ).json()


def test_q19_a_code_works_once_and_for_five_minutes():
    there = World()
    code = code_of(there)

    assert user_of(there, code)["userid"] == "ZhangSan"
    assert user_of(there, code)["errcode"] == 40029
    late = code_of(there)
    there.clock.at += 301
    assert user_of(there, late)["errcode"] == 40029
    there.quirks(sign_in_minutes=10, sign_in_once=False)
    slow = code_of(there)
    there.clock.at += 301
    assert user_of(there, slow)["userid"] == user_of(there, slow)["userid"] == "ZhangSan"


def test_q19_the_old_path_writes_a_capital_and_outsiders_have_an_openid_only():
    there = World()

    assert user_of(there, code_of(there), "user")["UserId"] == "ZhangSan"
    outsider = user_of(there, code_of(there, "nobody"))
    assert "userid" not in outsider
    assert outsider["openid"]
    assert outsider["external_userid"]
    private = user_of(there, code_of(there, scope="snsapi_privateinfo"))
    assert (private["expires_in"], bool(private["user_ticket"])) == (1800, True)


def test_q19_a_host_that_is_not_trusted_is_50001_port_included():
    there = World()
    assert authorize(there, **{"as": "lisi"}).status_code == 302

    there.quirks(trusted_hosts=["app.test:8443"])

    refused = authorize(there, **{"as": "lisi"})
    assert (refused.status_code, "50001" in refused.text) == (400, True)
    trusted = authorize(there, redirect_uri="http://app.test:8443/in?a=1", **{"as": "lisi"})
    assert trusted.status_code == 302


PEOPLE = [
    Member("ZhangSan", "张三", "揭东区/社保局", "经办", "13800000001"),
    Member("lisi", "李四", "揭东区/税务局", "", "13800000002"),
    *(Member(f"u{n}", f"成员{n}", "揭东区", "", f"1390000{n:04}") for n in range(8)),
]


@pytest.fixture
def town():
    there = World()
    there.http.app.state.platform.set_members(PEOPLE)
    return there


def get(there, path, **query):
    return there.http.get(f"/cgi-bin/{path}", params={"access_token": there.token, **query}).json()


def test_q20_a_member_is_read_without_a_mobile_number(town):
    member = get(town, "user/get", userid="zhangsan")
    assert (member["userid"], member["name"], member["position"]) == ("ZhangSan", "张三", "经办")
    assert "mobile" not in member
    assert get(town, "user/get", userid="nobody")["errcode"] == 60111

    town.quirks(user_get_mobile=True)

    assert get(town, "user/get", userid="zhangsan")["mobile"] == "13800000001"


def test_q20_too_many_wrong_numbers_ban_the_question_for_a_day(town):
    def ask(mobile):
        return town.post("user/getuserid", {"mobile": mobile})

    assert ask("13800000002")["userid"] == "lisi"
    assert [ask(f"1370000000{n}")["errcode"] for n in range(3)] == [46004] * 3
    assert ask("13800000002")["errcode"] == 45009
    town.clock.at += 86_401
    town.token = town.get_token()["access_token"]
    assert ask("13800000002")["userid"] == "lisi"
    town.quirks(getuserid_ban_share=0)
    assert {ask(f"137000000{n:02}")["errcode"] for n in range(20)} == {46004}


def test_q20_ids_come_in_pages_and_only_for_the_contacts_secret(town):
    assert town.post("user/list_id", {"limit": 4})["errcode"] == 48002
    token = town.get_token("contact-secret")["access_token"]
    seen, cursor = [], ""
    while True:
        page = town.post("user/list_id", {"limit": 4, "cursor": cursor}, token)
        assert len(page["dept_user"]) <= 4
        seen += [row["userid"] for row in page["dept_user"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [member.userid for member in PEOPLE]
    assert town.post("user/list_id", {"limit": 10_001}, token)["errcode"] == 40058
    assert town.post("user/list_id", {"cursor": "x"}, token)["errcode"] == 40058

    town.quirks(list_id_needs_contact_secret=False)
    assert town.post("user/list_id", {})["next_cursor"] == ""


def test_q20_departments_are_a_tree(town):
    simple = get(town, "department/simplelist")["department_id"]
    full = get(town, "department/list")["department"]
    ids = {row["name"]: row["id"] for row in full}

    assert {"id": ids["社保局"], "parentid": ids["揭东区"], "order": ids["社保局"]} in simple
    assert set(ids) == {"企业", "社保局", "税务局", "揭东区"}
    below = get(town, "department/simplelist", id=str(ids["社保局"]))["department_id"]
    assert [row["id"] for row in below] == [ids["社保局"]]
    assert get(town, "department/list", id="99")["errcode"] == 60003

    direct = get(town, "user/simplelist", department_id=str(ids["揭东区"]))["userlist"]
    whole = get(town, "user/simplelist", department_id=str(ids["揭东区"]), fetch_child="1")["userlist"]
    assert (len(direct), len(whole)) == (8, 10)


def test_q20_new_contact_syncs_cannot_list_departments(town):
    token = town.get_token("contact-secret")["access_token"]

    def ask(path):
        return town.http.get(f"/cgi-bin/{path}", params={"access_token": token}).json()["errcode"]

    assert ask("department/list") == 0
    town.quirks(department_list_closed=True)
    assert ask("department/list") == 48002
    assert ask("department/simplelist") == 0


def test_q20_what_is_out_of_the_visible_range_is_60011(town):
    assert get(town, "user/get", userid="lisi")["errcode"] == 0
    ids = {row["name"]: row["id"] for row in get(town, "department/list")["department"]}

    town.quirks(visible_departments=["揭东区/社保局"])

    assert get(town, "user/get", userid="lisi")["errcode"] == 60011
    assert get(town, "user/get", userid="zhangsan")["errcode"] == 0
    assert get(town, "user/simplelist", department_id=str(ids["税务局"]))["errcode"] == 60011
    seen = get(town, "user/simplelist", department_id="1", fetch_child="1")["userlist"]
    assert [row["userid"] for row in seen] == ["ZhangSan"]
    names = {row["name"] for row in get(town, "department/list")["department"]}
    assert names == {"企业", "揭东区", "社保局"}
    assert json.dumps(get(town, "department/simplelist")).count('"id"') == 3
