"""Exports actors for the import to read: exporter by algorithm by activation.

Each case is `NAME.onnx` (and what it stores outside), `NAME.json` (what the import is to be told, or
null), `NAME.obs` (f32, little-endian, row-major) and `NAME.out`, the actions due: what onnxruntime answers,
scaled or clipped as the algorithm's library does it after the network; of scores the index of the greatest.

The networks are what the libraries named below export, in their own spelling, with random weights.

    python import_matrix.py FOLDER [torch]

Without `torch` only the exports that need no PyTorch are made.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OBSERVATIONS, HIDDEN, ACTIONS, ROWS = 11, 48, 3, 1000
RNG = np.random.default_rng(5)
LOW, HIGH = np.float32([-2, -1, 0]), np.float32([2, 0.5, 3])


class Nodes:
    """A graph under construction, in the spelling of an exporter from primitives (JAX, TensorFlow)."""

    def __init__(self):
        self.nodes, self.stored = [], {}

    def constant(self, value):
        name = f"c{len(self.stored)}"
        self.stored[name] = np.asarray(value, np.float32)
        return name

    def add(self, op, *inputs, outputs=1, **attributes):
        inputs = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        names = [f"t{len(self.nodes)}_{at}" for at in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x, columns, rows, gain=1.5):
        weights = RNG.normal(0, gain / np.sqrt(columns), (columns, rows))
        x = self.add("MatMul", x, weights)
        return self.add("Add", RNG.normal(0, 0.1, rows), x)

    def norm(self, x, rows):
        """flax's LayerNorm: the variance as the mean square less the squared mean."""
        axes = {"axes": [-1], "keepdims": 1}
        mean = self.add("ReduceMean", x, **axes)
        square = self.add("ReduceMean", self.add("Mul", x, x), **axes)
        variance = self.add("Sub", square, self.add("Mul", mean, mean))
        variance = self.add("Max", variance, 0.0)
        inverse = self.add("Reciprocal", self.add("Sqrt", self.add("Add", variance, 1e-6)))
        scale = self.add("Mul", inverse, RNG.uniform(0.5, 1.5, rows))
        return self.add("Add", self.add("Mul", self.add("Sub", x, mean), scale), RNG.normal(0, 0.1, rows))

    def activation(self, x, name):
        """Each from primitives."""
        add = self.add
        negative = lambda alpha: add("Mul", add("Sub", add("Exp", add("Min", x, 0.0)), 1.0), alpha)
        if name == "relu":
            return add("Max", x, 0.0)
        if name == "relu6":
            return add("Min", add("Max", x, 0.0), 6.0)
        if name == "leaky_relu":
            return add("Where", add("GreaterOrEqual", x, 0.0), x, add("Mul", x, 0.01))
        if name == "elu":
            return add("Where", add("Greater", x, 0.0), x, negative(1.0))
        if name == "selu":
            alpha, scale = 1.6732632423543772, 1.0507009873554805
            return add("Mul", scale, add("Where", add("Greater", x, 0.0), x, negative(alpha)))
        if name == "silu":
            return add("Mul", x, add("Sigmoid", x))
        if name == "gelu":
            inner = add("Add", add("Erf", add("Div", x, np.sqrt(2.0))), 1.0)
            return add("Mul", add("Mul", x, inner), 0.5)
        if name == "gelu_tanh":
            cube = add("Mul", add("Pow", x, 3.0), 0.044715)
            inner = add("Tanh", add("Mul", add("Add", x, cube), np.sqrt(2 / np.pi)))
            return add("Mul", x, add("Mul", 0.5, add("Add", 1.0, inner)))
        if name == "sigmoid":
            return add("Div", 1.0, add("Add", 1.0, add("Exp", add("Neg", x))))
        if name == "tanh":
            return add("Tanh", x)
        if name == "softsign":
            return add("Div", x, add("Add", add("Abs", x), 1.0))
        # log(1 + e^x) as logaddexp spells it.
        spread = add("Log", add("Add", 1.0, add("Exp", add("Neg", add("Abs", x)))))
        return add("Add", add("Max", x, 0.0), spread)


