"""The composition root: one House a process, with everything the edges need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import redis
from pydantic import SecretStr
from sqlalchemy.orm import Session

from reviewbot.actions.deliver_messages import AnyChannel
from reviewbot.clock import Clock, make_clock
from reviewbot.database.session import Database
from reviewbot.errors import SettingError
from reviewbot.files.scanner import Scanner, make_scanner
from reviewbot.links import RaterLinks
from reviewbot.outbox import RATER
from reviewbot.queries.raters import openid_of_case
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queue import Doorbell, make_celery
from reviewbot.raters.channel import Carrier, RaterChannel, SmsCarrier, SubscriptionCarrier
from reviewbot.raters.gateway import SmsGateway
from reviewbot.rules.rulebook import Rulebook
from reviewbot.settings import CONFIG, Settings
from reviewbot.sources.mapping import DateLimits
from reviewbot.sources.profile import SourceProfile, load_profiles
from reviewbot.wecom.callback import CallbackCrypto
from reviewbot.wecom.capabilities import Capability
from reviewbot.wecom.channel import WeComChannel
from reviewbot.wecom.client import WeComClient
from reviewbot.wecom.connection import Access
from reviewbot.wecom.errors import load_error_table
from reviewbot.wecom.official import OfficialAccess, OfficialAccount
from reviewbot.wecom.pace import Pace
from reviewbot.wecom.replays import ReplayCache

PERSON_TIMES = 200
"""Messages a day for each account an application may have (wecom §2.9)."""


@dataclass(frozen=True)
class House:
    """What a process works with. ``wecom`` and ``crypto`` are None where WeCom is not configured.

    ``channels``: by ``Message.channel``; one that is not configured is not there.
    """

    settings: Settings
    clock: Clock
    database: Database
    rulebooks: Rulebooks
    profiles: dict[str, SourceProfile]
    wecom: WeComClient | None
    official: OfficialAccount | None
    """The 公众号 of raters; None where there is none."""
    channels: dict[str, AnyChannel]
    links: RaterLinks
    replays: ReplayCache
    scanner: Scanner | None
    crypto: CallbackCrypto | None
    contacts: WeComClient | None
    """With the contacts-sync secret; None where there is none."""
    contacts_crypto: CallbackCrypto | None
    ring: Callable[..., None]

    def today(self, session: Session) -> Rulebook:
        """What is in force now, for all that belongs to no case."""
        return self.rulebooks.on(session, self.clock.now())

    @property
    def date_limits(self) -> DateLimits:
        intake = self.settings.intake
        return DateLimits(earliest=intake.earliest, ahead=timedelta(days=intake.ahead_days))


def build_house(settings: Settings) -> House:
    """Build it from settings whose database and Redis URLs are filled in. Opens no connection yet."""
    told = settings.wecom
    wecom = _wecom(settings, told.secret, told.agent_id) if told.base_url else None
    links = RaterLinks(settings.signing_key, settings.address)
    database, official = Database(settings.database_url), _official(settings)
    return House(
        settings=settings,
        clock=make_clock(Path(settings.rehearsal) if settings.rehearsal else None),
        database=database,
        rulebooks=Rulebooks(CONFIG / "policy.toml"),
        profiles=load_profiles(CONFIG / "sources"),
        wecom=wecom,
        official=official,
        channels=_channels(settings, wecom, _ways_to_raters(settings, official, database), links),
        links=links,
        replays=_replays(settings),
        scanner=make_scanner(**settings.scan.model_dump()),
        crypto=_crypto(settings),
        contacts=_contacts(settings),
        contacts_crypto=_contacts_crypto(settings),
        ring=Doorbell(make_celery(settings)).ring,
    )


@dataclass(frozen=True)
class RuleFiles:
    """The texts of the rules as the settings name them."""

    policy: str
    national: str
    local: str


def rule_files(settings: Settings) -> RuleFiles:
    """Read them. Raises SettingError."""
    return RuleFiles(
        read_text(settings.policy),
        read_text(settings.calendar / "national.toml"),
        read_text(settings.calendar / "local.toml"),
    )


def read_text(path: Path) -> str:
    """A configuration file as text, with or without a byte order mark. Raises SettingError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingError(f"文件 {path} 不是 UTF-8 编码，请另存为 UTF-8。") from None
    except IsADirectoryError:
        raise SettingError(f"{path} 是文件夹，请写明其中的文件。") from None
    except OSError:
        raise SettingError(f"读不到配置文件 {path}。") from None


