"""Trains a small sweep on HyperQueue's local cluster, handed over by `lacewing sweep submit --engine hq`, and
checks that all of it is done.

    on_hyperqueue.py LACEWING
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hyperqueue import LocalCluster
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
PATIENCE = 300  # seconds


def main(lacewing):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        server = folder / "server"
        hq = folder / "hq"
        played = [sys.executable, str(Path(__file__).with_name("hq.py").resolve())]
        hq.write_text(f'#!/bin/sh\nexec {shlex.join(played)} "$@"\n')
        hq.chmod(0o755)
        environment = os.environ | {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "HQ_SERVER_DIR": str(server),
        }
        (folder / "grid.toml").write_text(GRID)
        sweep = folder / "sweep"

        def say(*arguments):
            command = [lacewing, "sweep", *arguments]
            return subprocess.check_output(command, text=True, env=environment)

        def states():
            return [point["state"] for point in json.loads(say("status", sweep, "--json"))]

        say("plan", folder / "grid.toml", "--no-estimate", "-o", sweep)
        with LocalCluster(str(server), WorkerConfig(cores=2)):
            shown = say("submit", sweep, "--engine", "hq")
            assert "--array=0-3" in shown and "\nsubmitted;" in shown, shown
            end = time.monotonic() + PATIENCE
            while states() != ["done"] * 4:
                assert time.monotonic() < end, say("status", sweep)
                time.sleep(0.2)
        assert "nothing to submit" in say("submit", sweep, "--engine", "hq")
        print(say("status", sweep))


main(sys.argv[1])
