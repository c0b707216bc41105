"""Every switch of the simulated platform, by name, with the value it has unless somebody sets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass
class Quirks:
    """What the real platform does, or is reported to do; ``behaviours`` says on what evidence.

    Seconds are the platform's clock unless the comment says real seconds. Rates are shares from 0 to 1.
    """

    # Q1, Q2: tokens
    expires_in_full: bool = True  # 7200 even for an old token, or the true remainder
    token_per_app: bool = True  # else every gettoken makes a new token and the old ones stay good
    gettoken_fault: Literal["", "hang", "502", "html"] = ""
    hang_seconds: float = 60.0  # real seconds
    block_gettoken_after: int = 0  # 45009 for an hour after so many gettoken calls of one secret, 0 = never
    kill_token_every: int = 0  # every n-th authenticated call finds its token killed, 0 = never
    dead_token_errcode: Literal[0, 40014, 42001] = 0  # 0 = either, at random
    # Q3, Q4: form of errors, and who may call
    errmsg_hint: bool = True
    trusted_ips: tuple[str, ...] = ()  # empty = every address may call
    trusted_ips_delay_seconds: float = 60.0  # until a changed list has effect
    # Q5, Q6: what a send may contain
    text_limit_bytes: int = 2048  # text is cut there, 0 = never
    lower_invalid_users: bool = True
    empty_lists_as_arrays: bool = False  # in refusals: [] where a success has ""
    visible_departments: tuple[str, ...] = ()  # of the app, by name; empty = all
    cards_need_callback: bool = True
    repeated_task_id_errcode: int = 40058  # 0 = accepted
    missing_title_errcode: Literal[41016, 40058] = 41016
    json_warning: bool = True  # "Warning: wrong json format." before the message
    # Q7: duplicates
    duplicate_check: bool = True
    duplicate_needs_same_bytes: bool = True  # else the same content in any order counts
    duplicate_repeats_answer: bool = True  # else a bare ok without msgid
    # Q8: pace and weather
    per_minute: int = 30  # messages to one member, the rest vanish
    per_hour: int = 1000
    day_quota: int = 0  # person-times per app and day, 0 = no limit
    concurrency_limit: int = 0  # 45033 above so many sends at once, 0 = no limit
    burst: int = 0  # so many sends in a row answered with 45033, 0 = never
    burst_every: int = 50  # a burst begins after so many sends
    busy_rate: float = 0.0  # calls answered with -1, without effect
    html_rate: float = 0.0  # calls answered with an HTML page and status 200, without effect
    delay_seconds: float = 0.0  # real seconds before a call takes effect
    answer_delay_seconds: float = 0.0  # real seconds after it took effect
    late_rate: float = 0.0  # sends that take effect but are answered late_seconds later
    late_seconds: float = 15.0  # real seconds; choose more than the client waits
    # Q9: cards after they were sent
    code_hours: float = 72.0
    code_works_once: bool = True
    spent_code_errcode: int = 40058
    update_reaches_named_only: bool = True  # else everybody who holds the card
    recall_hours: float = 24.0
    # Q10, Q11: phones
    empty_answer_is_timeout: bool = True  # to a click
    passive_overrides_update: bool = True  # an update made inside the callback springs back
    voice_recognition: bool = False  # voice carries its words in Recognition
    menu_sends_message: bool = True  # what a menu button took is also sent as a message of its own
    report_location: bool = False  # LOCATION after entering the app
    plugin_readers: tuple[str, ...] = ()  # userids who read in the WeChat plugin; * = all
    plugin_home_page: bool = False  # "always enter home page": text cut to 20 bytes, nothing else
    # Q12: how callbacks look
    callback_format: Literal["xml", "json"] = "xml"
    callback_cdata: bool = True
    callback_spaces: bool = False  # line breaks and blanks around the fields
    callback_paddings: bool = False  # every padding from 1 to 32 in turn
    echo_awkward: bool = True  # the echostr of the URL check has + and / in it
    # Q13: how often and how long
    callback_timeout_seconds: float = 5.0  # real seconds
    callback_tries: int = 3
    retry_fresh_ciphertext: bool = False
    retry_overlaps: bool = False  # the socket of a slow try stays open while the next one runs
    # Q14-Q17: in what order, and in what company
    create_time_step: int = 1  # CreateTime is rounded down to so many seconds
    shared_msg_id: bool = False  # two members' messages in a row carry one MsgId
    callback_copies: int = 1  # how often every callback arrives
    callback_reorder: float = 0.0  # real seconds a callback may be held, so that later ones overtake it
    callback_hold_seconds: float = 0.0  # every callback comes so much later
    userid_case: Literal["directory", "lower", "upper", "swapped"] = "directory"
    odd_callback_every: int = 0  # every n-th callback is followed by an unusual one, 0 = never
    contact_details: bool = False  # change_contact with names, as older applications get it
    attack_every: int = 0  # every n-th callback is followed by an attack, 0 = never
    # Q18: media
    media_days: float = 3.0
    created_at_string: bool = True
    range_needed_above: int = 20 << 20  # bytes; more without Range is 830002
    media_type_by_name: bool = True  # Content-Type guessed from the file's name
    filename_form: Literal["utf8", "raw", "none"] = "utf8"  # in Content-disposition
    # Q19: sign-in
    trusted_hosts: tuple[str, ...] = ()  # of redirect_uri, port included; empty = all
    sign_in_minutes: float = 5.0
    sign_in_once: bool = True
    # Q20: directory
    getuserid_ban_share: float = 0.2  # of the headcount in wrong numbers: banned for a day, 0 = never
    user_get_mobile: bool = False
    list_id_needs_contact_secret: bool = True
    department_list_closed: bool = False
    # Q21: private deployment
    path_prefix: str = ""
    required_header: str = ""  # "Name: value"; without it the gateway answers 403
    no_template_card: bool = False
    no_auth_path: bool = False
    upload_field: str = "media"
    # Q22: Official Account
    mp_overlap_seconds: float = 300.0
    mp_stable_token: bool = True
    mp_one_time: bool = True  # one consent, one message; else long-term
    mp_check_fields: bool = True


def set_quirks(quirks: Quirks, changes: Mapping[str, Any]) -> None:
    """Set switches by name, all or none; values as JSON has them or as a command line writes them.

    Raises ValueError that names the switch and what it takes.
    """
    kinds = get_type_hints(Quirks)
    read = {}
    for name, value in changes.items():
        if name not in kinds:
            raise ValueError(f"没有开关 {name}")
        read[name] = _read(name, kinds[name], value)
    for name, value in read.items():
        setattr(quirks, name, value)


def choices(name: str) -> tuple[Any, ...] | None:
    """What a switch may be set to, None where any value of its type will do."""
    kind = get_type_hints(Quirks)[name]
    if kind is bool:
        return (True, False)
    return get_args(kind) if get_origin(kind) is Literal else None


def _read(name: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is tuple:
        return _list(name, value)
    if get_origin(kind) is Literal:
        found = next((choice for choice in get_args(kind) if str(choice) == str(value)), None)
        if found is None:
            raise ValueError(f"{name} 只能是 {'、'.join(map(repr, get_args(kind)))}")
        return found
    if kind is bool:
        words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
        if (flag := words.get(str(value).lower())) is None:
            raise ValueError(f"{name} 只能是 on 或 off")
        return flag
    if kind is str:
        return str(value)
    return _number(name, kind, value)


def _list(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)) or not all(isinstance(part, str) for part in value):
        raise ValueError(f"{name} 是一列文字，用逗号分开")
    return tuple(value)


def _number(name: str, kind: Any, value: Any) -> Any:
    try:
        number = kind(str(value))
    except ValueError:
        number = None
    if number is None or isinstance(value, bool) or not 0 <= number < 1e9:
        raise ValueError(f"{name} 是不小于 0 的{'整数' if kind is int else '数'}")
    return number