ACTIVATIONS = ["relu", "relu6", "leaky_relu", "elu", "selu", "silu", "gelu", "gelu_tanh", "sigmoid",
               "tanh", "softsign", "softplus"]


def from_primitives(activation, algorithm):
    """brax and MuJoCo Playground (means beside deviations, split), flax with LayerNorm, Godot RL; discrete
    policies that end in scores, probabilities or the choice."""
    graph, inputs, outputs = Nodes(), {"obs": [1, OBSERVATIONS]}, None
    x = "obs"
    if algorithm == "brax":
        x = graph.add("Sub", x, RNG.normal(0, 3, OBSERVATIONS))
        x = graph.add("Div", x, RNG.uniform(0.2, 4, OBSERVATIONS))
    if algorithm == "godot":
        inputs["state_ins"] = [1]
        x = graph.add("Concat", graph.add("Flatten", x), axis=1)
    for columns in [OBSERVATIONS, HIDDEN]:
        x = graph.linear(x, columns, HIDDEN)
        x = graph.norm(x, HIDDEN) if algorithm == "flax_norm" else x
        x = graph.activation(x, activation)
    x = graph.linear(x, HIDDEN, 2 * ACTIONS if algorithm == "brax" else ACTIONS, gain=0.3)
    if algorithm == "brax":
        x, deviation = graph.add("Split", x, outputs=2, axis=-1)
        graph.add("Softplus", deviation)
        x = graph.add("Tanh", x)
        limits = "scale"
    elif algorithm == "flax_norm":
        x = graph.add("Mul", graph.add("Tanh", x), [2.0, -0.75, 1.5])
        limits = None
    elif algorithm == "scores":
        limits = "scores"
    elif algorithm == "softmax":
        x = graph.add("Exp", graph.add("Sub", x, graph.add("ReduceMax", x, axes=[-1])))
        # Before opset 13 axes were an attribute of all sums.
        x = graph.add("Div", x, graph.add("Mul", graph.add("ReduceMean", x, axes=[-1]), float(ACTIONS)))
        limits = "choice"
    elif algorithm == "choice":
        x = graph.add("ArgMax", graph.add("LogSoftmax", x, axis=-1), axis=-1, keepdims=0)
        x = graph.add("Cast", x, to=TensorProto.INT32)
        limits = "choice"
    else:
        limits, outputs = "clip", [x, graph.add("Identity", "state_ins")]
    ports = {x: [1] if algorithm == "choice" else [1, ACTIONS]} | ({outputs[1]: [1]} if outputs else {})
    kind = {True: TensorProto.INT32, False: TensorProto.FLOAT}
    port = lambda name, dims: helper.make_tensor_value_info(name, kind[dims == [1] and name == x], dims)
    stored = [numpy_helper.from_array(value, name) for name, value in graph.stored.items()]
    body = helper.make_graph(graph.nodes, "actor", [port(*item) for item in inputs.items()],
                             [port(*item) for item in ports.items()], stored)
    opset = 13 if algorithm != "godot" else 15
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), limits, x


def stored_as(model, kind, whole):
    """The model with its weights of another kind, behind a Cast each as converters put it, or (`whole`) all
    of it, as a module of that kind is exported; and its twin in f32 with the same, rounded, weights.

    onnxruntime rounds between the steps of a `whole` one, or cannot run it: the twin has the answers due.
    """
    rounded, twin = onnx.ModelProto(), onnx.ModelProto()
    rounded.CopyFrom(model), twin.CopyFrom(model)
    casts = []
    for weights, straight in zip(rounded.graph.initializer, twin.graph.initializer):
        values = numpy_helper.to_array(straight).astype(helper.tensor_dtype_to_np_dtype(kind))
        name = weights.name if whole else f"{weights.name}_narrow"
        casts.append(helper.make_node("Cast", [name], [weights.name], to=TensorProto.FLOAT))
        weights.CopyFrom(numpy_helper.from_array(values, name))
        straight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), straight.name))
    if whole:
        for port in [*rounded.graph.input, *rounded.graph.output]:
            port.type.tensor_type.elem_type = kind
    else:
        nodes = [*casts, *rounded.graph.node]
        del rounded.graph.node[:]
        rounded.graph.node.extend(nodes)
    return rounded, twin


