"""The output of the verb `compare`."""

from typing import Any, TextIO

from rich.table import Table

from streamwatch.cli.console import print_json
from streamwatch.cli.rich_output import cell, print_table, print_text
from streamwatch.replay.agreement import BANDS, Agreement, Compared, Comparison, Match

HEADINGS = {
    Match.EXACT: "exact",
    Match.ONE_OFF: "one off",
    Match.DIFFERENT: "other",
    Match.NOTHING: "missed",
    Match.ONLY_LOCAL: "extra",
    Match.NO_PLATE: "none",
}
SHOWN = 10  # upper limit of confusions, and of pictures with different answers, in the table; JSON has all


def print_comparison(found: Comparison, price: float, format: str, out: TextIO) -> None:
    """Print a comparison. price: of one call; format: table (at most 80 columns, unless names are long) or json."""
    if format == "json":
        print_json(_record(found, price), out)
        return
    if not found.total.pictures:
        out.write("No picture that was paid for is left.\n")
        return
    print_table(_by_camera(found), out)
    out.write("\n")
    print_table(_by_band(found), out)
    _print_confusions(found, out)
    _print_savings(found, price, out)
    _print_differences(found, out)


def _by_camera(found: Comparison) -> Table:
    table = _table("camera")
    for camera, agreement in sorted(found.cameras.items()):
        table.add_row(cell(camera), *_numbers(agreement))
    if len(found.cameras) > 1:
        table.add_row("[bold]all[/bold]", *_numbers(found.total))
    return table


def _by_band(found: Comparison) -> Table:
    table = _table("sure")
    for lower in BANDS:
        if lower in found.bands:
            table.add_row(f"{lower:.2f} up", *_numbers(found.bands[lower]))
    return table


def _table(first: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for heading in ("pictures", *HEADINGS.values(), "% exact"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _numbers(agreement: Agreement) -> list[str]:
    with_plate = agreement.pictures - agreement.matches[Match.NO_PLATE]
    share = f"{100 * agreement.matches[Match.EXACT] / with_plate:.1f}" if with_plate else ""
    return [str(agreement.pictures), *(str(agreement.matches[match] or "") for match in HEADINGS), share]


def _print_confusions(found: Comparison, out: TextIO) -> None:
    if found.total.confusions:
        pairs = [_words(pair, n) for pair, n in found.total.confusions.most_common(SHOWN)]
        print_text(f"\none character off (paid > local): {', '.join(pairs)}", out)


def _words(pair: tuple[str, str], count: int) -> str:
    paid, local = pair
    text = f"{paid} > {local}" if paid and local else f"{paid} lost" if paid else f"{local} too many"
    return text if count == 1 else f"{text} ({count} times)"


def _print_savings(found: Comparison, price: float, out: TextIO) -> None:
    total = found.total
    cost = f", cost {total.saved * price:.2f}" if price else ""
    out.write(f"\nlocal-first would have saved {total.saved} of {total.pictures} calls{cost}; ")
    out.write(f"{total.saved_wrong} of those\nreadings differ from the paid ones")
    out.write(f" (recognizer.pay_below {found.pay_below:g}).\n")
    if found.lost:
        out.write(f"{found.lost} pictures are gone or damaged.\n")


def _print_differences(found: Comparison, out: TextIO) -> None:
    if not found.differences:
        return
    out.write("\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("they differ", "camera", "paid", "local", "sure"):
        table.add_column(heading, no_wrap=True)
    for one in found.differences[:SHOWN]:
        at = one.answer.captured_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        sure = f"{one.confidence:.2f}" if one.local else ""
        table.add_row(at, *map(cell, (one.answer.camera, one.paid, one.local)), sure)
    print_table(table, out)
    if len(found.differences) > SHOWN:
        out.write(f"and {len(found.differences) - SHOWN} more; --format json lists all, with their pictures\n")


def _record(found: Comparison, price: float) -> dict[str, Any]:
    total = found.total
    return {
        "pictures": total.pictures,
        "lost": found.lost,
        "cameras": {camera: _counts(agreement) for camera, agreement in sorted(found.cameras.items())},
        "total": _counts(total),
        "bands": [{"from": lower, **_counts(found.bands[lower])} for lower in BANDS if lower in found.bands],
        "confusions": [{"paid": a, "local": b, "count": n} for (a, b), n in total.confusions.most_common()],
        "local_first": {
            "pay_below": found.pay_below,
            "saved": total.saved,
            "cost": round(total.saved * price, 4),
            "wrong": total.saved_wrong,
        },
        "differences": [_difference(one) for one in found.differences],
    }


def _counts(agreement: Agreement) -> dict[str, int]:
    counts = {match.value: agreement.matches[match] for match in Match}
    return {"pictures": agreement.pictures, **counts, "saved": agreement.saved, "saved_wrong": agreement.saved_wrong}


def _difference(one: Compared) -> dict[str, Any]:
    return {
        "camera": one.answer.camera,
        "captured_at": one.answer.captured_at.isoformat(timespec="milliseconds"),
        "paid": one.paid,
        "local": one.local,
        "confidence": round(one.confidence, 4) if one.local else None,
        "verdict": one.match.value,
        "saved": one.saved,
        "image": str(one.answer.image),
    }
