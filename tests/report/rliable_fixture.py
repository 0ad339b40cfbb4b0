#!/usr/bin/env python3
"""What rliable says of made-up scores: tests/report/rliable.json, which `--test statistics` compares with.

    python3 -m venv target/rliable-venv && target/rliable-venv/bin/pip install rliable==1.2.0 "pandas<3"
    target/rliable-venv/bin/python tests/report/rliable_fixture.py
"""
import json
from pathlib import Path

import numpy as np
from rliable import library, metrics

rng = np.random.default_rng(7)
# Runs by tasks; some scores are equal, since ties are where implementations differ.
scores = {
    "a": np.round(rng.gamma(4.0, 0.25, (9, 4)), 2),
    "b": np.round(rng.gamma(4.0, 0.3, (9, 4)), 2),
    "one": np.round(rng.gamma(4.0, 0.25, (5, 1)), 2),
}
scores["b"][2, 1] = scores["a"][5, 1]
thresholds = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, float(scores["a"][0, 0])]

AGGREGATES = {
    "iqm": metrics.aggregate_iqm,
    "mean": metrics.aggregate_mean,
    "median": metrics.aggregate_median,
    "optimality_gap": metrics.aggregate_optimality_gap,
}


def summary(of):
    point, interval = library.get_interval_estimates(
        {"x": of},
        lambda x: np.array([aggregate(x) for aggregate in AGGREGATES.values()]),
        reps=50_000,
        random_state=np.random.RandomState(1),
    )
    rows = zip(AGGREGATES, point["x"], *interval["x"])
    return {
        "scores": of.T.tolist(),
        "aggregates": {name: [value, low, high] for name, value, low, high in rows},
        "profile": [float(np.mean(of > tau)) for tau in thresholds],
    }


better, better_interval = library.get_interval_estimates(
    {"x": (scores["b"], scores["a"])},
    lambda x, y: np.array([metrics.probability_of_improvement(x, y)]),
    reps=20_000,
    random_state=np.random.RandomState(2),
)
fixture = {
    "thresholds": thresholds,
    "cases": {name: summary(of) for name, of in scores.items()},
    "b_better_than_a": [float(better["x"][0]), *map(float, better_interval["x"].ravel())],
}
path = Path(__file__).with_name("rliable.json")
path.write_text(json.dumps(fixture, indent=1) + "\n")
print(f"{path} written")
