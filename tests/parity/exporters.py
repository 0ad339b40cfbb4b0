"""Exports policies with the tools that people have: libraries' own exporters, or their export guides.

Each case is as in `import_matrix.py`, made by the package of the name, or from its modules where it has no
exporter; weights are random. `NAME.json` may have `refused`, words of the import's refusal: such a policy has
something that a policy file has not.

    python exporters.py FOLDER GROUP...

GROUPs are the functions below. `exporters.sh` installs what each needs.
"""

import json
import sys
from pathlib import Path

import numpy as np
from import_matrix import ACTIONS, HIGH, LOW, OBSERVATIONS, record

WIDE = [48, 32]


def spaces():
    import gymnasium as gym

    observations = gym.spaces.Box(-np.inf, np.inf, (OBSERVATIONS,), np.float32)
    return observations, gym.spaces.Box(LOW, HIGH), gym.spaces.Discrete(ACTIONS)


def stirred(module):
    """Random weights and statistics, so that actions move and no normaliser is one."""
    import torch as th

    with th.no_grad():
        for name, number in [*module.named_parameters(), *module.named_buffers()]:
            if not number.is_floating_point() or number.numel() < 2:
                continue
            if any(word in name for word in ["var", "std"]) and "log" not in name:
                number.copy_(th.rand_like(number) + 0.5)
            elif number.ndim > 1:
                number.normal_(0, 1.5 / number.shape[-1] ** 0.5)
            else:
                number.add_(th.randn_like(number) * 0.1)
    return module.eval()


def torch_export(module, path, dynamo=False, **more):
    import torch as th

    opset = {"opset_version": 18 if dynamo else 17}
    th.onnx.export(module, (th.zeros(1, OBSERVATIONS),), path, dynamo=dynamo, **opset, **more)


def wrapped(function, module):
    """A module that exporters take, of a function of `module` and the observation."""
    import torch as th

    class Wrapped(th.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, obs):
            return function(self.inner, obs)

    return Wrapped().eval()


def with_script_exporter():
    """From here on, exports that ask for none get the exporter that was PyTorch's default for years."""
    import torch as th

    export = th.onnx.export
    th.onnx.export = lambda *args, **more: export(*args, **{"dynamo": False} | more)


def env_of(actions):
    import gymnasium as gym

    class Env(gym.Env):
        observation_space, action_space = spaces()[0], actions

        def reset(self, *, seed=None, options=None):
            return self.observation_space.sample(), {}

        def step(self, action):
            return self.observation_space.sample(), 0.0, False, False, {}

    return Env()


def sb3(folder):
    """Stable-Baselines3 and sb3-contrib by the export guide, with PyTorch's exporters."""
    import sb3_contrib as contrib
    import stable_baselines3 as sb3
    import torch as th

    _, box, discrete = spaces()

    def model(kind, actions):
        # Some add to it.
        about = {"net_arch": WIDE}
        built = kind("MlpPolicy", env_of(actions), policy_kwargs=about, device="cpu", seed=1)
        stirred(built.policy)
        return built.policy

    def actor(policy):
        return wrapped(lambda it, obs: it._predict(obs, deterministic=True), policy.actor)

    def whole(policy):
        """The guide's `OnnxableSB3Policy`."""
        return wrapped(lambda it, obs: it(obs, deterministic=True), policy)

    ports = {"output_names": ["action", "value", "log_prob"]}
    for kind in [sb3.PPO, sb3.A2C, contrib.TRPO]:
        name = kind.__name__.lower()
        yield name, whole(model(kind, box)), "clip", ports
        yield f"{name}-discrete", whole(model(kind, discrete)), "choice", ports
    for kind in [sb3.SAC, sb3.TD3, sb3.DDPG, contrib.TQC, contrib.CrossQ]:
        policy = model(kind, box)
        yield kind.__name__.lower(), actor(policy), "scale", {}
        # It fails on how distributions check their parameters.
        if kind in [sb3.TD3, sb3.DDPG]:
            yield f"{kind.__name__.lower()}-dynamo", actor(policy), "scale", {"dynamo": True}
    dqn = model(sb3.DQN, discrete)
    yield "dqn-scores", wrapped(lambda it, obs: it(obs), dqn.q_net), "scores", {}
    yield "dqn-choice", wrapped(lambda it, obs: it(obs, deterministic=True), dqn), "choice", {}
    quantiles = model(contrib.QRDQN, discrete)
    yield "qrdqn", wrapped(lambda it, obs: it(obs, deterministic=True), quantiles), "choice", {}
    yield "maskable-ppo", whole(model(contrib.MaskablePPO, discrete)), "choice", ports
    ars = model(contrib.ARS, box)
    yield "ars", wrapped(lambda it, obs: it(obs), ars), "scale", {}
    selu = sb3.PPO("MlpPolicy", env_of(box), policy_kwargs={"activation_fn": th.nn.SELU}, device="cpu")
    yield "ppo-selu", whole(stirred(selu.policy)), "clip", ports


