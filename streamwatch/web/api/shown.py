"""The objects of the JSON output as one who asks may see them."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException

from streamwatch.app.representation import (
    CallObject,
    KeyframeObject,
    PassageDetailObject,
    PassageObject,
    ReadingObject,
    SightingDetailObject,
    SightingObject,
    keyframe_object,
    passage_detail_object,
    passage_object,
    sighting_detail_object,
    sighting_object,
)
from streamwatch.core.codes import Role
from streamwatch.store import CallRow, KeyframeRow, PassageDetail, PassageRow, ReadingRow, Search, SightingRow
from streamwatch.web.passage_view import plate_for
from streamwatch.web.principal import Principal


class Shown:
    """Makes objects for one who asks. Plates are masked for whom `web.mask_for` says, and calls are for managers."""

    def __init__(self, principal: Principal, base: str = "") -> None:
        """base: what stands before the addresses of pictures, such as `https://gate.example`."""
        self._principal, self._base = principal, base

    @property
    def scope(self) -> frozenset[str] | None:
        """The cameras that may be seen; None for all."""
        return self._principal.cameras

    def may_search(self, search: Search | None) -> None:
        """Raise HTTPException for a search by plate of one who sees plates only in part."""
        if search is not None and search.plate is not None and self._principal.masks_plates:
            raise HTTPException(403, "You see plates only in part, so you cannot search for one.")

    def sighting(self, row: SightingRow) -> SightingObject:
        """Return a sighting."""
        found = sighting_object(row, self._where)
        return found.model_copy(update={"plate": self._plate(found.plate)}) if self._principal.masks_plates else found

    def sighting_detail(self, row: SightingRow, passages: Sequence[PassageDetail]) -> SightingDetailObject:
        """Return a sighting with those of its passages that may be seen."""
        found = sighting_detail_object(row, [], self._where)
        update = {"plate": self._plate(found.plate), "passages": [self.detail(passage) for passage in passages]}
        return found.model_copy(update=update)

    def passage(self, row: PassageRow) -> PassageObject:
        """Return a passage."""
        found = passage_object(row, self._where)
        return found.model_copy(update={"plate": self._plate(found.plate)}) if self._principal.masks_plates else found

    def detail(self, detail: PassageDetail) -> PassageDetailObject:
        """Return all of a passage."""
        found = passage_detail_object(detail, self._where, costs=self._principal.role.at_least(Role.MANAGER))
        if not self._principal.masks_plates:
            return found
        update = {
            "plate": self._plate(found.plate),
            "others": [self._plate(plate) for plate in found.others],
            "readings": [self._masked(reading) for reading in found.readings],
            "calls": None
            if found.calls is None
            else [call.model_copy(update={"answer": None}) for call in found.calls],
        }
        return found.model_copy(update=update)

    def keyframe(self, row: KeyframeRow) -> KeyframeObject:
        """Return a keyframe."""
        return keyframe_object(row, self._where)

    def reading(self, row: ReadingRow) -> ReadingObject:
        """Return a reading."""
        found = ReadingObject.model_validate(row)
        return self._masked(found) if self._principal.masks_plates else found

    def call(self, row: CallRow) -> CallObject:
        """Return a call."""
        found = CallObject.model_validate(row)
        return found.model_copy(update={"answer": None}) if self._principal.masks_plates else found

    def _masked(self, reading: ReadingObject) -> ReadingObject:
        return reading.model_copy(update={"raw": self._plate(reading.raw), "plate": self._plate(reading.plate)})

    def _plate(self, plate: str | None) -> str | None:
        return None if plate is None else plate_for(self._principal, plate)

    def _where(self, keyframe: int, _: str) -> str:
        return f"{self._base}/api/v1/keyframes/{keyframe}/picture"
