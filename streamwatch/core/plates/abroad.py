"""Number plates outside mainland China: one table of kinds for each country or region (ISO 3166, lower case).

Some plates are in no table, so they are not read: personalised plates, plates of diplomats and of the forces, and
plates of digits only, which look like a year or a house number. Letters that a rule excludes are left out of the
classes, so a look-alike is decided by its place. Spaces, dashes and seals between the groups do not count as
characters.

Sources, all public:

- hk: Cap. 374E Road Traffic (Registration and Licensing of Vehicles) Regulations; Transport Department, "Vehicle
  registration marks": two letters without I, O and Q, up to four digits without leading zeros; A, F and T alone for
  ambulances, fire services and trade plates.
- mo: Direcção dos Serviços para os Assuntos de Tráfego, "Matrículas": M or M and a letter, then four digits.
- tw: 道路交通安全規則 (Road Traffic Security Rules), article 11 and its annex: since 2012 three letters and four
  digits; before, groups of two and four, of which the short one may hold a digit; motorcycles three and three; no I and
  no O.
- vn: Thông tư 24/2023/TT-BCA: two digits for the province, a serial letter, four or five digits; two letters for
  agencies and projects; a letter and a digit for motorcycles.
- my: Jabatan Pengangkutan Jalan (Road Transport Department): up to three letters without I, O and Z, a number up to
  9999, and in the newer series a letter behind it; Z begins the plates of the forces.
- sg: Land Transport Authority, Road Traffic (Motor Vehicles, Registration and Licensing) Rules: one to three letters
  without I and O, a number up to 9999, and a check letter of nineteen.
- gb: DVLA, INF104 "Vehicle registration numbers and number plates": the series of 2001, 1983 and 1963, those without a
  year, and Northern Ireland's, which alone have I and Z.
- de: Fahrzeug-Zulassungsverordnung (FZV 2023), sections 9 to 12 and annexes 1 to 3: one to three letters for the
  district, one or two, a number up to 9999, at most eight in all; E electric, H historic; 03 to 07 short-term and
  dealer's.
- fr: Arrêté du 9 février 2009 (SIV, no I, O, U), and the series before it (FNI) with the department at the end.
- it: Decreto ministeriale 4 aprile 2011 n. 98 and Codice della strada, article 100: AA 999 AA without I, O, Q and U;
  motorcycles two letters and five digits.
- es: Reglamento General de Vehículos (Real Decreto 2822/1998), annex XVIII: four digits and three consonants without Ñ
  and Q; a letter before them for trailers, tractors, historic and temporary plates; before 2000 by province.
- nl: Rijksdienst voor het Wegverkeer, "Kentekencombinaties": side codes 1 to 14; no C and Q, and no vowels since side
  code 4 but the O of semi-trailers.
- pl: Rozporządzenie Ministra Infrastruktury z 31 sierpnia 2022 (Dz.U. 2022 poz. 1847), annex: two or three letters for
  the district; no B, D, I, O, Q and Z behind them.
- br: Resolução CONTRAN 780/2019 (Mercosul, ABC1D23) and 231/2007 (ABC1234).
- us: the states' motor vehicle agencies, current passenger series as compiled in "United States license plate designs
  and serial formats" (Wikipedia, 2025), which most issue without I and O.
- au: the states' transport agencies, as compiled in Linkt, "Standard licence plate number patterns".
"""

from streamwatch.core.plates.kinds import LETTERS_AND_DIGITS, Form, Kind, numbers, spelled

_ALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NO_I_O = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_NO_I_O_Q = "ABCDEFGHJKLMNPRSTUVWXYZ"


def _without(letters: str) -> str:
    return "".join(letter for letter in _ALL if letter not in letters)


def _kinds(code: str, **forms: tuple[Form, ...]) -> tuple[Kind, ...]:
    return tuple(Kind(f"{code} {name.replace('_', ' ')}", table, LETTERS_AND_DIGITS) for name, table in forms.items())


def _with(head: str, most: int, tail: str = "", least: int = 1) -> list[str]:
    """Return patterns of `head`, a number and `tail`. most, least: digits of the number."""
    return [head + number + tail for number in numbers(most, least)]


_VN = "ABCDEFGHKLMNPSTUVXYZ"
_MY = _without("IOZ")
_SG_CHECK = "ABCDEGHJKLMPRSTUXYZ"
_GB, _GB_AREA = _without("IQ"), _without("IQZ")
_UMLAUTS = _ALL + "ÄÖÜ"
_SIV = _without("IOU")
_FNI = _without("IOQU")
_ES = "BCDFGHJKLMNPRSTVWXYZ"
_NL, _NL_OLD = "BDFGHJKLMNPRSTVWXYZ", _without("CIOQ")
_PL, _PL_DISTRICT = _without("BDIOQZ"), _without("Q")


def _german() -> tuple[Form, ...]:
    """Return the forms of German plates: two to five letters, the first one to three for the district, and a number."""
    plain = [
        "U" * min(letters - 1, 3) + "A" * max(1, letters - 3) + number
        for letters in (2, 3, 4, 5)
        for number in numbers(min(4, 8 - letters))
    ]
    marked = [pattern + "E" for pattern in plain if len(pattern) < 8]
    return spelled(*plain, *marked, A=_ALL, U=_UMLAUTS, E="EH")


