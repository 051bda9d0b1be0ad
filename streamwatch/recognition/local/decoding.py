"""Finds the plate that a text network's probabilities show: the most likely reading that the grammar of plates allows.

The network (CTC, Graves et al. 2006) gives for each of T narrow columns of a picture, left to right, the probability of
each character of its alphabet, or of "nothing new". The likeliest characters of the columns may spell any text at all.
Here a path may only spell a form of the grammar's kinds, place by place, with anything before and after it. So a
province is found that the network only half sees, and an O counts for a 0 where only a 0 can stand.

Several views of the same plate are read together. Each view proposes the plates of its best paths. The plate wins that
is the likeliest in the mean of all views, over all paths that spell it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamwatch.core import plates
from streamwatch.recognition.local.ctc import NOT_A_FORM, Paths
from streamwatch.recognition.local.marks import FLOOR, Alphabet, Floats, Numbers, Probabilities, Seen
from streamwatch.recognition.local.provinces import MEANT

# Weight by which a character that cannot stand at a place speaks for one that can, by the cost of confusing the two.
_SHARED = {0.25: 0.1, 0.5: 0.02}
_SHARE_BESIDE_DIGIT = 0.3
"""Factor of this weight for an O or I at a place where the digit can stand: it speaks mainly for the digit there."""
_ROUND = 0.3
"""Weight by which a 0 speaks for an O as the office letter of a police plate. It may also be a D, or a worn Q."""
_FOLDED = {("0", "O"): 1.0, ("1", "I"): 1.0, ("O", "0"): 1.0, ("I", "1"): 1.0}
# Prior probability of a kind at a gate. A letter pair such as MA is far more often a blurred 川A than an army car.
# Paper plates and motorcycles are not looked for at all.
_RARE = {"military": 0.001, "embassy": 0.1, "old embassy": 0.001, "old consulate": 0.1, "civil aviation": 0.1}
_OFFICE_O = 1.05 * _SHARED[0.25]
"""The prior of an O as office letter on a plate without 警, which only older official cars have. A 0 or O there is no
more likely than a Q whose tail is lost, so this is never sure."""
_BLURRED_O = 0.5
"""Nats that a plate with such an O loses for each nat that its characters lack."""
_HEADQUARTERS = 0.05
"""The prior of an armed police plate without a province, which only headquarters have."""
_SHORT = {3: 0.01, 4: 0.1}
"""The prior of a foreign plate by its length: texts this short are more often other writing."""
_MANY_LETTERS = math.log(0.05)
"""The prior, as a log, of a serial with more than two letters, which only plates of the owner's own choice have."""
_RARE_ABROAD = {
    **dict.fromkeys(("gb prefix", "gb northern ireland", "fr old", "es by province", "tw old"), 0.1),
    **dict.fromkeys(("gb suffix", "gb dateless", "de short term", "nl side codes 1 to 3"), 0.01),
}
_MISTAKEN = 3.0
"""Nats by which a character that is seen as itself is likelier than one that is seen as its look-alike, if several
forms of other countries fit."""
_OTHER_THAN_TEXT = 6.0
"""Nats by which a text that matches another country's plate in every place is likelier to be one than not."""
PART_OF_CHINAS = 6.0
"""Nats by which a foreign reading must beat a Chinese one that contains it. A province that is too blurred to be seen
leaves a rest that is a plate elsewhere."""
_RARE_IN_TWO_LINES = {"new energy small": 0.003, "new energy large": 0.003}
"""These plates have one line on every vehicle (GA 36). One that seems to have two is a truck's plate and a speck."""
_NOT_SOUGHT = {"temporary", "emergency motorcycle"}
_AT_HOME = 0.5
"""Share of the vehicles that come from the gate's own province, if it is known; the others come from any."""
_SECOND_OPINION = 2.0
"""Weight of a second opinion on the province against the views of the whole plate."""
_FORMS_PER_VIEW = 4
_PROVINCES_PER_VIEW = 5
_LEAST_SECOND = 0.003
"""Probability from which on the second likeliest character of a place is weighed as well."""
_LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + plates.DIGITS


@dataclass(frozen=True, slots=True)
class DecodedPlate:
    """The best plate of some views.

    score: log probability of the plate, the mean of the views, including what had to be passed over and how rare the
    kind is; at most 0. lead: the difference to the score of the next best plate, or of any text. peaks: the places of
    its characters in the first view, as fractions of the view's width.
    """

    text: str
    kind: str
    score: float
    lead: float
    peaks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Spelling:
    """A form, the characters chosen for its places, and the columns of a view in which they were seen.

    mistaken: how many characters of a foreign plate were seen as a look-alike.
    """

    form: int
    text: str
    peaks: tuple[float, ...] = field(compare=False)
    mistaken: int = field(compare=False)


