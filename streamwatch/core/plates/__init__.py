"""The grammar of number plates: it normalises, validates, repairs and compares what an engine has read.

A table lists the kinds of plates of one country. Each kind is a list of forms, each form is a list of places, and a
place is the set of characters that may stand there. The patterns of the validator are made from the places, and the
decoder that reads character by character uses the same places.

├── kinds.py      the types that a table is made of
├── china.py      the table of mainland China
├── abroad.py     the tables of other countries and regions, with their sources
├── look_alikes.py   which plates may have been meant by one that was read
├── spelling.py   one spelling of a text, and the distance of two texts
└── grammar.py    which texts are plates: tables by name, and patterns, combined
"""

from streamwatch.core.plates.china import KINDS, LETTERS, NAMES, NEW_ENERGY, OFFICE_LETTERS, PROVINCES, SERIAL
from streamwatch.core.plates.grammar import (
    ANY,
    CHINA,
    FOLDED,
    MANY_LETTERS,
    MARK_LOST,
    MAY_BE_CUT,
    OFFICE_O,
    OTHER,
    REPAIRED,
    TABLES,
    Grammar,
    Plate,
    grammar,
    parse,
)
from streamwatch.core.plates.kinds import DIGITS, Form, Kind
from streamwatch.core.plates.look_alikes import ONE_CONFUSION, TWO_CONFUSIONS, likeness, look_alike_skeletons
from streamwatch.core.plates.spelling import (
    LONGEST_TEXT,
    MOST_PLATES,
    confusable,
    distance,
    legible,
    normalise,
    normalise_glob,
    part_of_plate,
    skeleton,
    unlikeness,
)

__all__ = [
    "ANY",
    "CHINA",
    "DIGITS",
    "FOLDED",
    "KINDS",
    "LETTERS",
    "LONGEST_TEXT",
    "MANY_LETTERS",
    "MARK_LOST",
    "MAY_BE_CUT",
    "MOST_PLATES",
    "NAMES",
    "NEW_ENERGY",
    "OFFICE_LETTERS",
    "OFFICE_O",
    "ONE_CONFUSION",
    "OTHER",
    "PROVINCES",
    "REPAIRED",
    "SERIAL",
    "TABLES",
    "TWO_CONFUSIONS",
    "Form",
    "Grammar",
    "Kind",
    "Plate",
    "confusable",
    "distance",
    "grammar",
    "legible",
    "likeness",
    "look_alike_skeletons",
    "normalise",
    "normalise_glob",
    "parse",
    "part_of_plate",
    "skeleton",
    "unlikeness",
]
