"""Sparse reinforcement-learning policies: load a policy file, act, inspect, measure."""

from os import PathLike
from typing import Any

import numpy
from numpy.typing import NDArray

class Policy:
    """A policy file, ready to act on this processor.

    It acts in the driver's units: what the file's contract says of offsets, scales, history, rates and limits is
    applied, as by `lacewing-edge act`.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Reads a policy file and replays the examples in it.

        Raises OSError where it cannot be read, ValueError where it is damaged or acts otherwise here.
        """

    @staticmethod
    def from_bytes(data: bytes) -> Policy:
        """The same of a file's bytes."""

    @property
    def observations(self) -> int:
        """Numbers of an observation."""

    @property
    def actions(self) -> int:
        """Numbers of an action; 1 where they are discrete."""

    @property
    def discrete(self) -> bool:
        """Whether an action is the index of one."""

    @property
    def period(self) -> float:
        """Seconds from one action to the next."""

    def reset(self) -> None:
        """Begins an episode: earlier observations and actions are forgotten."""

    def act(
        self, observation: NDArray[numpy.float32], out: NDArray[numpy.float32] | None = None
    ) -> NDArray[numpy.float32]:
        """One control step, `[observations]` to `[actions]`, into `out` if it is given.

        Of a batch, `[n, observations]` to `[n, actions]`, every row is the first of an episode.
        Raises ValueError for a wrong length, and for a sensor that says what it cannot.
        """

    def inspect(self) -> dict[str, Any]:
        """Layers, links, sparsity, FLOPs and origin."""

    def measure(self, steps: int = 20_000) -> dict[str, Any]:
        """Times a control step, beside the same network dense; nanoseconds."""
