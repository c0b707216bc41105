"""W27: the 公众号's token comes from stable_token only, bounded and shared; refusals are data, secrets stay inside."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from reviewbot.settings import CONFIG
from reviewbot.wecom.errors import Kind, WeComError, load_error_table
from reviewbot.wecom.official import OfficialAccess, OfficialAccount

SECRET = "OFFICIALSECRET-0123456789"
DATA = {"thing2": {"value": "失业保险金申领"}}


@pytest.fixture
def make(fake, store, reply):
    made = []
    fake.stable, fake.forced = "S1", 0

    def stable(query, body, headers):
        asked = json.loads(body)
        assert asked["secret"] == SECRET
        if asked["force_refresh"]:
            fake.forced += 1
            fake.stable = f"F{fake.forced}"
        return reply({"access_token": fake.stable, "expires_in": 7200})

    fake.answers["stable_token"] = stable
    fake.answers["message/subscribe/bizsend"] = lambda *_: reply({"errcode": 0, "errmsg": "ok"})

    def build():
        account = OfficialAccount(
            OfficialAccess(fake.url, "http://consent", (1.0, 2.0)), appid="wx1", secret=SECRET,
            template_id="TPL", redis=store, error_table=load_error_table(CONFIG / "official_errors.toml"),
        )  # fmt: skip
        made.append(account)
        return account

    yield build
    for account in made:
        account._http.close()


def refuses(fake, reply, *codes):
    """Answer with these codes in turn, the last one for ever."""
    left = list(codes)

    def answer(query, body, headers):
        code = left.pop(0) if len(left) > 1 else left[0]
        return reply({"errcode": code, "errmsg": f"no {SECRET} {query['access_token']}"})

    fake.answers["message/subscribe/bizsend"] = answer


def paths(fake):
    return [path for path, _, _ in fake.seen]


def test_w27_a_subscription_message_goes_out_with_the_stable_token_and_token_is_never_asked(make, fake):
    make().notify("openid1", DATA, "http://bureau/r/x")

    assert paths(fake) == ["stable_token", "message/subscribe/bizsend"]
    _, query, body = fake.seen[-1]
    assert query == {"access_token": "S1"}
    assert json.loads(body) == {
        "touser": "openid1", "template_id": "TPL", "page": "http://bureau/r/x", "data": DATA,
    }  # fmt: skip


def test_w27_wechatpys_own_entry_asks_the_stable_token_too(make, fake):
    make().fetch_access_token()

    assert set(paths(fake)) == {"stable_token"}


def test_w27_many_cold_workers_ask_once(make, fake):
    accounts = [make() for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda account: account.notify("o", DATA, "p"), accounts))

    assert paths(fake).count("stable_token") == 1


def test_w27_a_dead_token_is_forced_once_and_an_endless_refusal_ends(make, fake, reply):
    refuses(fake, reply, 40001)

    with pytest.raises(WeComError) as caught:
        make().notify("o", DATA, "p")

    assert caught.value.errcode == 40001
    assert paths(fake).count("message/subscribe/bizsend") == 2
    assert fake.forced == 1


def test_w27_forcing_is_rationed(make, fake, reply):
    refuses(fake, reply, 42001)
    account = make()
    with pytest.raises(WeComError):
        account.notify("o", DATA, "p")

    with pytest.raises(WeComError) as caught:
        account.notify("o", DATA, "p")

    assert (caught.value.kind, fake.forced) == (Kind.parked, 1)


def test_w27_a_new_stable_token_is_taken_without_forcing(make, fake, reply):
    account = make()
    account.notify("o", DATA, "p")
    fake.stable = "S2"
    fake.answers["message/subscribe/bizsend"] = lambda query, *_: reply(
        {"errcode": 0 if query["access_token"] == "S2" else 40014}
    )

    account.notify("o", DATA, "p")

    assert fake.forced == 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [(43101, Kind.recipient), (43004, Kind.recipient), (40003, Kind.recipient), (47003, Kind.content),
     (40037, Kind.config), (48001, Kind.config), (40164, Kind.config), (45009, Kind.throttled),
     (99999, Kind.permanent)],
)  # fmt: skip
def test_w27_each_code_has_its_reaction_and_nothing_secret_leaves(make, fake, reply, code, kind):
    refuses(fake, reply, code)
    account = make()

    with pytest.raises(WeComError) as caught:
        account.notify("o", DATA, "p")

    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.kind, error.errcode, error.unsure) == (kind, code, False)
    assert SECRET not in error.sentence
    assert "企业微信" not in error.sentence or code == 99999
    assert bool(account.health.facts().alerts) == (kind is Kind.config)


def test_w27_a_page_of_some_proxy_is_an_error_that_may_have_arrived(make, fake, reply):
    fake.answers["message/subscribe/bizsend"] = lambda *_: reply(b"<html>", kind="text/html")

    with pytest.raises(WeComError) as caught:
        make().notify("o", DATA, "p")

    assert caught.value.unsure


def test_consent_is_asked_for_the_openid_alone_and_its_code_exchanged(make, fake, reply):
    account = make()
    url = urlsplit(account.consent_url("http://bureau/r/consent/back", "abc123"))
    asked = parse_qs(url.query)
    assert (url.netloc, url.path, url.fragment) == ("consent", "/connect/oauth2/authorize", "wechat_redirect")
    assert (asked["scope"], asked["appid"], asked["state"]) == (["snsapi_base"], ["wx1"], ["abc123"])
    fake.answers["/sns/oauth2/access_token"] = lambda query, *_: reply(
        {"openid": "O1", "access_token": "x"}
        if query["code"] == "good"
        else {"errcode": 40163, "errmsg": "used"}
    )

    assert account.openid("good") == "O1"
    with pytest.raises(WeComError) as caught:
        account.openid("used")
    assert caught.value.errcode == 40163