def torch_cases(folder):
    """What PyTorch's two exporters make of networks of Stable-Baselines3, CleanRL and rsl_rl."""
    import torch as th
    from torch import nn

    th.manual_seed(3)
    th.set_num_threads(1)
    kinds = {"relu": nn.ReLU, "relu6": nn.ReLU6, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU,
             "selu": nn.SELU, "silu": nn.SiLU, "gelu": nn.GELU,
             "gelu_tanh": lambda: nn.GELU(approximate="tanh"), "sigmoid": nn.Sigmoid,
             "tanh": nn.Tanh, "softsign": nn.Softsign, "softplus": nn.Softplus}

    def body(kind, norm=None):
        layers = []
        for columns in [OBSERVATIONS, HIDDEN]:
            layers += [nn.Linear(columns, HIDDEN), *([norm(HIDDEN)] if norm else []), kinds[kind]()]
        return nn.Sequential(*layers)

    class Actor(nn.Module):
        def __init__(self, algorithm, kind):
            super().__init__()
            norm = {"layer_norm": nn.LayerNorm, "batch_norm": nn.BatchNorm1d}.get(algorithm)
            self.algorithm, self.body = algorithm, body(kind, norm)
            self.mu, self.log_std = nn.Linear(HIDDEN, ACTIONS), nn.Linear(HIDDEN, ACTIONS)
            self.value = nn.Linear(HIDDEN, 1)
            self.register_buffer("mean", th.randn(OBSERVATIONS) * 2)
            self.register_buffer("std", th.rand(OBSERVATIONS) + 0.3)
            self.register_buffer("scale", th.tensor((HIGH - LOW) / 2))
            self.register_buffer("bias", th.tensor((HIGH + LOW) / 2))
            with th.no_grad():
                self.mu.weight *= 4

        def forward(self, obs):
            if self.algorithm == "rsl_rl":
                obs = (obs - self.mean) / (self.std + 1e-2)
            if self.algorithm == "vec_normalize":
                obs = th.clamp((obs - self.mean) / th.sqrt(self.std**2 + 1e-8), -3.0, 3.0)
            hidden = self.body(obs)
            mean = self.mu(hidden)
            if self.algorithm == "sac":
                deviation = th.ones_like(mean) * self.log_std(hidden).clamp(-20, 2).exp()
                return th.tanh(th.distributions.Normal(mean, deviation).mode)
            if self.algorithm == "ppo":
                deviation = th.ones_like(mean) * self.scale.exp()
                normal = th.distributions.Normal(mean, deviation)
                action = normal.mode
                log = normal.log_prob(action).sum(dim=1)
                return action.reshape(-1, ACTIONS), self.value(hidden), log
            if self.algorithm == "cleanrl":
                return th.tanh(mean) * self.scale + self.bias
            if self.algorithm == "rsl_rl":
                return mean
            return th.tanh(mean)

    how = {"sac": "scale", "ppo": "clip", "cleanrl": None, "rsl_rl": "clip"}
    for algorithm in ["td3", "sac", "ppo", "cleanrl", "rsl_rl", "vec_normalize", "layer_norm", "batch_norm"]:
        for kind in kinds:
            actor = Actor(algorithm, kind)
            with th.no_grad():
                for _ in range(20):
                    actor.body.train()(th.randn(64, OBSERVATIONS) * 2)
            actor.eval()
            exporters = [("script17", 17), ("script9", 9)]
            # One that takes seconds a model.
            exporters += [("dynamo", 18)] if algorithm in ["cleanrl", "layer_norm", "rsl_rl"] else []
            for exporter, opset in exporters:
                if exporter == "script9" and algorithm in ["sac", "ppo"]:
                    continue
                path = folder / f"{exporter}-{algorithm}-{kind}.onnx"
                th.onnx.export(actor, (th.zeros(1, OBSERVATIONS),), path, opset_version=opset,
                               dynamo=exporter == "dynamo")
                output = onnx.load(path, load_external_data=False).graph.output[0].name
                yield path, how.get(algorithm, "scale"), output if algorithm == "ppo" else None