class PlateDecoder:
    """Reads plates from the probabilities of a network with the given alphabet (entry 0 means "nothing new").

    home_province: one of `plates.PROVINCES` that is likelier than the others, "" for none. kinds: the plates that
    exist.
    """

    def __init__(
        self, alphabet: Sequence[str], home_province: str = "", kinds: Sequence[plates.Kind] = plates.KINDS
    ) -> None:
        forms = [(kind.name, form) for kind in kinds if kind.name not in _NOT_SOUGHT for form in kind.forms]
        self._kinds = [name for name, _ in forms]
        self._forms = [form for _, form in forms]
        self._priors = np.log([_share(name, form) for name, form in forms])
        self._priors_in_two_lines = self._priors + np.log([_RARE_IN_TWO_LINES.get(name, 1.0) for name in self._kinds])
        in_forms = {char for form in self._forms for place in form for char in place}
        self.alphabet = Alphabet(alphabet, sorted(in_forms | {*_LATIN, *plates.PROVINCES}))
        self._home, self._frequency = home_province, _frequency(home_province)
        self._weights, self._place_of = self._place_weights()
        self._paths = Paths(np.array([len(form) for form in self._forms], np.int64), self._place_of)

    def _place_weights(self) -> tuple[Probabilities, Numbers]:
        """Return (kinds of place, mark, meant character): how far a mark speaks for a character that may stand there.

        And (forms, places): the kind of each place; a place beyond the form's end is of any kind.
        """
        characters, row = self.alphabet.characters, self.alphabet.row
        confused = np.array([[_weight(meant, seen) for meant in characters] for seen in characters])
        same = np.eye(len(characters))
        taken = np.array([[float(meant == taken) for meant in characters] for taken in MEANT])
        kinds = {place: n for n, place in enumerate(dict.fromkeys(place for form in self._forms for place in form))}
        weights = np.zeros((len(kinds), len(same) + len(taken), len(same)), np.float32)
        for place, n in kinds.items():
            allowed = np.array([char in place for char in characters])
            marks = np.concatenate([np.where(allowed[:, None], same, confused), taken])
            for letter, digit in ("O0", "I1"):
                if digit in place and letter not in place:
                    marks[row[letter]] *= _SHARE_BESIDE_DIGIT
                    marks[row[letter], row[digit]] = 1.0
            if place == plates.OFFICE_LETTERS:
                marks[row["0"], row["O"]] = _ROUND
                marks[row["O"], [row["D"], row["Q"]]] = _SHARED[0.25]
            weights[n][:, allowed] = marks[:, allowed]
        place_of = np.zeros((len(self._forms), max(map(len, self._forms), default=1)), np.int64)
        for f, form in enumerate(self._forms):
            place_of[f, : len(form)] = [kinds[place] for place in form]
        return weights, place_of

    def decode(
        self, views: Sequence[Seen], province: Floats | None = None, *, two_lines: bool = False
    ) -> DecodedPlate | None:
        """Return the best plate in views of the same place; None if they have too few columns for any.

        province: a second opinion on the province, as log evidence for each of `plates.PROVINCES`. two_lines: the views
        were put together from two lines, one above the other.
        """
        if not self._forms:
            return None
        priors = self._priors_in_two_lines if two_lines else self._priors
        shares = [(seen.marks @ self._weights).swapaxes(0, 1) for seen in views]
        blanks = [np.log(seen.blank + FLOOR) for seen in views]
        proposed = dict.fromkeys(
            one
            for share, blank, seen in zip(shares, blanks, views, strict=True)
            for one in self._proposals(share, blank, seen, priors, province)
        )
        if not proposed:
            return None
        spellings = list(proposed)
        forms, rows = np.array([one.form for one in spellings]), self._rows(spellings)
        scores = np.mean(
            [self._paths.likelihoods(forms, rows, *view) for view in zip(shares, blanks, strict=True)], axis=0
        )
        seen_at_all = scores.copy()
        scores += [priors[one.form] + self._rarity(one) + _opinion(one.text, province) for one in spellings]
        # Priors decide between plates, but make none of them clearer.
        ranks = scores + [self._frequency.get(one.text[0], 0.0) for one in spellings]
        ranks -= _MISTAKEN * np.array([one.mistaken for one in spellings])
        ranks -= PART_OF_CHINAS * np.array(self._parts(spellings))
        # Where the rest of the plate is blurred, an O is probably a Q that has lost its tail.
        ranks += _BLURRED_O * seen_at_all * np.array([_is_office_o(self._kinds[o.form], o.text) for o in spellings])
        best = int(ranks.argmax())
        chosen = spellings[best]
        others = [rank for rank, one in zip(ranks, spellings, strict=True) if one.text != chosen.text]
        lead = float(ranks[best] - max(others, default=NOT_A_FORM))
        kind = self._kinds[chosen.form]
        if kind not in plates.NAMES:
            lead = min(lead, float(seen_at_all[best]) - _any_text(views) + _OTHER_THAN_TEXT)
        return DecodedPlate(chosen.text, kind, float(scores[best]), lead, chosen.peaks)

    def _rows(self, spellings: Sequence[_Spelling]) -> Numbers:
        """Return (spellings, places) the characters spelt; beyond a form's end, the last one."""
        most = self._place_of.shape[1]
        return np.array([[self.alphabet.row[char] for char in one.text.ljust(most, one.text[-1])] for one in spellings])

    def _rarity(self, one: _Spelling) -> float:
        """Return the log of how rare the text is among those of its form."""
        letters = sum(char in plates.LETTERS for char in one.text[2:])
        return _MANY_LETTERS if self._kinds[one.form] == "ordinary" and letters > 2 else 0.0

    def _parts(self, spellings: Sequence[_Spelling]) -> list[bool]:
        """Return True for each foreign plate that is a part of one of China's."""
        chinas = {one.text for one in spellings if self._kinds[one.form] in plates.NAMES}
        return [
            self._kinds[one.form] not in plates.NAMES and any(one.text in whole for whole in chinas)
            for one in spellings
        ]

    def _proposals(
        self, shares: Probabilities, blank: Floats, seen: Seen, priors: Floats, province: Floats | None
    ) -> Iterator[_Spelling]:
        """Return the plates of the best paths of the best forms.

        Each comes also with the second likeliest character of a place, and with other provinces that can be seen.
        """
        characters, row = self.alphabet.characters, self.alphabet.row
        picks = shares.argmax(axis=2)[:, self._place_of]
        places = np.log(np.clip(shares.max(axis=2), FLOOR, 1))[:, self._place_of]
        scores, paths = self._paths.best_paths(places, picks, blank)
        scores = scores + priors
        for form in np.argsort(-scores)[:_FORMS_PER_VIEW]:
            if scores[form] <= NOT_A_FORM / 2:
                return
            stays = [np.flatnonzero(paths[:, form] == 2 * n + 1) for n in range(len(self._forms[form]))]
            peaks = [int(stay[np.argmax(places[stay, form, n])]) for n, stay in enumerate(stays)]
            text = "".join(characters[picks[peak, form, n]] for n, peak in enumerate(peaks))
            where = tuple((peak + 0.5) / len(blank) for peak in peaks)
            texts, mistaken = [text], 0
            for n, (peak, char) in enumerate(zip(peaks, text, strict=True)):
                share, itself = shares[peak, self._place_of[form, n]], seen.marks[peak]
                mistaken += bool(itself[row[char]] < share.max() / 2)
                second = int(np.argsort(share)[-2])
                if itself[second] > _LEAST_SECOND:
                    texts.append(text[:n] + characters[second] + text[n + 1 :])
                if char in plates.PROVINCES:
                    others = [characters[m] for m in np.argsort(-share)[:_PROVINCES_PER_VIEW] if share[m] > 0]
                    others += [self._home] if self._home else []
                    if province is not None:
                        others += [plates.PROVINCES[m] for m in np.argsort(-province)[:_PROVINCES_PER_VIEW]]
                    texts += [text[:n] + other + text[n + 1 :] for other in others]
            if self._kinds[form] in plates.NAMES:
                mistaken = 0
            yield from (_Spelling(int(form), one, where, mistaken) for one in texts)


