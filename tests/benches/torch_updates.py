"""Updates a second of masked dense TD3, SAC, DQN and PPO in PyTorch: the yardstick.

What every public sparse-training code does: dense tensors, and masks multiplied onto the weights
after each step of the optimiser. With --method rigl the dense gradient is taken every 100th update
and the masks change by it; with --method prune masks shrink over the updates, which costs the same
throughout. Targets are not pruned back, so this does a little less work than the sparse engine
beside it. Shapes are those of tests/benches/common/mod.rs. Prints one number. Run by updates.sh.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

TRANSITIONS = 20_000
GAMMA, TAU = 0.99, 0.005
RIGL_EVERY, RIGL_SHARE = 100, 0.3


def network(widths, *head):
    """Linear layers with ReLU between them."""
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1], *head)


class Masked:
    """Networks that share an optimiser, their targets, and masks on all layers but the last."""

    def __init__(self, networks, targets, options, rate, decay=0.0, extra=()):
        self.networks, self.targets = networks, targets
        self.rigl = options.method == "rigl"
        self.extra = list(extra)
        parameters = [*self.networks.parameters(), *self.extra]
        self.optimiser = torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
        hidden = [m for m in self.networks.modules() if isinstance(m, nn.Linear)]
        width = max(layer.out_features for layer in hidden)
        kernels = [layer.weight for layer in hidden if layer.out_features == width]
        self.masked = [(p, (torch.rand_like(p) >= options.sparsity).float()) for p in kernels]
        self.mask()
        if self.targets is not None:
            self.targets.load_state_dict(self.networks.state_dict())

    @torch.no_grad()
    def mask(self):
        for parameter, mask in self.masked:
            parameter.mul_(mask)

    def step(self, loss, clip=None):
        self.optimiser.zero_grad()
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_([*self.networks.parameters(), *self.extra], clip)
        self.optimiser.step()
        self.mask()

    @torch.no_grad()
    def change(self):
        """RigL (Evci et al. 2020, alg. 1), by the gradients of this minibatch."""
        for parameter, mask in self.masked:
            count = int(RIGL_SHARE * mask.sum())
            live = torch.where(mask > 0, parameter.abs(), torch.inf)
            mask.view(-1)[torch.topk(live.view(-1), count, largest=False).indices] = 0
            dead = torch.where(mask > 0, -1.0, parameter.grad.abs())
            mask.view(-1)[torch.topk(dead.view(-1), count).indices] = 1
        self.mask()

    @torch.no_grad()
    def follow(self, tau=TAU):
        for target, online in zip(self.targets.parameters(), self.networks.parameters()):
            target.mul_(1 - tau).add_(online, alpha=tau)


class Agent:
    """Noise for experience, and the count of updates."""

    observations, actions, choices = 17, 6, None

    def __init__(self, options, transitions=TRANSITIONS):
        device = options.device
        self.options, self.updates, self.transitions = options, 0, transitions
        self.observation = torch.rand(transitions, self.observations, device=device) - 0.5
        self.following = torch.rand(transitions, self.observations, device=device) - 0.5
        if self.choices:
            self.action = torch.randint(self.choices, (transitions, 1), device=device)
        else:
            self.action = torch.rand(transitions, self.actions, device=device) - 0.5
        self.reward = self.observation[:, :1].clone()
        self.not_done = torch.ones(transitions, 1, device=device)

    def learners(self):
        raise NotImplementedError

    def update(self):
        self.updates += 1
        self.learn(torch.randint(self.transitions, (self.options.batch,), device=self.options.device))
        if self.options.method == "rigl" and self.updates % RIGL_EVERY == 0:
            for learner in self.learners():
                learner.change()

    def critics(self):
        def twins():
            widths = [self.observations + self.actions, 256, 256, 1]
            return nn.ModuleList(network(widths) for _ in range(2)).to(self.options.device)

        return twins(), twins()

    def learn_critics(self, rows, following, value_less):
        """A step of twin critics towards the lesser target, less `value_less`."""
        with torch.no_grad():
            first, second = (critic(following) for critic in self.critic.targets)
            value = torch.min(first, second) - value_less
            target = self.reward[rows] + self.not_done[rows] * GAMMA * value
        taken = torch.cat([self.observation[rows], self.action[rows]], 1)
        self.critic.step(sum(F.mse_loss(c(taken), target) for c in self.critic.networks))


class TD3(Agent):
    """Fujimoto et al. 2018, alg. 1."""

    batch = 256

    def __init__(self, options):
        super().__init__(options)

        def actor():
            return network([self.observations, 256, 256, self.actions], nn.Tanh()).to(options.device)

        self.actor = Masked(actor(), actor(), options, 1e-3, 2e-4)
        self.critic = Masked(*self.critics(), options, 1e-3, 2e-4)

    def learners(self):
        return self.actor, self.critic

    def learn(self, rows):
        with torch.no_grad():
            noise = (torch.randn_like(self.action[rows]) * 0.2).clamp(-0.5, 0.5)
            following = self.following[rows]
            next_action = (self.actor.targets(following) + noise).clamp(-1, 1)
            following = torch.cat([following, next_action], 1)
        self.learn_critics(rows, following, 0.0)
        if self.updates % 2 == 0:
            observation = self.observation[rows]
            chosen = torch.cat([observation, self.actor.networks(observation)], 1)
            self.actor.step(-self.critic.networks[0](chosen).mean())
            self.actor.follow()
            self.critic.follow()


class SAC(Agent):
    """Haarnoja et al. 2018b, alg. 1, with a learned temperature."""

    batch = 256

    def __init__(self, options):
        super().__init__(options)
        widths = [self.observations, 256, 256, 2 * self.actions]
        self.actor = Masked(network(widths).to(options.device), None, options, 3e-4)
        self.critic = Masked(*self.critics(), options, 3e-4)
        self.log_alpha = torch.zeros(1, requires_grad=True, device=options.device)
        self.temperature = torch.optim.Adam([self.log_alpha], lr=3e-4)

    def learners(self):
        return self.actor, self.critic

    def sample(self, observation):
        mean, log_std = self.actor.networks(observation).chunk(2, 1)
        log_std = log_std.clamp(-20, 2)
        noise = torch.randn_like(mean)
        u = mean + log_std.exp() * noise
        log_prob = -0.5 * noise**2 - log_std - 0.9189385
        log_prob = log_prob - 2 * (0.6931472 - u - F.softplus(-2 * u))
        return u.tanh(), log_prob.sum(1, keepdim=True)

    def learn(self, rows):
        alpha = self.log_alpha.detach().exp()
        with torch.no_grad():
            following = self.following[rows]
            action, log_prob = self.sample(following)
            following = torch.cat([following, action], 1)
        self.learn_critics(rows, following, alpha * log_prob)
        observation = self.observation[rows]
        action, log_prob = self.sample(observation)
        chosen = torch.cat([observation, action], 1)
        value = torch.min(*(critic(chosen) for critic in self.critic.networks))
        self.actor.step((alpha * log_prob - value).mean())
        self.temperature.zero_grad()
        (-self.log_alpha * (log_prob.detach() - self.actions).mean()).backward()
        self.temperature.step()
        self.critic.follow()


class DQN(Agent):
    """Mnih et al. 2015, alg. 1, on 512-wide layers."""

    observations, choices, batch = 8, 4, 128

    def __init__(self, options):
        super().__init__(options)

        def q():
            return network([self.observations, 512, 512, self.choices]).to(options.device)

        self.q = Masked(q(), q(), options, 1e-3, 1e-6)

    def learners(self):
        return (self.q,)

    def learn(self, rows):
        with torch.no_grad():
            value = self.q.targets(self.following[rows]).max(1, keepdim=True).values
            target = self.reward[rows] + self.not_done[rows] * GAMMA * value
        q = self.q.networks(self.observation[rows]).gather(1, self.action[rows])
        self.q.step(F.mse_loss(q, target))
        if self.updates % 100 == 0:
            self.q.follow(1.0)


class PPO(Agent):
    """Schulman et al. 2017, alg. 1, on 64-wide layers; advantages are given."""

    batch = 64

    def __init__(self, options):
        super().__init__(options, 2048)
        actor = network([self.observations, 64, 64, self.actions])
        critic = network([self.observations, 64, 64, 1])
        both = nn.ModuleList([actor, critic]).to(options.device)
        self.log_std = nn.Parameter(torch.zeros(self.actions, device=options.device))
        self.both = Masked(both, None, options, 3e-4, extra=[self.log_std])
        self.advantage = torch.randn(2048, 1, device=options.device)
        self.old = torch.zeros(2048, 1, device=options.device) - 6.0

    def learners(self):
        return (self.both,)

    def learn(self, rows):
        actor, critic = self.both.networks
        z = (self.action[rows] - actor(self.observation[rows])) / self.log_std.exp()
        log_prob = (-0.5 * z**2 - self.log_std - 0.9189385).sum(1, keepdim=True)
        ratio = (log_prob - self.old[rows]).exp()
        advantage = self.advantage[rows]
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        surrogate = torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
        value = F.mse_loss(critic(self.observation[rows]), self.reward[rows])
        self.both.step(0.5 * value - surrogate, clip=0.5)


AGENTS = {"td3": TD3, "sac": SAC, "dqn": DQN, "ppo": PPO}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--algorithm", choices=AGENTS, default="td3")
    options.add_argument("--method", choices=["set", "rigl"], default="set")
    options.add_argument("--batch", type=int)
    options.add_argument("--sparsity", type=float, default=0.9)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = options.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no CUDA GPU: leave --cuda out, or run where there is one")
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    agent = AGENTS[options.algorithm]
    options.batch = options.batch or agent.batch
    agent = agent(options)

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