def _contacts(settings: Settings) -> WeComClient | None:
    secret = settings.directory.contacts_secret
    return _wecom(settings, secret, 0) if settings.wecom.base_url and secret.get_secret_value() else None


def _wecom(settings: Settings, secret: SecretStr, agent_id: int) -> WeComClient:
    told = settings.wecom
    return WeComClient(
        Access(
            told.base_url,
            api_prefix=told.api_prefix,
            auth_path=told.auth_path,
            upload_field=told.upload_field,
            headers={name: value.get_secret_value() for name, value in told.headers.items()},
            verify=str(told.ca_bundle) if told.ca_bundle else True,
            timeout=(min(told.timeout_seconds, 3.05), told.timeout_seconds),
        ),
        corp_id=told.corp_id,
        agent_id=agent_id,
        secret=secret.get_secret_value(),
        redis=store_of(settings),
        error_table=load_error_table(CONFIG / "wecom_errors.toml"),
        daily_quota=told.accounts * PERSON_TIMES,
    )


def store_of(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=2)


def _channels(
    settings: Settings, wecom: WeComClient | None, ways: Sequence[Carrier], links: RaterLinks
) -> dict[str, AnyChannel]:
    """What is configured."""
    found: dict[str, AnyChannel] = {}
    told = settings.wecom
    if wecom is not None:
        found["wecom"] = WeComChannel(
            wecom,
            Pace(store_of(settings), wecom.health, per_minute=told.per_minute, per_hour=told.per_hour),
            address=settings.address,
            folder=settings.data_dir,
            switched_on=[Capability(name) for name in told.capabilities.switched_on()],
        )
    if ways:
        found[RATER] = RaterChannel(ways, links)
    return found


def _ways_to_raters(
    settings: Settings, official: OfficialAccount | None, database: Database
) -> list[Carrier]:
    """The configured ways, in the order of ``[raters] order``."""
    sms, ways = settings.sms, dict[str, Carrier]()
    if official is not None:

        def openid_of(case_id: int) -> str | None:
            with database.begin() as session:
                return openid_of_case(session, case_id)

        ways["official"] = SubscriptionCarrier(official, openid_of, settings.official.fields.told())
    if sms.url:
        secret = sms.secret.get_secret_value()
        ways["sms"] = SmsCarrier(SmsGateway(sms.url, sms.account, secret, sms.signature, sms.timeout_seconds))
    return [ways[name] for name in settings.raters.order if name in ways]


def _official(settings: Settings) -> OfficialAccount | None:
    told = settings.official
    if not told.appid:
        return None
    timeout = (min(told.timeout_seconds, 3.05), told.timeout_seconds)
    return OfficialAccount(
        OfficialAccess(told.base_url, told.oauth_url, timeout),
        appid=told.appid,
        secret=told.secret.get_secret_value(),
        template_id=told.template_id,
        redis=store_of(settings),
        error_table=load_error_table(CONFIG / "official_errors.toml"),
    )


def _replays(settings: Settings) -> ReplayCache:
    store = redis.Redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
    return ReplayCache(store, 2 * settings.wecom.window_seconds)


def _crypto(settings: Settings) -> CallbackCrypto | None:
    told = settings.wecom
    if not (told.callback_token and told.callback_aes_key.get_secret_value()):
        return None
    return CallbackCrypto(
        told.callback_token,
        told.callback_aes_key.get_secret_value(),
        told.corp_id,
        told.agent_id,
        told.window_seconds,
    )


def _contacts_crypto(settings: Settings) -> CallbackCrypto | None:
    """The door of 通讯录同步助手: its own Token and AESKey, and no agent."""
    told, wecom = settings.directory, settings.wecom
    key = told.callback_aes_key.get_secret_value()
    if not (told.callback_token and key):
        return None
    return CallbackCrypto(told.callback_token, key, wecom.corp_id, 0, wecom.window_seconds)
