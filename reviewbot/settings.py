"""Every setting, typed: defaults in config/reviewbot.toml, overridden by the environment."""

import os
import re
import secrets as randomness
import tomllib
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from reviewbot.errors import SettingError
from reviewbot.setting_types import AesKey, DatabaseUrl, HostAndPort, RedisUrl, WebAddress, WebhookSecrets

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "config"


PUBLIC_LOGIN = {"https://qyapi.weixin.qq.com": "https://open.weixin.qq.com"}
PUBLIC_SCAN = {"https://open.weixin.qq.com": "https://open.work.weixin.qq.com"}
"""Public WeCom has three hosts; they are used only where its own ``base_url`` is configured (W1)."""


class Part(BaseModel):
    """A table of settings; an unknown name is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid")


class IntakeSettings(Part):
    max_body_mib: float
    max_records: int
    waiting_requests: int
    earliest: date
    ahead_days: float
    keep_rater_days: int = Field(ge=0)


class CapabilitySettings(Part):
    """What the platform can do; each has something simpler in its place."""

    template_card: bool
    textcard: bool
    markdown: bool
    picture: bool
    recall: bool

    def switched_on(self) -> list[str]:
        return [name for name, on in self.model_dump().items() if on]


class WeComSettings(Part):
    base_url: WebAddress
    oauth_url: WebAddress
    sso_url: WebAddress
    corp_id: str
    agent_id: int
    secret: SecretStr
    callback_token: str
    callback_aes_key: AesKey
    window_seconds: int
    api_prefix: str
    auth_path: Literal["auth/getuserinfo", "user/getuserinfo"]
    upload_field: str = Field(pattern=r"^[A-Za-z_]+$")
    headers: dict[str, SecretStr]
    ca_bundle: str
    timeout_seconds: float = Field(gt=0, le=12)
    accounts: int = Field(ge=0)
    per_minute: int = Field(ge=1)
    per_hour: int = Field(ge=1)
    capabilities: CapabilitySettings
    focus_minutes: float
    choice_hours: float

    @property
    def login_url(self) -> str:
        """Where people sign in inside the app. A private platform has one host for everything."""
        return (self.oauth_url or PUBLIC_LOGIN.get(self.base_url.rstrip("/"), self.base_url)).rstrip("/")

    @property
    def scan_url(self) -> str:
        """Where people sign in outside it, by a code to scan."""
        return (self.sso_url or PUBLIC_SCAN.get(self.login_url, self.login_url)).rstrip("/")


class DirectorySettings(Part):
    contacts_secret: SecretStr
    callback_token: str
    callback_aes_key: AesKey
    sync_hour: int = Field(ge=0, le=23)
    leave_percent: float = Field(gt=0, le=100)
    code_hours: float = Field(gt=0)
    silent_messages: int = Field(ge=1)
    silent_days: float = Field(gt=0)

    @property
    def leave_share(self) -> float:
        return self.leave_percent / 100


class RaterSettings(Part):
    order: list[Literal["official", "sms"]] = Field(min_length=1)


_TEMPLATE_KEY = r"^([a-z_]+[0-9]+)?$"


class TemplateFields(Part):
    number: str = Field(pattern=_TEMPLATE_KEY)
    item: str = Field(pattern=_TEMPLATE_KEY)
    progress: str = Field(pattern=_TEMPLATE_KEY)
    date: str = Field(pattern=_TEMPLATE_KEY)

    def told(self) -> dict[str, str]:
        """Which field of the template takes which fact."""
        return {name: key for name, key in self.model_dump().items() if key}


class OfficialSettings(Part):
    base_url: WebAddress = Field(min_length=1)
    oauth_url: WebAddress = Field(min_length=1)
    appid: str
    secret: SecretStr
    template_id: str
    timeout_seconds: float = Field(gt=0, le=12)
    fields: TemplateFields


class SmsSettings(Part):
    url: WebAddress
    account: str
    secret: SecretStr
    signature: str
    timeout_seconds: float = Field(gt=0, le=60)


class ScanSettings(Part):
    """Of files people send. At most one of the two."""

    clamd: HostAndPort
    command: str
    timeout_seconds: float = Field(gt=0, le=600)

    @model_validator(mode="after")
    def at_most_one(self) -> Self:
        if self.clamd and self.command:
            raise ValueError("clamd 和 command 只能填一个")
        return self


class SourceSettings(Part):
    secret: WebhookSecrets = SecretStr("")

    def secrets(self) -> list[str]:
        """The signing secrets in force; several while one is being rotated."""
        return self.secret.get_secret_value().split()


class DocumentSettings(Part):
    """``supervision`` … ``ledger``: what stands before 〔year〕 in the number of each kind of document."""

    supervision: str
    special_report: str
    rectification_notice: str
    explanation_notice: str
    ledger: str
    report_to: str
    red_head: bool
    sender: str

    @model_validator(mode="after")
    def told_apart(self) -> Self:
        """Every kind has serials of its own, so that two kinds with one mark would share a number."""
        marks = [
            self.supervision,
            self.special_report,
            self.rectification_notice,
            self.explanation_notice,
            self.ledger,
        ]
        if len(set(marks)) < len(marks):
            raise ValueError("各文种的机关代字不得相同")
        return self


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(env_prefix="REVIEWBOT_", env_nested_delimiter="__", extra="forbid")

    database_url: DatabaseUrl
    redis_url: RedisUrl
    data_dir: Path
    bind: HostAndPort = Field(min_length=1)
    public_url: WebAddress
    city: Path
    policy: Path
    calendar: Path
    secret_key: SecretStr
    rehearsal: str
    sweep_seconds: float = Field(gt=0)
    log_format: Literal["text", "json"]
    workers: int = Field(ge=1)
    senders: int = Field(ge=1)
    intake: IntakeSettings
    wecom: WeComSettings
    directory: DirectorySettings
    raters: RaterSettings
    official: OfficialSettings
    sms: SmsSettings
    scan: ScanSettings
    documents: DocumentSettings
    sources: dict[str, SourceSettings]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, _Environment(settings_cls), _Defaults(settings_cls))

    @property
    def address(self) -> str:
        return (self.public_url or f"http://{self.bind}").rstrip("/")

    def signing_key(self) -> str:
        """The key that signs sessions and links: the configured one, else one made once and kept in the data folder."""
        if key := self.secret_key.get_secret_value():
            return key
        kept = self.data_dir / "secret_key"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            # The web and the workers may ask at once: whoever links first has made the key, whole.
            draft = kept.with_name(f"secret_key.{randomness.token_hex(8)}")
            draft.touch(0o600)
            draft.write_text(randomness.token_urlsafe(48), encoding="ascii")
            with suppress(FileExistsError):
                os.link(draft, kept)
            draft.unlink()
        return kept.read_text(encoding="ascii")


class _Environment(EnvSettingsSource):
    """The environment, with ``…_FILE`` names replaced by what their files hold."""

    def _load_env_vars(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for name, value in os.environ.items():
            low = name.lower()
            if not low.startswith("reviewbot_"):
                continue
            if low.endswith("_file"):
                try:
                    found[low[: -len("_file")]] = Path(value).read_text(encoding="utf-8").strip()
                except OSError as wrong:
                    raise SettingError(f"设置 {name} 指向的文件读不到：{value}（{wrong.strerror}）") from None
                except UnicodeDecodeError:
                    raise SettingError(f"设置 {name} 指向的文件不是 UTF-8 文本：{value}") from None
            else:
                found[low] = value
        return found


class _Defaults(PydanticBaseSettingsSource):
    """config/reviewbot.toml: the defaults."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise AssertionError("the whole file is read at once")

    def __call__(self) -> dict[str, Any]:
        try:
            return tomllib.loads((CONFIG / "reviewbot.toml").read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
            raise SettingError(f"config/reviewbot.toml 读不懂：{wrong}") from None


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; a wrong or missing one raises SettingError with one line that names it."""
    try:
        settings = Settings(**overrides)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        name = _variable(".".join(str(part) for part in first["loc"]))
        raise SettingError(f"设置 {name} 不对：{_plain(first)}") from None
    except SettingsError as wrong:
        # A list or a table whose text is no JSON; the library names the field at the top alone.
        field = re.search(r'"(\w+)"', str(wrong))
        name = f"REVIEWBOT_{field[1].upper()}" if field else "REVIEWBOT_…"
        raise SettingError(
            f'设置 {name}（或它下面的一项）不对：列表和表要写成 JSON，例如 ["sms"]。'
        ) from None
    settings = settings.model_copy(update={name: ROOT / getattr(settings, name) for name in _FROM_ROOT})
    _refuse_missing(settings)
    _refuse_absent(settings)
    return settings


_WORDS = {
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "float_parsing": "应为数字",
    "bool_parsing": "应为 true 或 false",
    "date_from_datetime_parsing": "应为日期，如 2015-01-01",
    "extra_forbidden": "没有这项设置",
    "string_too_short": "不能为空",
    "greater_than": "应大于 {gt:g}",
    "greater_than_equal": "应不小于 {ge:g}",
    "less_than_equal": "应不大于 {le:g}",
    "literal_error": "只能是 {expected}",
}
"""The library's own kinds of mistake, in words; of a rarer one its own sentence is told."""


def _plain(mistake: ErrorDetails) -> str:
    words = _WORDS.get(mistake["type"])
    if words is None:
        return mistake["msg"].removeprefix("Value error, ").replace("\n", " ")
    return words.format(**mistake.get("ctx", {})).replace(" or ", " 或 ")


_FROM_ROOT = ("data_dir", "city", "policy", "calendar")
"""Paths told from the repository's root."""
_TOGETHER = {
    "wecom.base_url": ("wecom.corp_id", "wecom.agent_id", "wecom.secret"),
    "wecom.callback_token": ("wecom.callback_aes_key", "wecom.corp_id"),
    "wecom.callback_aes_key": ("wecom.callback_token",),
    "directory.callback_token": ("directory.callback_aes_key", "wecom.corp_id"),
    "directory.callback_aes_key": ("directory.callback_token",),
    "official.appid": ("official.secret", "official.template_id"),
    "sms.url": ("sms.secret",),
}
"""Whoever fills in the first needs the others too."""


def strange_variables() -> list[str]:
    """Variables in our name that are no setting: perhaps a slip of the pen, perhaps another program's."""
    known = {f"reviewbot_{name}" for name in Settings.model_fields}
    return sorted(
        name
        for name in os.environ
        if name.lower().startswith("reviewbot_")
        and name.lower().removesuffix("_file").split("__")[0] not in known
    )


def _refuse_missing(settings: Settings) -> None:
    for told, needed in _TOGETHER.items():
        missing = [name for name in needed if not _filled(settings, name)]
        if missing and _filled(settings, told):
            raise SettingError(f"缺少设置 {_variable(missing[0])}：填了 {_variable(told)} 就须有它。")


def _refuse_absent(settings: Settings) -> None:
    """Files and folders that the start would look for."""
    wanted = {
        "policy": (settings.policy, Path.is_file, "没有这个文件"),
        "calendar": (settings.calendar, Path.is_dir, "没有这个文件夹"),
        "city": (settings.city, Path.is_dir, "没有这个文件夹"),
    }
    if settings.rehearsal:
        wanted["rehearsal"] = (Path(settings.rehearsal), Path.is_file, "没有这个文件")
    if settings.wecom.ca_bundle:
        wanted["wecom.ca_bundle"] = (Path(settings.wecom.ca_bundle), Path.exists, "没有这个文件")
    for name, (path, there, words) in wanted.items():
        if not there(path):
            raise SettingError(f"设置 {_variable(name)} 不对：{words} {path}")


def _filled(settings: Settings, name: str) -> bool:
    table, _, key = name.partition(".")
    value = getattr(getattr(settings, table), key)
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _variable(name: str) -> str:
    """``wecom.corp_id`` as the environment calls it."""
    return "REVIEWBOT_" + name.upper().replace(".", "__")