ABROAD: dict[str, tuple[Kind, ...]] = {
    "hk": _kinds(
        "hk", ordinary=spelled(*_with("AA", 4), A=_NO_I_O_Q), service=spelled(*_with("S", 4), "T19999", S="AFT")
    ),
    "mo": _kinds("mo", ordinary=spelled("M9999", "MA9999", A=_NO_I_O)),
    "tw": _kinds(
        "tw",
        ordinary=spelled("AAA9999", A=_NO_I_O),
        old=spelled("AX9999", "9A9999", "9999AX", "99999A", A=_NO_I_O, X=_NO_I_O + "0123456789"),
        motorcycle=spelled("AAA999", "999AAA", A=_NO_I_O),
    ),
    "vn": _kinds(
        "vn",
        ordinary=spelled("19A99999", "19A9999", A=_VN),
        agency=spelled("19AA99999", "19AA9999", A=_VN),
        motorcycle=spelled("19A199999", "19A19999", A=_VN),
    ),
    "my": _kinds(
        "my",
        ordinary=spelled(*(form for head in ("A", "AA", "AAA") for form in _with(head, 4)), A=_MY),
        newer=spelled(*(form for head in ("A", "AA", "AAA") for form in _with(head, 4, "A")), A=_MY),
        forces=spelled(*_with("ZA", 4), A=_MY),
    ),
    "sg": _kinds(
        "sg",
        ordinary=spelled(
            *(form for head in ("A", "AA", "AAA") for form in _with(head, 4, "C")), A=_NO_I_O, C=_SG_CHECK
        ),
    ),
    "gb": _kinds(
        "gb",
        current=spelled("RR99AAA", R=_GB_AREA, A=_GB),
        prefix=spelled(*_with("Y", 3, "ARR"), Y=_without("IOQUZ"), R=_GB_AREA, A=_GB),
        suffix=spelled(*_with("ARR", 3, "Y"), Y=_without("IOQUZ"), R=_GB_AREA, A=_GB),
        northern_ireland=spelled(*_with("AIA", 4, least=2), *_with("AAI", 4, least=2), A=_without("Q"), I="IZ"),
        dateless=spelled("AAA199", "199AAA", "AA1999", "1999AA", A=_GB_AREA),
    ),
    "de": _kinds(
        "de",
        ordinary=_german(),
        short_term=spelled(
            *("U" * letters + "0S" + "9" * more for letters in (1, 2, 3) for more in (2, 3, 4) if letters + more < 7),
            U=_UMLAUTS,
            S="34567",
        ),
    ),
    "fr": _kinds(
        "fr",
        ordinary=spelled("AA999AA", A=_SIV),
        old=spelled(
            *(
                number + "A" * letters + place
                for number in numbers(4, 2)
                for letters in (2, 3)
                for place in ("99", "2K")
            ),
            A=_FNI,
            K="AB",
        ),
    ),
    "it": _kinds("it", ordinary=spelled("AA999AA", A=_FNI), motorcycle=spelled("AA99999", A=_FNI)),
    "es": _kinds(
        "es",
        ordinary=spelled("9999AAA", A=_ES),
        special=spelled("S9999AAA", A=_ES, S="CEHPRTV"),
        by_province=spelled(
            *("P9999S", "P9999SS", "FG9999S", "FG9999SS"),
            P="ABCHJLMOPSTVZ",
            F="ABCGHILMNOPSTVZ",
            G=_without("DHJKPQWXYZ"),
            S=_without("QR"),
        ),
    ),
    "nl": _kinds(
        "nl",
        side_codes_1_to_3=spelled("AA9999", "9999AA", "99AA99", A=_NL_OLD),
        side_codes_4_to_6=spelled("FA99AA", "FAAA99", "99AAAA", F=_NL + "O", A=_NL),
        side_codes_7_to_10=spelled("99AAA9", "9AAA99", "AA999A", "A999AA", A=_NL),
        side_codes_11_to_14=spelled("AAA99A", "A99AAA", "9AA999", "999AA9", A=_NL),
    ),
    "pl": _kinds(
        "pl",
        two_letters=spelled("DD99999", "DD9999A", "DD999AA", "DD1A999", "DD1AA99", D=_PL_DISTRICT, A=_PL),
        three_letters=spelled(
            *("DDD" + serial for serial in ("A999", "99AA", "9A99", "99A9", "9AA9", "AA99")),
            *("DDD" + serial for serial in ("99999", "9999A", "999AA", "A99AA", "A9AA9")),
            D=_PL_DISTRICT,
            A=_PL,
        ),
    ),
    "br": _kinds("br", mercosul=spelled("AAA9A99", A=_ALL), old=spelled("AAA9999", A=_ALL)),
    "us": _kinds(
        "us",
        seven=spelled(
            *("AAA9999", "9AAA999", "9999AAA", "AA99999", "9AA9999", "99A9999", "999AAAA", "999A999", "999999A"),
            "99AA999",
            A=_NO_I_O,
        ),
        six=spelled(
            *("AAA999", "999AAA", "AAA99A", "AAAA99", "A99AAA", "9AAA99", "AA9A9A", "A999AA", "9AA999", "9999AA"),
            *("AA9999", "AAA9AA", "999AA9", "A99999"),
            A=_NO_I_O,
        ),
    ),
    "au": _kinds(
        "au",
        new_south_wales=spelled("AA99AA", "AAA99A", A=_ALL),
        queensland=spelled("999AAA", "999AA9", A=_ALL),
        victoria=spelled("AAA999", "9AA9AA", A=_ALL),
        south_australia=spelled("S999AAA", A=_without("Q")),
        western_australia=spelled("9AAA999", A=_ALL),
        tasmania=spelled("A99AA", A=_ALL),
    ),
}
"""The tables by name. Plates of the Australian Capital Territory and the Northern Territory have the forms of New South
Wales."""
