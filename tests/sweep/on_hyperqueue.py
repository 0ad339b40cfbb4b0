"""Trains a small sweep on HyperQueue's local cluster and checks that all of it is done.

    on_hyperqueue.py LACEWING
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

GRID = """
[base]
env = "Pendulum-v1"
sparsity = 0.8
hidden = [32, 32]
steps = 1000
evaluate-every = 500
evaluate-episodes = 1
td3.start-steps = 400
td3.batch = 32
[axes]
method = ["static", "set"]
seed = [1, 2]
"""


def main(lacewing):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "grid.toml").write_text(GRID)
        sweep = folder / "sweep"

        def say(*arguments):
            command = [lacewing, "sweep", *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        say("plan", folder / "grid.toml", "--no-estimate", "-o", sweep)
        # The Python package has no `hq`: the command is that of the dry run, its tasks are made here.
        shown = say("submit", sweep, "--engine", "hq", "--dry-run")
        options, point = shown.strip().split(" -- ")
        assert "--array=0-3" in options.split(), shown
        job = Job(max_fails=None)
        for _ in range(4):
            job.program(point.split(), cwd=folder)
        with LocalCluster(str(folder / "server"), WorkerConfig(cores=2)) as cluster:
            client = cluster.client()
            client.wait_for_jobs([client.submit(job)])
        states = [point["state"] for point in json.loads(say("status", sweep, "--json"))]
        assert states == ["done"] * 4, states
        print(say("status", sweep))


main(sys.argv[1])
