"""The console around the phones: clock, switches, members, attacks, scenes, the log, and the evidence (Q17, Q23)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from reviewbot.simulator.attacks import ATTACKS, fire
from reviewbot.simulator.behaviours import page_of, table_of
from reviewbot.simulator.config import Answer, Member, Refused
from reviewbot.simulator.doors.answers import Handler, serving
from reviewbot.simulator.hand import Hand
from reviewbot.simulator.platform import Platform
from reviewbot.simulator.quirks import Quirks
from reviewbot.simulator.scenes import SCENES, crowd, play


class Console:
    def __init__(self, platform: Platform, hand: Hand, *, texts: bool) -> None:
        self.platform = platform
        self.hand = hand
        self._texts = texts

    def routes(self) -> list[Route]:
        acts: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/sim/quirks": self._set_quirks,
            "/sim/clock": self._set_clock,
            "/sim/members": self._set_members,
            "/sim/members/{userid}": self._change_member,
            "/sim/verify": self._verify,
            "/sim/tokens/kill": self._kill_tokens,
            "/sim/attacks/{name}": self._attack,
            "/sim/scenes/{name}": self._scene,
            "/sim/crowd": self._crowd,
        }
        return [
            Route("/console", serving("console.html")),
            Route("/sim/behaviours", self._behaviours),
            Route("/sim/table", self._table),
            Route("/sim/requests", self._requests),
            Route("/sim/status", self._status),
            Route("/sim/attacks", self._attacks),
            Route("/sim/scenes", self._scenes),
            *(Route(path, self._acting(act), methods=["POST", "DELETE"]) for path, act in acts.items()),
        ]

    def _acting(self, act: Callable[[Request], Awaitable[Answer]]) -> Handler:
        """A wrong order is a 400 with its reason, and then nothing has changed."""

        async def answer(request: Request) -> Response:
            try:
                return JSONResponse({"errcode": 0, **await act(request)})
            except KeyError as wrong:
                return JSONResponse({"errcode": -1, "errmsg": f"没有 {wrong.args[0]}"}, status_code=404)
            except (TypeError, ValueError, AttributeError, Refused) as wrong:
                return JSONResponse({"errcode": -1, "errmsg": str(wrong)}, status_code=400)

        return answer

    # Looking

    async def _behaviours(self, request: Request) -> Response:
        return HTMLResponse(page_of(self.platform.quirks), headers={"Cache-Control": "no-store"})

    async def _table(self, request: Request) -> Response:
        return JSONResponse({"behaviours": table_of(self.platform.quirks)})

    async def _requests(self, request: Request) -> Response:
        """The log, oldest first; of the paths that contain ``path``, and of these the ``last`` so many."""
        part, last = request.query_params.get("path", ""), request.query_params.get("last", "")
        rows = [row for row in self.platform.requests if part in row["path"]]
        return JSONResponse({"requests": rows[-int(last) :] if last.isdecimal() else rows})

    async def _status(self, request: Request) -> Response:
        platform = self.platform
        return JSONResponse(
            {
                "now": platform.now(),
                "rate": platform.now.rate,
                "members": len(platform.people.members),
                "version": platform.version,
                "callback": bool(platform.config.callback_url),
                "contact_callback": platform.config.contact_callback is not None,
                "texts": self._texts,
                "seed": platform.config.seed,
                "counts": dict(platform.counts),
                "quirks": asdict(platform.quirks),
                "usual": asdict(Quirks()),
            }
        )

    async def _attacks(self, request: Request) -> Response:
        rows = [{"name": a.name, "title": a.title, "refused": a.refused} for a in ATTACKS.values()]
        return JSONResponse({"attacks": rows})

    async def _scenes(self, request: Request) -> Response:
        return JSONResponse(
            {"scenes": [{"name": s.name, "title": s.title, "q": s.q} for s in SCENES.values()]}
        )

    # Acting

    async def _set_quirks(self, request: Request) -> Answer:
        self.platform.set_quirks(dict(await request.json()))
        self.platform.version += 1
        return {"quirks": asdict(self.platform.quirks)}

    async def _set_clock(self, request: Request) -> Answer:
        """``set`` a moment (seconds or ISO 8601), ``advance`` by seconds, run at a ``rate``."""
        told = await request.json()
        if not isinstance(told, dict) or not set(told) <= {"set", "advance", "rate"}:
            raise ValueError("可用 set、advance、rate")
        clock = self.platform.now
        at, rate, ahead = told.get("set"), told.get("rate"), float(told.get("advance") or 0)
        if isinstance(at, str):
            at = datetime.fromisoformat(at).timestamp()
        if rate is not None and not 0 <= float(rate) <= 100_000:
            raise ValueError("rate 在 0 和 100000 之间")
        clock.set(None if at is None else float(at), rate=None if rate is None else float(rate))
        clock.advance(ahead)
        self.platform.version += 1
        return {"now": clock(), "rate": clock.rate}

    async def _set_members(self, request: Request) -> Answer:
        rows: Iterable[Mapping[str, Any]] = await request.json()
        members = [_member(row) for row in rows]
        self.platform.set_members(members)
        return {"members": len(members)}

    async def _change_member(self, request: Request) -> Answer:
        """Add, change or (DELETE) remove one member; the application and the contacts callback are told."""
        userid = request.path_params["userid"]
        known = self.platform.people.find(userid)
        if request.method == "DELETE":
            if known is None:
                raise KeyError(userid)
            member, names = known, ["unsubscribe", "delete_user"]
            self.platform.people.remove(userid)
        else:
            row = asdict(known) if known else {"userid": userid, "name": userid}
            member = _member({**row, **await request.json(), "userid": userid})
            self.platform.people.put(member)
            names = ["update_user"] if known else ["subscribe", "create_user"]
        self.platform.version += 1
        told = [outcome for name in names for outcome in await play(self.hand, SCENES[name], member)]
        return {"told": [asdict(outcome) for outcome in told]}

    async def _verify(self, request: Request) -> Answer:
        outcome = await self.hand.pusher.verify()
        return {"delivered": outcome.delivered, "status": outcome.status}

    async def _kill_tokens(self, request: Request) -> Answer:
        self.platform.tokens.kill()
        return {}

    async def _attack(self, request: Request) -> Answer:
        """One attack by name, or ``all`` of them; the victim may be named, and what the forged message says."""
        told = dict(await request.json()) if await request.body() else {}
        name = request.path_params["name"]
        member = self._someone(told.get("userid"))
        agent_id = self.platform.config.agents[0].agent_id
        verdicts = []
        for one in ATTACKS if name == "all" else [name]:
            number = int(self.platform.next_id())
            content = str(told.get("content") or "攻击")
            event = self.hand.event(member, "text", Content=content, MsgId=number, AgentID=agent_id)
            verdict = await fire(self.hand.pusher, one, agent_id, event)
            judged = ("正确：" if verdict.good else "有问题：") + verdict.remark
            self.platform.log("ATTACK", one, judged, verdict.status, seconds=verdict.seconds)
            verdicts.append(asdict(verdict))
        return {"verdicts": verdicts, "good": all(verdict["good"] for verdict in verdicts)}

    async def _scene(self, request: Request) -> Answer:
        told = dict(await request.json()) if await request.body() else {}
        scene = SCENES[request.path_params["name"]]
        outcomes = await play(self.hand, scene, self._someone(told.get("userid")))
        return {"outcomes": [asdict(outcome) for outcome in outcomes]}

    async def _crowd(self, request: Request) -> Answer:
        """Everybody named (or the first ``count``) says ``content``, or presses ``key`` on ``task_id``, at once."""
        told = dict(await request.json())
        everybody = list(self.platform.people.members.values())
        named = [self._someone(userid) for userid in told.get("userids") or ()]
        people = named or everybody[: int(told.get("count") or 20)]
        if task_id := told.get("task_id"):
            key = str(told["key"])
            acts = [partial(self.hand.press, member, str(task_id), key, {}) for member in people]
        else:
            acts = [partial(self.hand.say, member, str(told.get("content") or "收到")) for member in people]
        outcomes = await crowd(acts)
        return {"acts": len(acts), "delivered": sum(outcome.delivered for outcome in outcomes)}

    def _someone(self, userid: str | None) -> Member:
        people = self.platform.people
        member = people.find(userid) if userid else next(iter(people.members.values()), None)
        if member is None:
            raise KeyError(userid or "成员")
        return member


def _member(row: Mapping[str, Any]) -> Member:
    names = {field.name for field in fields(Member)}
    return Member(**{name: str(value) for name, value in row.items() if name in names})
