#!/usr/bin/env python3
"""Return and latency of every structure at 90 % sparsity on HalfCheetah-v5.

Trains what is missing in the folder `structures/` beside this file, one run after the other, and
prints the table of README.md. Runs that are there are only measured; delete their folders to train
them again, or give another --out. Needs Rust, and Python for `lacewing env install mujoco`.

    tests/records/structures.py [--seeds 1 2 3] [--steps 100000] [--out DIR]
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LACEWING = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / "lacewing"
STRUCTURES = [
    "unstructured",
    "constant-fan-in",
    "k-per-32",
    "n-of-16",
    "blocks-4x1",
    "blocks-16x1",
]
KEPT = ["config.toml", "progress.csv", "summary.json", "policy.lace"]


def lacewing(*arguments):
    command = [LACEWING, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def train(structure, seed, steps, folder):
    """A run, of which only what belongs to a record stays."""
    if not (folder / "summary.json").exists():
        lacewing("env", "install", "mujoco")
        lacewing(
            *["train", "HalfCheetah-v5", "--method", "ds-td3", "--engine", "sparse"],
            *["--sparsity", "0.9", "--structure", structure, "--seed", seed, "--steps", steps],
            *["--out", folder, "--force"],
        )
    for file in folder.rglob("*"):
        if file.is_file() and file.name not in KEPT:
            file.unlink()
    for empty in folder.glob("*/"):
        empty.rmdir()
    policy = folder / "policy.lace"
    if policy.stat().st_size > 100_000:
        small = folder / "small.lace"
        options = ["--values", "f16", "--index", "auto", "--no-resume-section", "--out", small]
        lacewing("export", policy, *options)
        small.replace(policy)


def latency(folders, name):
    """Median over three measurements, of as many policies as there are, of one control step's
    median with warm caches, in nanoseconds."""
    three = [folders[at % len(folders)] for at in range(3)]
    found = [json.loads(lacewing("measure", folder, "--json")) for folder in three]
    timings = [timing for one in found for timing in one["warm"] if timing["name"] == name]
    return str(statistics.median(timing["p50_ns"] for timing in timings))


def last_returns(folder):
    with open(folder / "progress.csv") as file:
        return [float(row["eval_mean"]) for row in csv.DictReader(file)][-10:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "structures")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "-p", "lacewing"], cwd=ROOT, check=True)
    for seed in options.seeds:
        for structure in STRUCTURES:
            train(structure, seed, options.steps, options.out / f"{structure}-seed{seed}")

    print("| structure | actor sparsity | return | control step, ns |")
    print("|---|---|---|---|")
    for structure in STRUCTURES:
        folders = [options.out / f"{structure}-seed{seed}" for seed in options.seeds]
        returns = [statistics.mean(last_returns(folder)) for folder in folders]
        summary = json.loads((folders[0] / "summary.json").read_text())
        mean = f"{statistics.mean(returns):.0f}"
        each = ", ".join(f"{value:.0f}" for value in returns)
        row = [structure, f"{100 * summary['actor_sparsity']:.2f} %"]
        row += [mean if len(returns) == 1 else f"{mean} ({each})", latency(folders, "sparse, packed")]
        print("| " + " | ".join(row) + " |", flush=True)
    print("the same network dense:", latency(folders, "dense, own kernel"))


if __name__ == "__main__":
    main()
