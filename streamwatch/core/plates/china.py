"""The table of the kinds of number plates of mainland China, after GA 36-2018."""

from itertools import product

from streamwatch.core.plates.kinds import DIGITS, O_AND_I, Form, Kind

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters of a serial; I and O are never used there."""
OFFICE_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
"""Letters of the second place. O stands for provincial authorities, on police plates and older official cars."""
SERIAL = LETTERS + DIGITS
NEW_ENERGY = "ABCDEFGHJK"
"""A to E: battery electric. F to K: other new energy."""

_OFFICE_O = {**O_AND_I, "0": "O"}


def _temporary() -> tuple[Form, ...]:
    head = [
        ("临", *province, *letter, *[SERIAL] * count)
        for province, letter, count in product([(PROVINCES,), ()], [(LETTERS,), ()], (4, 5, 6))
    ]
    tail = [(PROVINCES, *letter, *[SERIAL] * count, "临试超") for letter, count in product([(LETTERS,), ()], (4, 5, 6))]
    return (*head, *tail)


_ARMED_TAIL = DIGITS + "TDSHBXJ"

KINDS: tuple[Kind, ...] = (
    Kind("new energy small", ((PROVINCES, LETTERS, NEW_ENERGY, SERIAL, *[DIGITS] * 4),)),
    Kind("new energy large", ((PROVINCES, LETTERS, *[DIGITS] * 5, NEW_ENERGY),)),
    Kind("cross-border", (("粤", "Z", *[SERIAL] * 4, "港澳"),)),
    Kind("trailer", ((PROVINCES, LETTERS, *[SERIAL] * 4, "挂"),)),
    Kind("driving school", ((PROVINCES, LETTERS, *[SERIAL] * 4, "学"),)),
    Kind("police", ((PROVINCES, OFFICE_LETTERS, *[SERIAL] * 4, "警"),), _OFFICE_O),
    Kind("consulate", ((PROVINCES, *[DIGITS] * 5, "领"),)),
    Kind("old consulate", ((PROVINCES, LETTERS, *[SERIAL] * 4, "领"),)),
    Kind("embassy", ((*[DIGITS] * 6, "使"),)),
    Kind("old embassy", (("使", *[OFFICE_LETTERS + "I" + DIGITS] * 6),)),
    Kind("emergency", ((PROVINCES, "XS", *[DIGITS] * 4, "应", "急"), (PROVINCES, *[DIGITS] * 5, "应", "急"))),
    Kind("emergency motorcycle", (("应", "急", PROVINCES, *[DIGITS] * 3, "XS"),)),
    Kind("armed police", (("W", "J", PROVINCES, *[DIGITS] * 4, _ARMED_TAIL), ("W", "J", *[DIGITS] * 4, _ARMED_TAIL))),
    Kind("military", ((LETTERS, LETTERS, *[DIGITS] * 5),)),
    Kind("civil aviation", (("民", "航", *[SERIAL] * 5),)),
    Kind("ordinary", ((PROVINCES, LETTERS, *[SERIAL] * 5), (PROVINCES, "O", *[SERIAL] * 5))),
    Kind("temporary", _temporary()),
)
"""All kinds, in the order in which they are tried. The first full match wins."""
NAMES = frozenset(kind.name for kind in KINDS)
