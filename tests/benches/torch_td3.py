"""Updates a second of masked dense TD3 in PyTorch, on HalfCheetah's shapes: the yardstick.

What every public DS-TD3 code does: dense tensors, and masks multiplied onto the weights after each
step of the optimiser. The topology stays fixed and targets are not pruned back, so this does a
little less work than the sparse engine beside it. Prints one number. Run by updates.sh.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

OBSERVATIONS, ACTIONS, HIDDEN, TRANSITIONS = 17, 6, 256, 20_000
GAMMA, TAU, POLICY_NOISE, NOISE_CLIP, POLICY_DELAY = 0.99, 0.005, 0.2, 0.5, 2
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 2e-4


def network(inputs, outputs, *head):
    """Three layers with ReLU between them."""
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(),
        nn.Linear(HIDDEN, outputs), *head,
    )


class Masked:
    """Networks that share an optimiser, their targets, and masks on all layers but the last."""

    def __init__(self, networks, targets, sparsity, device):
        self.networks, self.targets = networks.to(device), targets.to(device)
        self.targets.load_state_dict(self.networks.state_dict())
        self.optimiser = torch.optim.Adam(
            self.networks.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        kernels = [p for p in self.networks.parameters() if p.dim() == 2 and p.shape[0] == HIDDEN]
        self.masked = [(p, (torch.rand_like(p) >= sparsity).float()) for p in kernels]
        self.mask()
        self.targets.load_state_dict(self.networks.state_dict())

    @torch.no_grad()
    def mask(self):
        for parameter, mask in self.masked:
            parameter.mul_(mask)

    def step(self, loss):
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.mask()

    @torch.no_grad()
    def follow(self):
        for target, online in zip(self.targets.parameters(), self.networks.parameters()):
            target.mul_(1 - TAU).add_(online, alpha=TAU)


class TD3:
    """Fujimoto et al. 2018, alg. 1."""

    def __init__(self, batch, sparsity, device):
        def actor():
            return network(OBSERVATIONS, ACTIONS, nn.Tanh())

        def critics():
            return nn.ModuleList(network(OBSERVATIONS + ACTIONS, 1) for _ in range(2))

        self.batch, self.updates = batch, 0
        self.actor = Masked(actor(), actor(), sparsity, device)
        self.critics = Masked(critics(), critics(), sparsity, device)
        self.observation = torch.rand(TRANSITIONS, OBSERVATIONS, device=device) - 0.5
        self.next_observation = torch.rand(TRANSITIONS, OBSERVATIONS, device=device) - 0.5
        self.action = torch.rand(TRANSITIONS, ACTIONS, device=device) - 0.5
        self.reward = self.observation[:, :1].clone()
        self.not_done = torch.ones(TRANSITIONS, 1, device=device)

    def update(self):
        self.updates += 1
        rows = torch.randint(TRANSITIONS, (self.batch,), device=self.reward.device)
        observation, action = self.observation[rows], self.action[rows]
        with torch.no_grad():
            noise = (torch.randn_like(action) * POLICY_NOISE).clamp(-NOISE_CLIP, NOISE_CLIP)
            following = self.next_observation[rows]
            next_action = (self.actor.targets(following) + noise).clamp(-1, 1)
            following = torch.cat([following, next_action], 1)
            first, second = (critic(following) for critic in self.critics.targets)
            value = torch.min(first, second)
            target = self.reward[rows] + self.not_done[rows] * GAMMA * value
        taken = torch.cat([observation, action], 1)
        self.critics.step(sum(F.mse_loss(c(taken), target) for c in self.critics.networks))
        if self.updates % POLICY_DELAY == 0:
            chosen = torch.cat([observation, self.actor.networks(observation)], 1)
            self.actor.step(-self.critics.networks[0](chosen).mean())
            self.actor.follow()
            self.critics.follow()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--batch", type=int, default=256)
    options.add_argument("--sparsity", type=float, default=0.9)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = options.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no CUDA GPU: leave --cuda out, or run where there is one")
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    agent = TD3(options.batch, options.sparsity, options.device)

    def wait():
        if options.device == "cuda":
            torch.cuda.synchronize()

    rates = []
    for warm in [False] + 5 * [True]:
        wait()
        start = time.perf_counter()
        for _ in range(100):
            agent.update()
        wait()
        if warm:
            rates.append(100 / (time.perf_counter() - start))
    print(f"{statistics.median(rates):.1f}")


if __name__ == "__main__":
    main()