def record(path, limits, output=None, twin=None):
    """Observations, the actions due by the model or its twin, and what the import is to be told."""
    session = onnxruntime.InferenceSession(twin or path, providers=["CPUExecutionProvider"])
    rows = RNG.normal(0, 2, (ROWS, OBSERVATIONS)).astype(np.float32)
    sides = lambda port: [side if isinstance(side, int) else 1 for side in port.shape]
    feed = {port.name: np.zeros(sides(port), np.float32) for port in session.get_inputs()}
    obs = session.get_inputs()[0].name
    names = [output] if output else None
    answers = np.concatenate([session.run(names, feed | {obs: row[None]})[0] for row in rows])
    if limits == "scale":
        answers = LOW + (answers + 1) / 2 * (HIGH - LOW)
    if limits == "means":
        answers = answers[:, :ACTIONS]
    if limits in ["scores", "choice"]:
        actions = answers.argmax(axis=1) if answers.ndim > 1 else answers
    else:
        actions = np.clip(answers, LOW, HIGH) if limits else answers
    assert np.ptp(actions, axis=0).max() > 1e-2, f"{path}: actions hardly move"
    rows.tofile(path.with_suffix(".obs"))
    actions.astype("<f4").tofile(path.with_suffix(".out"))
    told = limits in ["scale", "clip", "means"]
    asked = {"low": LOW.tolist() if told else None, "high": HIGH.tolist() if told else None}
    asked |= {"output": output, "discrete": limits == "scores", "means": limits == "means"}
    path.with_suffix(".json").write_text(json.dumps(asked))


def main(folder, with_torch):
    cases = []
    for algorithm in ["brax", "flax_norm", "godot", "scores", "softmax", "choice"]:
        discrete = algorithm in ["scores", "softmax", "choice"]
        # Behind others the same choice is always the best.
        for activation in ["relu", "elu", "silu", "gelu", "tanh", "softsign"] if discrete else ACTIVATIONS:
            model, limits, output = from_primitives(activation, algorithm)
            path = folder / f"primitives-{algorithm}-{activation}.onnx"
            onnx.checker.check_model(model, full_check=True)
            onnx.save(model, path)
            cases.append((path, limits, output))
    kinds = {"f64": TensorProto.DOUBLE, "f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
    for name, kind in kinds.items():
        # Rounded constants would make others something else.
        for activation in ["relu", "relu6", "silu", "sigmoid", "tanh", "softsign", "softplus", "elu"]:
            model, limits, _ = from_primitives(activation, "flax_norm")
            # From here on all of its operators take all kinds.
            model.opset_import[0].version = 16
            for whole in [False, True]:
                path = folder / f"{name}-{'whole' if whole else 'weights'}-{activation}.onnx"
                rounded, twin = stored_as(model, kind, whole)
                onnx.checker.check_model(rounded, full_check=True)
                onnx.save(rounded, path)
                cases.append((path, limits, None, twin.SerializeToString()))
    if with_torch:
        cases += torch_cases(folder)
    for case in cases:
        record(*case)
    print(f"{len(cases)} models recorded with onnxruntime {onnxruntime.__version__}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "torch" in sys.argv[2:])
