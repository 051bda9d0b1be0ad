"""The texts of an XML document by the path of their elements: no DTD, no entities of its own, bounded."""

from collections.abc import Mapping
from xml.parsers import expat

from streamwatch.capture.push.pushed import BadPush

MOST_BYTES, MOST_ELEMENTS, DEEPEST = 256_000, 2000, 20
"""Upper limits of the bytes, of the elements, and of the elements around each other."""


def texts(document: bytes) -> Mapping[str, str]:
    """Return the text of each element by the names of the elements around it, such as `ANPR/line`, without the root.

    Of several elements with one path the first counts. Namespaces are left out. Raise BadPush.
    """
    if len(document) > MOST_BYTES:
        raise BadPush("its XML is too long")
    path: list[str] = []
    here: list[list[str]] = []
    open_texts: list[list[str]] = []
    found: dict[str, list[str]] = {}
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    elements = 0

    def refuse(*_: object) -> None:
        raise BadPush("its XML has a document type")

    def start(tag: str, _: object) -> None:
        nonlocal elements
        elements += 1
        path.append(tag.rsplit(" ", 1)[-1])
        if elements > MOST_ELEMENTS or len(path) > DEEPEST:
            raise BadPush("its XML has too many elements")
        here.append(found.setdefault("/".join(path[1:]), []))
        open_texts.append([])

    def end(_: str) -> None:
        texts_here = here.pop()
        texts_here.append("".join(open_texts.pop()))
        path.pop()

    def data(text: str) -> None:
        if open_texts:
            open_texts[-1].append(text)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise BadPush("it is not XML") from None
    return {where: some[0].strip() for where, some in found.items() if some}