def tianshou(folder):
    """tianshou has no exporter: its networks by PyTorch's."""
    from tianshou.utils.net.common import Net
    from tianshou.utils.net.continuous import ContinuousActorDeterministic, ContinuousActorProbabilistic
    from tianshou.utils.net.discrete import DiscreteActor
    from torch import nn

    first = lambda module: wrapped(lambda it, obs: it(obs)[0], module)
    body = lambda **more: Net(state_shape=OBSERVATIONS, hidden_sizes=WIDE, **more)
    actor = {"action_shape": ACTIONS, "preprocess_net": body()}
    yield "ddpg", first(stirred(ContinuousActorDeterministic(**actor))), "scale", {}
    sac = stirred(ContinuousActorProbabilistic(**actor, unbounded=True, conditioned_sigma=True))
    yield "sac", wrapped(lambda it, obs: it(obs)[0][0].tanh(), sac), "scale", {}
    actor["preprocess_net"] = body(activation=nn.Tanh, norm_layer=nn.LayerNorm)
    ppo = stirred(ContinuousActorProbabilistic(**actor, unbounded=True))
    yield "ppo-layer-norm", wrapped(lambda it, obs: it(obs)[0][0], ppo), "clip", {}
    yield "discrete-softmax", first(stirred(DiscreteActor(**actor))), "choice", {}
    yield "dqn", first(stirred(body(action_shape=ACTIONS))), "scores", {}
    for name, heads in [("dueling-dqn", {"hidden_sizes": [16, 12]}), ("dueling-lines-dqn", {})]:
        dueling = stirred(body(action_shape=ACTIONS, dueling_param=(heads, heads)))
        yield name, first(dueling), "scores", {}


def skrl(folder):
    """skrl's instantiated models, with its scaler of observations, by PyTorch's exporter."""
    import torch as th
    from skrl.resources.preprocessors.torch import RunningStandardScaler
    from skrl.utils.model_instantiators.torch import categorical_model, deterministic_model, gaussian_model

    observations, box, discrete = spaces()
    net = [{"name": "net", "input": "OBSERVATIONS", "layers": WIDE, "activations": "elu"}]
    scaler = stirred(RunningStandardScaler(size=OBSERVATIONS, device="cpu"))

    def computed(kind, actions, output, **more):
        model = kind(observation_space=observations, action_space=actions, device="cpu", network=net,
                     output=output, **more)
        # Its layers are made by the first observation.
        model.compute({"observations": th.zeros(1, OBSERVATIONS)}, "policy")
        both = th.nn.ModuleList([scaler, stirred(model)])
        return wrapped(lambda it, obs: it[1].compute({"observations": it[0](obs)}, "policy")[0], both)

    yield "gaussian", computed(gaussian_model, box, "ACTIONS"), "clip", {}
    yield "gaussian-tanh", computed(gaussian_model, box, "tanh(ACTIONS)"), "scale", {}
    yield "deterministic", computed(deterministic_model, box, "ACTIONS"), "clip", {}
    yield "categorical", computed(categorical_model, discrete, "ACTIONS"), "scores", {}


def rsl_rl(folder):
    """rsl_rl's own `as_onnx`, as its runner exports it."""
    import torch as th
    from rsl_rl.models import MLPModel, RNNModel
    from tensordict import TensorDict

    obs = TensorDict({"policy": th.zeros(1, OBSERVATIONS)}, batch_size=[1])

    def exported(name, kind=MLPModel, refused=None, distribution="GaussianDistribution", **more):
        about = {"class_name": f"rsl_rl.modules.distribution:{distribution}"}
        model = kind(obs, {"actor": ["policy"]}, "actor", ACTIONS, hidden_dims=WIDE, activation="elu",
                     distribution_cfg=about, **more)
        module = stirred(model).as_onnx(verbose=False).eval()
        path = folder / f"rsl_rl-{name}.onnx"
        th.onnx.export(module, module.get_dummy_inputs(), path, export_params=True, opset_version=18,
                       input_names=module.input_names, output_names=module.output_names)
        return path, "clip", None, refused

    yield exported("gaussian")
    yield exported("normalised", obs_normalization=True)
    yield exported("own-deviation", distribution="HeteroscedasticGaussianDistribution")
    yield exported("beta", distribution="BetaDistribution", refused="no step that an actor has")
    yield exported("recurrent", kind=RNNModel, refused="state from step to step")


