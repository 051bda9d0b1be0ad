"""How often findings are right: drawn years of traffic without and with faults, one line a year.

    python tests/benchmarks/drawn_years.py [SEEDS [FIRST]]

Prints for each seed the vehicles a day of both cameras, the findings in the year without faults (all are false), and
for the year with one fault of each kind the hours until each was found, and the ones that were missed or false.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from traffic import HOUR, drawn_faults, drawn_site, found_over_time, judged


def main(seeds: int, first: int) -> None:
    false_plain = missed_all = faults_all = 0
    for seed in range(first, first + seeds):
        site = drawn_site(seed)
        traffic = [sum(hour.opened for hour in camera.hours) // 365 for camera in site]
        _, false = judged(found_over_time(site), ())
        faults = drawn_faults(seed)
        hits, false_too = judged(found_over_time(drawn_site(seed, faults)), faults)
        missed = [fault for fault in faults if fault not in hits]
        false_plain, missed_all, faults_all = (
            false_plain + len(false),
            missed_all + len(missed),
            faults_all + len(faults),
        )
        print(f"{seed}: {traffic} a day; false {[str(f.code) for f in false]}", end="; ")
        print(f"found after h { {fault.kind: round(time / HOUR) for fault, time in hits.items()} }", end="; ")
        print(f"missed {[(f.kind, f.camera, round(f.by, 2)) for f in missed]}; false {len(false_too)}", flush=True)
    print(f"{false_plain} false findings in {seeds} years; {faults_all - missed_all} of {faults_all} faults found")


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [10, 0][len(arguments) :]))
