"""Plays `hq submit` as `lacewing sweep submit` calls it, for the server whose folder HQ_SERVER_DIR names: the
Python package of HyperQueue has no `hq`. What else it is given it refuses.
"""

import argparse
import os
from pathlib import Path

from hyperqueue import Client, Job
from hyperqueue.ffi.protocol import ResourceRequest

parser = argparse.ArgumentParser(prog="hq", allow_abbrev=False)
submit = parser.add_subparsers(required=True).add_parser("submit", allow_abbrev=False)
for option in ["--name", "--array", "--stream"]:
    submit.add_argument(option, required=True)
submit.add_argument("--cpus", type=int, required=True)
submit.add_argument("command", nargs="+")
asked = parser.parse_args()
first, last = map(int, asked.array.split("-"))
# The package numbers tasks from 0.
assert first == 0, asked.array
server = Path(os.environ["HQ_SERVER_DIR"])
job = Job(name=asked.name, max_fails=None)
for _ in range(last + 1):
    job.program(asked.command, cwd=server.parent, resources=ResourceRequest(cpus=asked.cpus))
Client(server).submit(job)
