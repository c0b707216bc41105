"""What is simulated, on what evidence, and by which switches: one table, shown as a page (Q23)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader

from reviewbot.simulator.quirks import Quirks, choices

Grade = Literal["D", "C", "?"]
GRADES = {"D": "文档", "C": "见于报告", "?": "假设"}


@dataclass(frozen=True)
class Behaviour:
    """One row: the quirk's number, the behaviour, [D]ocumented, reported [C] or assumed [?], its switches."""

    q: int
    what: str
    grade: Grade
    switches: tuple[str, ...] = ()


def _b(q: int, grade: Grade, what: str, *switches: str) -> Behaviour:
    return Behaviour(q, what, grade, switches)


BEHAVIOURS: tuple[Behaviour, ...] = (
    _b(1, "D", "gettoken：每个（企业，密钥）一个令牌，有效期内重复获取返回同一个", "token_per_app"),
    _b(1, "C", "旧令牌的 expires_in 仍写 7200，或写真实剩余", "expires_in_full"),
    _b(1, "D", "40001 密钥错误，40013 企业 ID 错误，41002、41004 缺少参数"),
    _b(1, "C", "一小时内获取过多，45009，封一小时（次数未知）", "block_gettoken_after"),
    _b(1, "C", "gettoken 挂起、502、或状态 200 的 HTML", "gettoken_fault", "hang_seconds"),
    _b(2, "D", "令牌可能提前失效；多少次后失效由开关决定", "kill_token_every"),
    _b(2, "C", "失效令牌回答 40014 或 42001，说不定是哪个", "dead_token_errcode"),
    _b(2, "D", "缺少令牌 41001；令牌与 agentid 不符 301002"),
    _b(3, "D", "HTTP 状态总是 200；errmsg 带 hint、from ip、more info", "errmsg_hint"),
    _b(4, "D", "来源地址不在可信 IP 中：60020（gettoken 除外 [?]）", "trusted_ips"),
    _b(4, "C", "修改可信 IP 约一分钟后生效", "trusted_ips_delay_seconds"),
    _b(5, "D", "文本超过 2048 字节截断；textcard 标题 128、描述 512、按钮 4 字截断", "text_limit_bytes"),
    _b(5, "C", "markdown 超过 2048 字节：45002"),
    _b(5, "D", "接收人部分无效：errcode 0，invaliduser 为小写", "lower_invalid_users"),
    _b(5, "D", "全部无效 81013；都为空 82001；列表超长 40032、82002、82003"),
    _b(5, "C", "出错时的名单写成 [] 而不是空串", "empty_lists_as_arrays"),
    _b(5, "D", "可见范围之外的成员算无效", "visible_departments"),
    _b(5, "D", "msgid 总有；response_code 只随可交互卡片返回"),
    _b(5, "?", "totag 一律无效；toparty 也接受部门名称"),
    _b(6, "C", "没有回调地址时发送可交互卡片：43012", "cards_need_callback"),
    _b(6, "?", "重复 task_id 的错误码（0 = 接受）", "repeated_task_id_errcode"),
    _b(6, "D", "JSON 不合规：40058，errmsg 以 Warning: wrong json format. 开头", "json_warning"),
    _b(6, "C", "卡片嵌套错误：41016 missing title（或 40058）", "missing_title_errcode"),
    _b(6, "D", "按钮、选项、菜单的数量和 key、id 的长度与唯一性：40058"),
    _b(7, "D", "排重间隔内相同请求不再送达", "duplicate_check"),
    _b(7, "?", "“相同”指字节相同，还是内容相同", "duplicate_needs_same_bytes"),
    _b(7, "?", "被排重的请求的应答：重复首次的应答，或不带 msgid", "duplicate_repeats_answer"),
    _b(8, "D", "每成员每应用 30 条/分、1000 条/时，超出静默丢弃", "per_minute", "per_hour"),
    _b(8, "D", "每应用每日人次（账号上限 × 200），超出 45009", "day_quota"),
    _b(8, "C", "并发超过上限：45033（阈值未知）", "concurrency_limit"),
    _b(8, "C", "45033 成阵出现", "burst", "burst_every"),
    _b(8, "D", "系统繁忙 -1（频率是假设）", "busy_rate"),
    _b(8, "C", "状态 200 的 HTML 页面（代理、认证门户）", "html_rate"),
    _b(8, "C", "已送达，但应答晚于客户端的耐心", "late_rate", "late_seconds"),
    _b(8, "?", "每个调用生效之前、之后的延迟", "delay_seconds", "answer_delay_seconds"),
    _b(
        9,
        "D",
        "response_code 一次有效，72 小时（旧文档 24）；每次点击一个新的",
        "code_hours",
        "code_works_once",
    ),
    _b(9, "?", "response_code 用过或过期的错误码", "spent_code_errcode"),
    _b(9, "D", "更新只改变所列成员的卡片，或 atall", "update_reaches_named_only"),
    _b(9, "D", "撤回：发送后 24 小时内，到不了微信插件；过期的错误码 [?]", "recall_hours"),
    _b(10, "C", "点击后空应答：卡片显示“处理超时，请点击重试”", "empty_answer_is_timeout"),
    _b(10, "C", "回调期间的接口更新被被动应答覆盖（弹回）", "passive_overrides_update"),
    _b(10, "D", "被动应答 update_button、update_template_card 只改变点击者的卡片"),
    _b(10, "?", "语音带识别结果 Recognition", "voice_recognition"),
    _b(10, "D", "菜单：click、view、扫码、拍照、位置；照片和位置另发一条消息", "menu_sends_message"),
    _b(10, "D", "进入应用：enter_agent；可另报 LOCATION", "report_location"),
    _b(11, "D", "微信插件：没有 markdown 和卡片，只见提示；撤回不到；位置没有 AppType", "plugin_readers"),
    _b(11, "D", "插件“始终进入主页”：文本截到 20 字节，其余不送", "plugin_home_page"),
    _b(12, "D", "回调真实加密：AES-256-CBC，填充到 32，接收方 ID"),
    _b(12, "D", "接收格式 XML 或 JSON", "callback_format"),
    _b(12, "C", "有无 CDATA、有无空白", "callback_cdata", "callback_spaces"),
    _b(12, "D", "填充 1 至 32 依次出现", "callback_paddings"),
    _b(12, "D", "echostr 含 + / =，在网址中编码", "echo_awkward"),
    _b(13, "D", "5 秒不应答即断开，共推 3 次；非 200 视为失败", "callback_timeout_seconds", "callback_tries"),
    _b(13, "?", "重推是同一密文，还是新随机数新密文（明文不变）", "retry_fresh_ciphertext"),
    _b(13, "C", "前一次还在处理（连接未断）就重推", "retry_overlaps"),
    _b(14, "C", "同一秒内不同事件，From+CreateTime 相同", "create_time_step"),
    _b(14, "C", "不同成员的消息 MsgId 相同", "shared_msg_id"),
    _b(14, "C", "同一回调到达多次", "callback_copies"),
    _b(14, "C", "乱序、迟到数分钟", "callback_reorder", "callback_hold_seconds"),
    _b(14, "C", "成批同时到达（/sim/crowd）"),
    _b(
        15,
        "D",
        "SelectedItems 没有、一项、多项；EventKey 中文、1 kB；内容空、表情、]]>、2048 字节（/sim/scenes）",
    ),
    _b(15, "C", "FromUserName 与通讯录大小写不同", "userid_case"),
    _b(16, "C", "未知事件和消息类型夹在中间（/sim/scenes）", "odd_callback_every"),
    _b(16, "D", "change_contact 用通讯录同步助手的地址和密钥，只有 UserID、Department", "contact_details"),
    _b(17, "?", "攻击：伪造、篡改、重放、炸弹（/sim/attacks）", "attack_every"),
    _b(18, "D", "素材 3 天有效；过期为 HTTP 200 的 40007", "media_days"),
    _b(18, "D", "created_at 是字符串", "created_at_string"),
    _b(18, "D", "Range 得 206；过大而没有 Range：830002（阈值 [?]）", "range_needed_above"),
    _b(18, "C", "内容像 JSON 的文件按文件名给类型", "media_type_by_name"),
    _b(18, "D", "文件名在 Content-disposition 中（形式 [?]）", "filename_form"),
    _b(18, "D", "图片 10 MB JPG/PNG，语音 2 MB AMR，视频 10 MB MP4，文件 20 MB，都大于 5 字节"),
    _b(19, "D", "code 一次有效、5 分钟，否则 40029", "sign_in_minutes", "sign_in_once"),
    _b(19, "D", "redirect_uri 与可信域名不一致（含端口）：50001", "trusted_hosts"),
    _b(19, "D", "外部人员只有 openid；旧路径 user/getuserinfo 写 UserId"),
    _b(20, "C", "getuserid 的错误号码超过人数两成：当日 45009", "getuserid_ban_share"),
    _b(20, "D", "新应用的 user/get 没有手机号", "user_get_mobile"),
    _b(20, "D", "user/list_id 只给通讯录密钥，分页", "list_id_needs_contact_secret"),
    _b(20, "D", "新的通讯录同步不能调 department/list（错误码 [?]）", "department_list_closed"),
    _b(20, "D", "可见范围之外 60011；没有这个成员 60111；没有这个部门 60003"),
    _b(21, "C", "私有部署：地址可带前缀", "path_prefix"),
    _b(21, "?", "网关要求另加请求头", "required_header"),
    _b(21, "?", "没有 template_card（版本落后）", "no_template_card"),
    _b(21, "C", "没有 /cgi-bin/auth/", "no_auth_path"),
    _b(21, "C", "上传的字段名不同", "upload_field"),
    _b(21, "?", "http，或私有 CA 的 https（启动时选定）"),
    _b(22, "D", "公众号 /token：每次获取换新，旧的再活 5 分钟", "mp_overlap_seconds"),
    _b(22, "D", "stable_token：不换新；强制刷新每日 20 次、间隔 30 秒", "mp_stable_token"),
    _b(22, "D", "公众号网页授权：code 一次有效、5 分钟（开关同 Q19），否则 40163、40029"),
    _b(22, "D", "订阅通知一次同意一条，用完 43101；未关注 43004；长期订阅不限", "mp_one_time"),
    _b(22, "D", "模板字段按类型限长：47003", "mp_check_fields"),
    _b(23, "?", "时钟可设、可拨、可加快；骰子有种子；每个请求和回调都有记录（控制台）"),
)


def table_of(quirks: Quirks) -> list[dict[str, Any]]:
    """The table with the present value of every switch and what it may be set to."""
    return [
        {
            "q": row.q,
            "what": row.what,
            "grade": row.grade,
            "label": GRADES[row.grade],
            "switches": [
                {"name": name, "value": getattr(quirks, name), "choices": _labelled(name)}
                for name in row.switches
            ],
        }
        for row in BEHAVIOURS
    ]


def _labelled(name: str) -> list[dict[str, Any]]:
    """What a switch may be set to, as a list to choose from; empty where any value will do."""
    words = {"True": "开", "False": "关", "": "无", "0": "任意"}
    return [{"value": one, "label": words.get(str(one), str(one))} for one in choices(name) or ()]


_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "phones"), autoescape=True)


def page_of(quirks: Quirks) -> str:
    rows = table_of(quirks)
    counted = {grade: sum(row["grade"] == grade for row in rows) for grade in GRADES}
    return _templates.get_template("behaviours.html").render(rows=rows, grades=GRADES, counted=counted)
