"""Every setting, typed: defaults in config/reviewbot.toml, overridden by the environment."""

import base64
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
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from reviewbot.errors import SettingError

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
    base_url: str
    oauth_url: str
    sso_url: str
    corp_id: str
    agent_id: int
    secret: SecretStr
    callback_token: str
    callback_aes_key: SecretStr
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
    callback_aes_key: SecretStr
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
    base_url: str = Field(pattern=r"^https?://\S+$")
    oauth_url: str = Field(pattern=r"^https?://\S+$")
    appid: str
    secret: SecretStr
    template_id: str
    timeout_seconds: float = Field(gt=0, le=12)
    fields: TemplateFields


class SmsSettings(Part):
    url: str = Field(pattern=r"^(https?://\S+)?$")
    account: str
    secret: SecretStr
    signature: str
    timeout_seconds: float = Field(gt=0, le=60)


class ScanSettings(Part):
    """Of files people send. At most one of the two."""

    clamd: str = Field(pattern=r"^([^:\s]+:\d{1,5})?$")
    command: str
    timeout_seconds: float = Field(gt=0, le=600)

    @model_validator(mode="after")
    def at_most_one(self) -> Self:
        if self.clamd and self.command:
            raise ValueError("clamd 和 command 只能填一个")
        return self


class SourceSettings(Part):
    secret: SecretStr = SecretStr("")

    @field_validator("secret")
    @classmethod
    def usable(cls, told: SecretStr) -> SecretStr:
        """Standard Webhooks: whsec_ and Base64. The library skips foreign characters, and signs with the rest."""
        for one in told.get_secret_value().split():
            text = one.removeprefix("whsec_")
            try:
                key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            except ValueError:
                key = b""
            if not key:
                raise ValueError("密钥应为 whsec_ 加 Base64 文字，多个以空格分隔")
        return told

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

    database_url: str
    redis_url: str
    data_dir: Path
    bind: str = Field(pattern=r"^[^:]+:\d{1,5}$")
    public_url: str
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
        name = "REVIEWBOT_" + "__".join(str(part).upper() for part in first["loc"])
        raise SettingError(f"设置 {name} 不对：{first['msg'].removeprefix('Value error, ')}") from None
    except SettingsError as wrong:
        # A list or a table whose text is no JSON; the library names the field at the top alone.
        field = re.search(r'"(\w+)"', str(wrong))
        name = f"REVIEWBOT_{field[1].upper()}" if field else "REVIEWBOT_…"
        raise SettingError(
            f'设置 {name}（或它下面的一项）不对：列表和表要写成 JSON，例如 ["sms"]。'
        ) from None
    return settings.model_copy(
        update={
            "data_dir": _from_root(settings.data_dir),
            "city": _from_root(settings.city),
            "policy": _from_root(settings.policy),
            "calendar": _from_root(settings.calendar),
        }
    )


def _from_root(path: Path) -> Path:
    return path if path.is_absolute() else ROOT / path