def d3rlpy(folder):
    """d3rlpy's own `save_policy`."""
    import d3rlpy

    with_script_exporter()
    wide = d3rlpy.models.VectorEncoderFactory(WIDE)
    normal = d3rlpy.models.VectorEncoderFactory(WIDE, activation="swish", use_layer_norm=True)
    sizes = dict(mean=np.zeros(OBSERVATIONS) + 0.5, std=np.ones(OBSERVATIONS) * 2)
    scaler = d3rlpy.preprocessing.StandardObservationScaler(**sizes)
    range_of = d3rlpy.preprocessing.MinMaxActionScaler(minimum=LOW, maximum=HIGH)
    algos = d3rlpy.algos
    continuous = {
        "sac": (algos.SACConfig(actor_encoder_factory=wide), "scale"),
        "td3": (algos.TD3Config(actor_encoder_factory=wide, observation_scaler=scaler), "scale"),
        "cql": (algos.CQLConfig(actor_encoder_factory=wide, action_scaler=range_of), None),
        "iql-layer-norm": (algos.IQLConfig(actor_encoder_factory=normal), "scale"),
        "bc": (algos.BCConfig(encoder_factory=wide), "scale"),
    }
    discrete = {
        "dqn": algos.DQNConfig(encoder_factory=wide),
        "discrete-sac": algos.DiscreteSACConfig(actor_encoder_factory=wide),
        "discrete-cql": algos.DiscreteCQLConfig(encoder_factory=wide),
    }
    for name, (config, how) in [*continuous.items(), *((n, (c, "choice")) for n, c in discrete.items())]:
        algo = config.create(device="cpu:0")
        algo.create_impl((OBSERVATIONS,), ACTIONS)
        for module in vars(algo.impl.modules).values():
            if hasattr(module, "named_parameters"):
                stirred(module)
        path = folder / f"d3rlpy-{name}.onnx"
        algo.save_policy(str(path))
        yield path, how, None, None


def godot(folder):
    """Godot RL agents' own exporter."""
    import godot_rl.wrappers.onnx.stable_baselines_export as exporter
    import stable_baselines3 as sb3

    _, box, discrete = spaces()
    with_script_exporter()
    # Its verification compares scores with the choice, and clips no action.
    exporter.verify_onnx_export = lambda *_, **__: None
    for name, kind, actions, how in [("ppo", sb3.PPO, box, "clip"), ("sac", sb3.SAC, box, "scale"),
                                     ("ppo-discrete", sb3.PPO, discrete, "scores")]:
        model = kind("MlpPolicy", env_of(actions), policy_kwargs={"net_arch": WIDE}, device="cpu")
        stirred(model.policy)
        path = folder / f"godot-{name}.onnx"
        exporter.export_model_as_onnx(model, str(path), use_obs_array=True)
        yield path, how, "output", None


def rl_games(folder):
    """rl_games has no exporter but its notebook's wrapper: the model without its sampling."""
    import torch as th
    from rl_games.algos_torch.model_builder import ModelBuilder

    # A normaliser that is compiled already cannot be traced any more.
    script, th.jit.script = th.jit.script, lambda module: module
    params = {
        "model": {"name": "continuous_a2c_logstd"},
        "network": {
            "name": "actor_critic", "separate": False,
            "space": {"continuous": {"mu_activation": "None", "sigma_activation": "None",
                                     "mu_init": {"name": "default"}, "fixed_sigma": True,
                                     "sigma_init": {"name": "const_initializer", "val": 0}}},
            "mlp": {"units": WIDE, "activation": "elu", "initializer": {"name": "default"}},
        },
    }
    model = ModelBuilder().load(params).build({
        "actions_num": ACTIONS, "input_shape": (OBSERVATIONS,), "num_seqs": 1, "value_size": 1,
        "normalize_value": False, "normalize_input": True,
    })
    th.jit.script = script
    stirred(model)
    answer = lambda it, obs: it.a2c_network({"obs": it.norm_obs(obs)})[0]
    yield "isaac-gym", wrapped(answer, model), "clip", {}


def converters(folder):
    """What makes of a model a smaller one: half precision, simplified graphs."""
    import onnx
    import stable_baselines3 as sb3
    from onnxconverter_common import float16

    _, box, _ = spaces()
    policy = stirred(sb3.SAC("MlpPolicy", env_of(box), policy_kwargs={"net_arch": WIDE}, device="cpu").policy)
    path = folder / "plain.onnx"
    torch_export(wrapped(lambda it, obs: it(obs, deterministic=True), policy.actor), path)
    plain = onnx.load(path)
    path.unlink()
    # Its answers are those of the weights as they are rounded, in f32.
    twin = onnx.ModelProto()
    twin.CopyFrom(plain)
    for stored in twin.graph.initializer:
        values = onnx.numpy_helper.to_array(stored)
        if values.dtype == np.float32:
            rounded = values.astype(np.float16).astype(np.float32)
            stored.CopyFrom(onnx.numpy_helper.from_array(rounded, stored.name))
    for name, keep in [("half", False), ("half-inside", True)]:
        path = folder / f"converters-{name}.onnx"
        onnx.save(float16.convert_float_to_float16(plain, keep_io_types=keep), path)
        record(path, "scale", twin=twin.SerializeToString())
    import onnxslim

    path = folder / "converters-onnxslim.onnx"
    onnx.save(onnxslim.slim(plain), path)
    yield path, "scale", None, None


