#!/usr/bin/env python3
"""The table of what fine-tuning brought back of the return that a shift cost, from rows of shifts.sh.

    tests/records/shifts.py tests/records/shifts/halfcheetah.csv

Recovered is the share of the return that was lost (before the shift, less frozen after it) that the learner had back
after so many steps; `worst` how far its return was below the frozen policy's at any evaluation, as a share of that.
`kept` is what the tuned file has, the best on the way, the frozen policy included.
"""

import collections
import csv
import sys

STEPS = [10_000, 50_000]


def rows(path):
    before, after = {}, collections.defaultdict(dict)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            returned = float(row["return"])
            if row["shift"] == "unchanged":
                before[row["run"]] = returned
            else:
                after[row["run"], row["shift"], row["links"]][int(row["step"])] = returned
    return before, after


def main(path):
    before, after = rows(path)
    last = max(step for curve in after.values() for step in curve)
    steps = [step for step in STEPS if step < last] + [last]
    head = ["run", "shift", "links", "before", "frozen", *(f"at {step // 1000} k" for step in steps)]
    print("| " + " | ".join([*head, "kept", "worst"]) + " |")
    print("|---|---|---|" + "--:|" * (len(steps) + 4))
    for (run, shift, links), curve in after.items():
        if run not in before or not all(step in curve for step in steps):
            print(f"left out: {run}, {shift}, {links}: it has not all of the rows", file=sys.stderr)
            continue
        frozen, best = curve[0], max(curve.values())
        lost = before[run] - frozen

        def share(returned):
            return f"{returned:.0f} ({100 * (returned - frozen) / lost:.0f} %)" if lost > 0 else f"{returned:.0f}"

        worst = max(0.0, frozen - min(curve.values())) / abs(frozen)
        cells = [run, shift, links, f"{before[run]:.0f}", f"{frozen:.0f}"]
        cells += [share(curve[step]) for step in steps] + [share(best), f"{100 * worst:.0f} %"]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
