"""What each move asks for, changes and owes: its conditions before the status changes, its messages after."""

from reviewbot.actions.effects.appeals import APPEALS
from reviewbot.actions.effects.call_back import CALL_BACK
from reviewbot.actions.effects.core import CORE
from reviewbot.actions.effects.extensions import EXTENSIONS
from reviewbot.actions.effects.handing import HANDING
from reviewbot.actions.effects.joint import JOINT
from reviewbot.actions.effects.returns import RETURNS
from reviewbot.actions.step import Effect
from reviewbot.rules.lifecycle import Move

EFFECTS: dict[Move, Effect] = CORE | CALL_BACK | RETURNS | JOINT | EXTENSIONS | APPEALS | HANDING