def rllib(folder):
    """RLlib's modules, which go to PyTorch's exporter as they are or in a wrapper."""
    from ray.rllib.algorithms.dqn import DQNConfig
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.algorithms.sac import SACConfig

    observations, box, discrete = spaces()

    def module(config, actions, **more):
        spec = config.get_default_rl_module_spec()
        spec.observation_space, spec.action_space = observations, actions
        spec.model_config = {"fcnet_hiddens": WIDE, **config.model_config, **more}
        return stirred(spec.build())

    def inputs(it, obs):
        return it.forward_inference({"obs": obs})["action_dist_inputs"]

    yield "ppo", wrapped(inputs, module(PPOConfig(), box, fcnet_activation="relu")), "means", {}
    yield "ppo-discrete", wrapped(inputs, module(PPOConfig(), discrete)), "scores", {}
    sac = module(SACConfig(), box, head_fcnet_hiddens=[16])
    yield "sac", wrapped(lambda it, obs: inputs(it, obs).chunk(2, dim=-1)[0].tanh(), sac), "scale", {}
    for name, heads in [("dqn", []), ("dqn-heads", [16])]:
        dqn = module(DQNConfig(), discrete, head_fcnet_hiddens=heads)
        choice = wrapped(lambda it, obs: it.forward_inference({"obs": obs})["actions"], dqn)
        scores = wrapped(lambda it, obs: it.compute_q_values({"obs": obs})["qf_preds"], dqn)
        # The other exporter does not know the mean that it takes.
        yield name, choice, "choice", {"dynamo": True}
        yield f"{name}-scores", scores, "scores", {"dynamo": True}


def jax(folder):
    """brax's own policy networks and flax's layers, by jax2onnx."""
    import onnx
    from brax.training.agents.ppo import networks as ppo
    from brax.training.agents.sac import networks as sac
    from jax2onnx import to_onnx

    import jax as library
    import jax.numpy as jnp

    keys = iter(library.random.split(library.random.key(3), 20))

    def stir(parameters):
        noise = lambda value: value + 0.1 * library.random.normal(next(keys), value.shape)
        return library.tree.map(noise, parameters)

    def save(name, answer):
        path = folder / f"jax-{name}.onnx"
        onnx.save(to_onnx(answer, [(1, OBSERVATIONS)]), path)
        return path

    mean, std = jnp.linspace(-1, 1, OBSERVATIONS), jnp.linspace(0.5, 2, OBSERVATIONS)
    normalise = lambda obs, _: (obs - mean) / std
    made = ppo.make_ppo_networks(OBSERVATIONS, ACTIONS, preprocess_observations_fn=normalise,
                                 policy_hidden_layer_sizes=WIDE)
    policy = stir(made.policy_network.init(next(keys)))

    def answer(obs):
        return made.parametric_action_distribution.mode(made.policy_network.apply(None, policy, obs))

    yield save("brax-ppo", answer), "scale", None, None
    made = sac.make_sac_networks(OBSERVATIONS, ACTIONS, hidden_layer_sizes=WIDE)
    parameters = stir(made.policy_network.init(next(keys)))

    def squashed(obs):
        return made.parametric_action_distribution.mode(made.policy_network.apply(None, parameters, obs))

    yield save("brax-sac", squashed), "scale", None, None
    weights = [library.random.normal(next(keys), (columns, rows)) / columns**0.5
               for columns, rows in [(OBSERVATIONS, WIDE[0]), (WIDE[0], ACTIONS)]]

    def probabilities(obs):
        return library.nn.softmax(library.nn.gelu(obs @ weights[0]) @ weights[1])

    yield save("gelu-softmax", probabilities), "choice", None, None


def main(folder, groups):
    count = 0
    for group in groups:
        for made in globals()[group](folder):
            if isinstance(made[0], str):
                name, module, how, more = made
                path, output, refused = folder / f"{group}-{name}.onnx", None, more.pop("refused", None)
                torch_export(module, path, **more)
            else:
                path, how, output, refused = made
            record(path, how, output)
            if refused:
                told = json.loads(path.with_suffix(".json").read_text())
                path.with_suffix(".json").write_text(json.dumps(told | {"refused": refused}))
            count += 1
    print(f"{count} models recorded")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
