"""Why calls were made or not: what a replay saw, collected, counted and told on a page."""

from streamwatch.replay.explain.account import print_account
from streamwatch.replay.explain.page import page_of, page_place, refuse_place
from streamwatch.replay.explain.trace import Trace
from streamwatch.replay.explain.used import Answers, Used

__all__ = ["Answers", "Trace", "Used", "page_of", "page_place", "print_account", "refuse_place"]
