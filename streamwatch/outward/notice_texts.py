"""What notifications say, in English and Chinese. They are made here, because no page takes part in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamwatch.core.codes import DecisionReason
from streamwatch.core.sentences import in_words


@dataclass(frozen=True, slots=True)
class Language:
    """The texts of one language. titles: by what happened. reasons: of decisions. health: by code of the trouble."""

    titles: Mapping[str, str]
    reasons: Mapping[str, str]
    health: Mapping[str, str]
    seen: str
    held_back: str
    more: str
    again: str
    digest: str
    digest_lines: Mapping[str, str]

    def reason(self, code: str) -> str:
        """Return the words for the reason of a decision; those of the code if there are none."""
        return self.reasons.get(code) or in_words(code)

    def title(self, what: str, values: Mapping[str, Any]) -> str:
        """Return the title of what happened."""
        return self.titles[what].format_map(values)


ENGLISH = Language(
    titles={
        "blocked": "Blocked vehicle {plate} at {lane}",
        "held": "Vehicle {plate} may not leave at {lane}",
        "waiting": "{plate} waits at {lane}",
        "lost": "Camera {camera} is away",
        "back": "Camera {camera} is back",
        "opening": "Barrier {barrier} did not open",
        "begun": "streamwatch: {text}",
        "over": "Over: {text}",
        "test": "streamwatch: a test",
    },
    reasons={
        DecisionReason.UNKNOWN: "It has no permit.",
        DecisionReason.MAYBE_BLOCKED: "It may be a blocked vehicle.",
        DecisionReason.MAYBE_HELD: "It may be a vehicle that may not leave.",
        DecisionReason.OTHER_LANE: "Its permit is for another lane.",
        DecisionReason.NOT_YET_VALID: "Its permit is not valid yet.",
        DecisionReason.EXPIRED: "Its permit has expired.",
        DecisionReason.USED_UP: "Its permit is used up.",
        DecisionReason.OUTSIDE_HOURS: "Its permit is not valid at this time.",
        DecisionReason.UNSURE_READING: "The plate was not read with certainty.",
        DecisionReason.CLOCK_UNTRUSTED: "The clock is not trusted.",
        DecisionReason.OLD_LIST: "The list of permits is too old.",
        DecisionReason.OPENED_OFTEN: "The barrier has opened for this plate too often.",
        DecisionReason.PASSED_BACK: "It is inside already, or has never come in.",
        DecisionReason.FULL: "All spaces of its holder are taken.",
        DecisionReason.INEXACT: "The plate is not quite that of a permit.",
        DecisionReason.PROGRAM_DENIED: "The parking program refuses it.",
    },
    health={},
    seen="Seen at {time}",
    held_back="While it was quiet: {count}",
    more="and {count} more",
    again="{count} times since {time}",
    digest="Yesterday, {day}",
    digest_lines={
        "vehicles": "Vehicles: {}",
        "read": "Plates read: {}",
        "allowed": "May pass: {}",
        "asked": "Had to wait: {}",
        "denied": "Refused: {}",
        "calls": "Paid calls: {}",
        "inside": "Inside now: {}",
    },
)
CHINESE = Language(
    titles={
        "blocked": "黑名单车辆 {plate}，{lane}",
        "held": "锁车 {plate} 不可离开，{lane}",
        "waiting": "{plate} 在 {lane} 等待",
        "lost": "摄像机 {camera} 断开",
        "back": "摄像机 {camera} 已恢复",
        "opening": "道闸 {barrier} 没有打开",
        "begun": "streamwatch：{text}",
        "over": "已恢复：{text}",
        "test": "streamwatch：测试",
    },
    reasons={
        DecisionReason.UNKNOWN: "没有许可。",
        DecisionReason.BLOCKED: "在黑名单上。",
        DecisionReason.HELD: "已锁车。",
        DecisionReason.MAYBE_BLOCKED: "可能是黑名单车辆。",
        DecisionReason.MAYBE_HELD: "可能是锁车车辆。",
        DecisionReason.OTHER_LANE: "许可不适用于此车道。",
        DecisionReason.NOT_YET_VALID: "许可尚未生效。",
        DecisionReason.EXPIRED: "许可已过期。",
        DecisionReason.USED_UP: "许可次数已用完。",
        DecisionReason.OUTSIDE_HOURS: "不在许可时段内。",
        DecisionReason.UNSURE_READING: "车牌识别不确定。",
        DecisionReason.CLOCK_UNTRUSTED: "系统时钟不可信。",
        DecisionReason.OLD_LIST: "许可名单过旧。",
        DecisionReason.OPENED_OFTEN: "该车牌开闸过于频繁。",
        DecisionReason.PASSED_BACK: "已在场内，或没有入场记录。",
        DecisionReason.FULL: "车位已满。",
        DecisionReason.INEXACT: "车牌与许可不完全一致。",
        DecisionReason.PERMITTED: "有许可。",
        DecisionReason.PROGRAM_ALLOWED: "停车管理软件放行。",
        DecisionReason.PROGRAM_DENIED: "停车管理软件拒绝放行。",
    },
    health={
        "thread_stalled": "程序的一部分没有响应",
        "database_failed": "数据库无法写入",
        "disk_full": "磁盘空间不足",
        "held_back": "付费识别已暂停",
        "held_back_until": "付费识别暂时停止",
        "answer_overdue": "付费识别没有回应",
        "budget_used_up": "识别额度已用完",
        "camera_budget_used_up": "摄像机 {camera} 的识别额度已用完",
        "waiting_long": "图片等待识别时间过长",
        "no_console": "控制台无法打开",
        "camera_frozen": "摄像机 {camera} 画面静止",
        "camera_failed": "摄像机 {camera} 无法工作",
        "camera_away": "摄像机 {camera} 断开",
        "camera_sent_nothing": "摄像机 {camera} 没有画面",
        "barrier_fault": "道闸 {subject} 故障",
        "barrier_not_released": "道闸 {subject} 可能没有落下",
        "kill_switch_on": "已停止所有开闸",
        "receiver_paused": "接收方 {subject} 长时间没有接收",
        "events_lost": "接收方 {subject} 丢失了事件",
        "clock_doubted": "系统时钟不可信",
        "no_vehicle": "摄像机 {camera} 长时间没有车辆",
        "no_vehicle_for_days": "摄像机 {camera} 多日没有车辆",
        "read_rate_fell": "摄像机 {camera} 识别率下降",
        "read_rate_fell_at_night": "摄像机 {camera} 夜间识别率下降",
    },
    seen="时间：{time}",
    held_back="静默时段内：{count}",
    more="另有 {count} 条",
    again="自 {time} 起共 {count} 次",
    digest="昨日 {day}",
    digest_lines={
        "vehicles": "车辆：{}",
        "read": "识别车牌：{}",
        "allowed": "放行：{}",
        "asked": "等待确认：{}",
        "denied": "拒绝：{}",
        "calls": "付费识别：{}",
        "inside": "当前场内：{}",
    },
)
LANGUAGES: Mapping[str, Language] = {"en": ENGLISH, "zh_Hans": CHINESE}
