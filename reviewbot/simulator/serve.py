"""The simulator that uvicorn imports for a demonstration: members and keys from the environment."""

import csv
import os
from pathlib import Path

from starlette.routing import Route

from reviewbot.rules.lifecycle import Role
from reviewbot.simulator.config import Agent, Callback, Member, SimulatorConfig
from reviewbot.simulator.server import create_simulator
from reviewbot.simulator.texts import TextMessages


def members_of(city: Path) -> list[Member]:
    """Everybody in a city's staff.csv as a member with a phone."""
    with (city / "departments.csv").open(encoding="utf-8-sig", newline="") as file:
        units = {row["code"]: row["short_name"] for row in csv.DictReader(file)}
    with (city / "staff.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            Member(
                userid=row["userid"],
                name=row["name"],
                department=units[row["department"]],
                title="、".join(Role(role).label for role in row["roles"].split(";")),
            )
            for row in csv.DictReader(file)
        ]


def from_environment() -> SimulatorConfig:
    told = os.environ
    token = told.get("REVIEWBOT_DIRECTORY__CALLBACK_TOKEN", "")
    key = told.get("REVIEWBOT_DIRECTORY__CALLBACK_AES_KEY", "")
    contacts = (
        Callback(told["REVIEWBOT_PUBLIC_URL"] + "/wecom/contacts", token, key) if token and key else None
    )
    return SimulatorConfig(
        corp_id=told["REVIEWBOT_WECOM__CORP_ID"],
        agents=(
            Agent(
                agent_id=int(told["REVIEWBOT_WECOM__AGENT_ID"]),
                secret=told["REVIEWBOT_WECOM__SECRET"],
                name="好差评",
                home_url=told["REVIEWBOT_PUBLIC_URL"],
            ),
        ),
        callback_url=told["REVIEWBOT_PUBLIC_URL"] + "/wecom/callback",
        callback_token=told["REVIEWBOT_WECOM__CALLBACK_TOKEN"],
        callback_aes_key=told["REVIEWBOT_WECOM__CALLBACK_AES_KEY"],
        contact_secret=told.get("REVIEWBOT_DIRECTORY__CONTACTS_SECRET", ""),
        contact_callback=contacts,
        members=members_of(Path(told["REVIEWBOT_CITY"])),
    )


def texts_from_environment() -> list[Route]:
    """The text-message gateway, where one is configured to be played."""
    account, secret = os.environ.get("REVIEWBOT_SMS__ACCOUNT"), os.environ.get("REVIEWBOT_SMS__SECRET")
    return TextMessages(account, secret).routes() if account and secret else []


app = create_simulator(from_environment(), texts_from_environment())