def _share(kind: str, form: plates.Form) -> float:
    """Return how frequent plates of this form are at a gate, relative to the most frequent."""
    if kind not in plates.NAMES:
        return _SHORT.get(len(form), 1.0) * _RARE_ABROAD.get(kind, 1.0)
    if kind == "armed police" and len(form) == 7:
        return _HEADQUARTERS
    return _OFFICE_O if _is_office_o(kind, form) else _RARE.get(kind, 1.0)


def _is_office_o(kind: str, form: Sequence[str]) -> bool:
    return kind == "ordinary" and form[1] == "O"


def _any_text(views: Sequence[Seen]) -> float:
    """Return the log probability of the likeliest text, the mean of the views; only for plates without Chinese."""
    best = []
    for seen in views:
        marks = seen.marks[:, : -len(MEANT)]
        rest = 1 - seen.blank - marks.sum(axis=1)
        likeliest = np.maximum(np.maximum(seen.blank, marks.max(axis=1)), rest)
        best.append(float(np.log(likeliest + FLOOR).sum()))
    return float(np.mean(best))


def _frequency(home: str) -> dict[str, float]:
    """Return the log of how much more frequent each province is than if all were equally frequent."""
    if not home:
        return {}
    elsewhere = math.log(1 - _AT_HOME)
    return {
        province: math.log(_AT_HOME * len(plates.PROVINCES)) if province == home else elsewhere
        for province in plates.PROVINCES
    }


def _opinion(text: str, province: Floats | None) -> float:
    number = plates.PROVINCES.find(text[0])
    if province is None or number < 0:
        return 0.0
    return _SECOND_OPINION * float(province[number] - province.max())


def _weight(meant: str, seen: str) -> float:
    # A letter says nothing about a province: otherwise noise in an unreadable province would always make it a 川.
    if not (meant.isascii() and seen.isascii()):
        return 0.0
    return _FOLDED.get((meant, seen), _SHARED.get(plates.distance(meant, seen), 0.0))
