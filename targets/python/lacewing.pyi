"""Sparse reinforcement-learning policies: load a policy file, act, inspect, measure, learn on."""

from os import PathLike
from typing import Any, final

import numpy
from numpy.typing import NDArray

__all__ = ["Learner", "Policy"]

@final
class Policy:
    """A policy file, ready to act on this processor.

    It acts in the driver's units: what the file's contract says of offsets, scales, history, rates and limits is
    applied, as by `lacewing-edge act`.
    """

    def __new__(cls, path: str | PathLike[str]) -> Policy:
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

@final
class Learner:
    """A policy file that goes on learning, a step of the robot at a time: reset, then act and learn in turns.

    Its numbers are in the driver's units, as those of Policy. It learns what `lacewing-edge finetune` in lock-step
    does, but the judge of the policy is the caller: save what is good.
    """

    def __new__(
        cls,
        path: str | PathLike[str],
        *,
        seed: int = 0,
        warm_up: int = 500,
        updates_per_step: int = 1,
        replay: int = 10_000,
        replay_values: str = "f32",
        topology: str = "frozen",
        adapt: str = "all",
        critics_first: int = 0,
        stay_near: float = 0.0,
        lean: bool = False,
        noise: float | None = None,
    ) -> Learner:
        """Goes on from a policy file with a resume section; options as of `lacewing-edge finetune`.

        Raises OSError where the file cannot be read, ValueError where it cannot learn on like this.
        """

    @property
    def steps(self) -> int:
        """Steps learned from."""

    @property
    def updates(self) -> int:
        """Updates made, with those before."""

    @property
    def rejected(self) -> int:
        """Updates left out, since their gradients were far too long or no numbers."""

    def memory(self) -> dict[str, int]:
        """Bytes that it takes, by what they are for; it will take no more."""

    def reset(self, observation: NDArray[numpy.float32]) -> None:
        """Begins an episode with its first observation."""

    def act(self, explore: bool = True) -> NDArray[numpy.float32]:
        """The action on what was seen last, to learn from if it explores."""

    def learn(
        self,
        observation: NDArray[numpy.float32],
        reward: float,
        terminated: bool,
        truncated: bool,
        teacher: NDArray[numpy.float32] | None = None,
    ) -> dict[str, float | None] | None:
        """What followed the last action; makes the updates that are due, and returns the last one's losses.

        With adapt="imitate" what the `teacher` would have done is learned; a step without one is not.
        """

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the policy, with what it takes to learn on from there: all of it or nothing."""
