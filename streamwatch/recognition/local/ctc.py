"""Connectionist temporal classification (CTC, Graves et al. 2006): the texts that the columns of a view may spell.

A form is a row of places. A path goes through the states blank, place 0, blank, place 1, …, blank, and may stay in each
for any number of columns.
"""

import numpy as np

from streamwatch.recognition.local.marks import FLOOR, Floats, Numbers, Probabilities

NOT_A_FORM = -1e9
"""Log probability of what cannot be."""
_OTHER_TEXT = 0.01
"""Probability of a column before or after the plate that is passed over although something is written there."""


class Paths:
    """The paths through forms. lengths: places of each form. place_of: (forms, places) the kind of each place."""

    def __init__(self, lengths: Numbers, place_of: Numbers) -> None:
        self._lengths, self._place_of = lengths, place_of

    def likelihoods(self, forms: Numbers, rows: Numbers, shares: Probabilities, blank: Floats) -> Floats:
        """Return the log probability of each spelling over all paths: the forward half of forward-backward.

        forms: (spellings,) numbers of forms. rows: (spellings, places) the characters spelt; beyond a form's end, the
        last one. shares: (kinds of place, T, characters). blank: (T,) log probability of nothing.
        """
        steps, count, most = len(blank), len(forms), int(self._lengths.max())
        emit = self._emissions(np.log(np.clip(shares[:, self._place_of[forms], rows], FLOOR, 1)), blank, forms)
        differs = rows[:, 1:] != rows[:, :-1]
        score = np.full((count, 2 * most + 1), NOT_A_FORM)
        score[:, :2] = emit[0, :, :2]
        moves = np.full((3, count, 2 * most + 1), NOT_A_FORM)
        for t in range(1, steps):
            moves[0] = score
            moves[1, :, 1:] = score[:, :-1]
            moves[2, :, 3::2] = np.where(differs, score[:, 1:-2:2], NOT_A_FORM)
            top = moves.max(axis=0)
            score = top + np.log(np.exp(moves - top).sum(axis=0)) + emit[t]
        every, last = np.arange(count), 2 * self._lengths[forms]
        return np.asarray(np.logaddexp(score[every, last - 1], score[every, last]), np.float64)

    def best_paths(self, places: Floats, picks: Numbers, blank: Floats) -> tuple[Floats, Numbers]:
        """Return by Viterbi the log probability of each form's best path, and (T, forms) the states of the paths."""
        steps, forms, most = places.shape
        every = np.arange(forms)
        emit = self._emissions(places, blank, every)
        # A place keeps its character while the path stays in it, and two places touch only if their characters differ.
        # Otherwise one 8 would count for two.
        changed = picks[1:] != picks[:-1]
        differs = picks[1:, :, 1:] != picks[:-1, :, :-1]
        score = np.full((forms, 2 * most + 1), NOT_A_FORM)
        score[:, :2] = emit[0, :, :2]
        came = np.zeros((steps, forms, 2 * most + 1), np.int64)
        moves = np.full((3, forms, 2 * most + 1), NOT_A_FORM)
        for t in range(1, steps):
            moves[0] = score
            moves[0, :, 1::2][changed[t - 1]] = NOT_A_FORM
            moves[1, :, 1:] = score[:, :-1]
            moves[2, :, 3::2] = np.where(differs[t - 1], score[:, 1:-2:2], NOT_A_FORM)
            came[t] = moves.argmax(axis=0)
            score = moves.max(axis=0) + emit[t]
        ends = np.stack([score[every, 2 * self._lengths - 1], score[every, 2 * self._lengths]])
        states = 2 * self._lengths - 1 + ends.argmax(axis=0)
        paths = np.empty((steps, forms), np.int64)
        for t in range(steps - 1, -1, -1):
            paths[t] = states
            states = states - came[t, every, states]
        return ends.max(axis=0), paths

    def _emissions(self, places: Floats, blank: Floats, forms: Numbers) -> Floats:
        """Return (T, count, states): log probability of each column in the states blank, place 0, …, blank."""
        steps, count, most = places.shape
        emit = np.empty((steps, count, 2 * most + 1))
        emit[:, :, 0::2] = blank[:, None, None]
        emit[:, :, 1::2] = places
        around = np.maximum(blank, np.log(_OTHER_TEXT))[:, None]
        emit[:, :, 0] = around
        emit[:, np.arange(count), 2 * self._lengths[forms]] = around
        return emit
