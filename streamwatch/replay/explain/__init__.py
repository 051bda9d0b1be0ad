"""Why calls were made or not: a replay's frames and decisions, collected, counted and shown on a page."""

from streamwatch.replay.explain.account import print_account
from streamwatch.replay.explain.page import page_of, page_place, refuse_place
from streamwatch.replay.explain.replay_settings import Answers, ReplaySettings
from streamwatch.replay.explain.trace import Trace

__all__ = ["Answers", "ReplaySettings", "Trace", "page_of", "page_place", "print_account", "refuse_place"]
