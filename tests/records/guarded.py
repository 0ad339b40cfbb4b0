#!/usr/bin/env python3
"""How far a policy falls while it learns on under its guards, on a robot that has changed and does not wait.

    tests/records/guarded.py OUT.csv RUN…      # RUN: folders of `lacewing train`, whose name is what the table has
    tests/records/guarded.py OUT.csv           # only the table

`lacewing-edge finetune --learning slack` drives `lacewing env serve` with the changed robot, a step every --period
seconds. At first the guard measures the frozen policy. From the log: what that one has a step, and at every episode's
end since, what the last whole episodes of a window's length had. `longest` is for how many steps that stayed below what
the guard calls too little, which the table has beside it. As the guard does it counts the steps that an episode would
have had without a fall. A row that is there already is not made again. Needs both programs, built with --release.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILT = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
SHIFTS = ["gear=0.6", "mass=1.5", "friction=0.5", "dead-actuator=0", "sensor-noise=0.05"]
LINKS = ["frozen", "set", "rigl"]
HEAD = ["run", "shift", "links", "steps", "frozen", "too little", "last", "worst", "longest", "rolled back", "updates"]
# Steps of an episode of the robots here, if they do not fall.
EPISODE = 1000


def finetune(run, shift, links, options, folder):
    env = next(line for line in (run / "config.toml").read_text().splitlines() if line.startswith("env"))
    env = env.split('"')[1]
    log = folder / "log"
    driver = f"exec '{BUILT / 'lacewing'}' env serve {env} --shift {shift} --period {options.period}"
    command = [BUILT / "lacewing-edge", "finetune", run / "policy.lace", "--env-command", driver]
    command += ["--learning", "slack", "--topology", links, "--steps", options.steps, "--warm-up", 1000]
    command += ["--replay", options.steps, "--guard-window", options.window, "--seed", 1]
    command += ["--log", log, "--out", folder / "tuned.lace", *options.more.split()]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    shown = subprocess.run([BUILT / "lacewing-edge", "log", log, "--json"], check=True, stdout=subprocess.PIPE)
    return [json.loads(line) for line in shown.stdout.splitlines()]


def events(records, kind):
    return [(record["step"], record["event"][kind]) for record in records if kind in record["event"]]


def figures(records, window):
    """Rewards a step: the frozen policy's, the last window's, the worst one's; steps that it stayed below."""
    verdicts = events(records, "verdict")
    measured, verdict = next(found for found in verdicts if "Measured" in found[1]["switch"])
    reference, margin = verdict["frozen"], verdict["switch"]["Measured"]["margin"]
    totals = [event["total"] for step, event in events(records, "return") if step > measured]
    ends = [(EPISODE * episodes, total) for episodes, total in enumerate([0.0, *totals])]
    worst, mean, longest, since = None, None, 0, None
    for at, (step, _) in enumerate(ends):
        # Whole episodes, no fewer steps than a window's.
        first = max((i for i in range(at) if step - ends[i][0] >= window), default=None)
        if first is None:
            continue
        mean = sum(total for _, total in ends[first + 1 : at + 1]) / (step - ends[first][0])
        worst = mean if worst is None else min(worst, mean)
        if mean < reference - margin:
            since = step if since is None else since
            longest = max(longest, step - since)
        else:
            since = None
    return reference, reference - margin, mean, worst, longest


def rolled_back(records):
    return sum("RolledBack" in json.dumps(verdict["switch"]) for _, verdict in events(records, "verdict"))


def updates(records):
    counts = [losses["updates"] for _, losses in events(records, "losses")]
    return counts[-1] - counts[0]


def measure(out, runs, options):
    done = set()
    if out.exists():
        with out.open(newline="") as file:
            done = {(row["run"], row["shift"], row["links"]) for row in csv.DictReader(file)}
    else:
        out.write_text(",".join(HEAD) + "\n")
    for run in runs:
        for shift in options.shifts:
            for links in options.links:
                if (run.name, shift, links) in done:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    records = finetune(run, shift, links, options, pathlib.Path(folder))
                *rewards, longest = figures(records, options.window)
                numbers = [f"{number:.3f}" for number in rewards]
                row = [run.name, shift, links, options.steps, *numbers, longest, rolled_back(records), updates(records)]
                with out.open("a") as file:
                    file.write(",".join(map(str, row)) + "\n")


def table(out):
    print("| run | shift | links | frozen, reward a step | too little | at the end | worst window | longest below, steps | rolled back | updates |")
    print("|---|---|---|" + "--:|" * 7)
    with out.open(newline="") as file:
        for row in csv.DictReader(file):
            frozen, worst = float(row["frozen"]), float(row["worst"])
            below = max(0.0, frozen - worst) / abs(frozen)
            cells = [row["run"], row["shift"], row["links"], row["frozen"], row["too little"], row["last"]]
            cells += [f"{worst:.3f} (−{100 * below:.0f} %)", row["longest"], row["rolled back"], row["updates"]]
            print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("runs", type=pathlib.Path, nargs="*")
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--window", type=int, default=2000)
    parser.add_argument("--period", default="0.001")
    parser.add_argument("--shifts", nargs="*", default=SHIFTS)
    parser.add_argument("--links", nargs="*", default=LINKS)
    parser.add_argument("--more", default="", help="further options of lacewing-edge finetune")
    options = parser.parse_args()
    measure(options.out, options.runs, options)
    table(options.out)


if __name__ == "__main__":
    main()
