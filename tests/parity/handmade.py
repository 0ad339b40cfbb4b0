"""Records the hand-made fixtures of the import tests, in `fixtures/`.

`made_*.onnx` are actors in the spellings that exporters other than PyTorch's use, each with what
onnxruntime answers to random observations; `bad_*.onnx` are models that the import must refuse.

    pip install numpy onnx onnxruntime
    python handmade.py
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FIXTURES = Path(__file__).parent / "fixtures"
RNG = np.random.default_rng(11)


def weights(*shape):
    return RNG.normal(0, 0.6, shape).astype(np.float32)


def constant(name, value):
    """A Constant node, as TensorFlow's exporter likes them."""
    value = numpy_helper.from_array(np.asarray(value, np.float32), name + "_value")
    return helper.make_node("Constant", [], [name], value=value)


def model(nodes, initialisers=(), opset=17, inputs=("obs",), outputs=("action",), wide=(3, 2)):
    def port(name, width):
        """`None` is an index an observation."""
        kind, side = (TensorProto.INT32, []) if width is None else (TensorProto.FLOAT, [width])
        return helper.make_tensor_value_info(name, kind, ["batch", *side])

    graph = helper.make_graph(
        nodes,
        "actor",
        [port(name, wide[0]) for name in inputs],
        [port(name, wide[1]) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in dict(initialisers).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="handmade")


def record(name, actor, low=None, high=None, discrete=False, means=None):
    onnx.checker.check_model(actor, full_check=True)
    onnx.save(actor, FIXTURES / f"made_{name}.onnx")
    session = onnxruntime.InferenceSession(FIXTURES / f"made_{name}.onnx")
    observations = RNG.normal(0, 3, (64, 3)).astype(np.float32)
    actions = session.run(None, {"obs": observations})[0]
    if discrete:
        actions = actions if actions.ndim == 1 else actions.argmax(axis=1)
    if means:
        actions = np.clip(actions[:, :means], low, high)
    golden = {"low": low, "high": high}
    golden |= {"observations": observations.tolist(), "actions": actions.tolist()}
    (FIXTURES / f"made_{name}.json").write_text(json.dumps(golden) + "\n")


def bad(name, actor):
    onnx.save(actor, FIXTURES / f"bad_{name}.onnx")


def node(op, *inputs, to, **attributes):
    return helper.make_node(op, list(inputs), [to], name=f"{op.lower()}_of_{to}", **attributes)


def to_f32(name, to):
    return helper.make_node("Cast", [name], [to], f"cast_of_{to}", to=TensorProto.FLOAT)


def good():
    # Everything as Constant nodes; normaliser and range in the graph; MatMul + Add.
    nodes = [
        constant("mean", [0.5, -1.0, 2.0]),
        constant("std", [2.0, 0.5, 1.5]),
        constant("clip", 1.5),
        constant("minus_clip", -1.5),
        constant("w1", weights(3, 8)),
        constant("b1", weights(8)),
        constant("w2", weights(8, 2)),
        constant("b2", weights(1, 2)),
        constant("half", [2.0, 0.5]),
        constant("middle", [0.0, 0.5]),
        node("Identity", "obs", to="x0"),
        node("Sub", "x0", "mean", to="x1"),
        node("Div", "x1", "std", to="x2"),
        node("Clip", "x2", "minus_clip", "clip", to="x3"),
        node("MatMul", "x3", "w1", to="x4"),
        node("Add", "b1", "x4", to="x5"),
        node("Relu", "x5", to="x6"),
        node("MatMul", "x6", "w2", to="x7"),
        node("Add", "x7", "b2", to="x8"),
        node("Tanh", "x8", to="x9"),
        node("Mul", "half", "x9", to="x10"),
        node("Add", "x10", "middle", to="action"),
    ]
    record("matmul_add", model(nodes, opset=13))
    # Gemm in all its attributes, no bias on the last, Clip as opset 9 writes it.
    nodes = [
        node("Flatten", "obs", to="x0"),
        node("Gemm", "x0", "w1", "b1", to="x1", alpha=0.5, beta=2.0),
        node("Tanh", "x1", to="x2"),
        node("Gemm", "x2", "w2", "b2", to="x3", transB=1),
        node("Clip", "x3", to="action", min=-0.75, max=0.5),
    ]
    stored = {"w1": weights(3, 8), "b1": weights(8), "w2": weights(2, 8), "b2": weights(1)}
    record("gemm_opset9", model(nodes, stored, opset=9))


def spellings():
    """Of later dates, so that the random weights above stay what they are."""
    # Weights before the vector, which is a column; f64 constants behind a Cast; Unsqueeze and Squeeze.
    nodes = [
        node("Unsqueeze", "obs", "two", to="x0"),
        node("MatMul", "w1", "x0", to="x1"),
        node("Squeeze", "x1", "two", to="x2"),
        to_f32("b1", "b"),
        node("Add", "b", "x2", to="x3"),
        node("Elu", "x3", to="x4", alpha=1.5),
        node("Transpose", "w2", to="w"),
        node("Gemm", "x4", "w", to="x5"),
        node("Tanh", "x5", to="x6"),
        node("Sub", "half", "x6", to="action"),
    ]
    stored = {"w1": weights(8, 3), "b1": weights(8).astype(np.float64), "w2": weights(2, 8)}
    stored |= {"two": np.array([2]), "half": np.float32([0.5, -0.5])}
    record("other_way_round", model(nodes, stored, opset=17))
    # Half precision weights behind Casts, as a converter writes them.
    nodes = [
        to_f32("w1", "w"),
        node("MatMul", "obs", "w", to="x1"),
        node("Selu", "x1", to="x2"),
        to_f32("w2", "v"),
        node("MatMul", "x2", "v", to="x3"),
        node("Tanh", "x3", to="action"),
    ]
    stored = {"w1": weights(3, 8).astype(np.float16), "w2": weights(8, 2).astype(np.float16)}
    record("half", model(nodes, stored, opset=17))
    # Clipping between layers, and an action clipped tighter than tanh and scaled after that.
    nodes = [
        node("Gemm", "obs", "w1", "b1", to="x1"),
        node("Clip", "x1", "low", "high", to="x2"),
        node("Gemm", "x2", "w2", "b2", to="x3"),
        node("Tanh", "x3", to="x4"),
        node("Clip", "x4", "low", "half", to="x5"),
        node("Mul", "x5", "by", to="action"),
    ]
    stored = {"w1": weights(3, 8), "b1": weights(8), "w2": weights(8, 2), "b2": weights(2)}
    stored |= {"low": np.float32(-0.75), "high": np.float32(1.25), "half": np.float32(0.5)}
    record("hardtanh", model(nodes, stored | {"by": np.float32([-2, 3])}, opset=17))
    # Its tanh hardly leaves zero.
    nodes = [node("MatMul", "obs", "w1", to="x1"), node("Tanh", "x1", to="action")]
    record("small_tanh", model(nodes, {"w1": 1e-9 * weights(3, 2)}, opset=17))


def refused():
    linear = {"w": weights(3, 2), "b": weights(2), "w2": weights(2, 2), "c": weights(2)}
    gemm = node("Gemm", "obs", "w", "b", to="x")

    def chain(name, *nodes, **more):
        bad(name, model([gemm, *nodes], linear, **more))

    chain("softmax", node("Softmax", "x", to="y"), node("MatMul", "y", "w2", to="action"))
    chain("relu_last", node("Relu", "x", to="action"))
    middle = [node("Tanh", "x", to="y"), node("Mul", "y", "c", to="z")]
    chain("mul_in_the_middle", *middle, node("MatMul", "z", "w2", to="action"))
    chain("two_activations", node("Relu", "x", to="y"), node("Tanh", "y", to="action"))
    chain("two_outputs", node("Tanh", "x", to="mean"), outputs=("mean", "x"))
    chain("two_inputs", node("Tanh", "x", to="action"), inputs=("obs", "goal"))
    chain("skip_connection", node("Relu", "x", to="y"), node("Add", "x", "y", to="action"))
    chain("wrong_width", node("MatMul", "x", "w", to="action"))
    chain("circle", node("Relu", "y", to="z"), node("Relu", "z", to="y"), outputs=("y",))
    chain("unbound", node("Identity", "x", to="action"))
    chain("own_operator", node("Tanh", "x", to="action", domain="com.example"))
    bad("no_layers", model([node("Tanh", "obs", to="action")], wide=(2, 2)))
    low, high = np.float32([-1.0]), np.float32([2.0])
    clip = [node("Clip", "obs", "low", "high", to="o"), node("Gemm", "o", "w", "b", to="x")]
    ends = model([*clip, node("Tanh", "x", to="action")], linear | {"low": low, "high": high})
    bad("lopsided_clip", ends)
    integers = {"w": np.ones((3, 2), np.int8)}
    bad("int8", model([gemm, node("Tanh", "x", to="action")], linear | integers))
    holes = {"w": np.full((3, 2), np.nan, np.float32)}
    bad("nan", model([gemm, node("Tanh", "x", to="action")], linear | holes))
    outside = model([gemm, node("Tanh", "x", to="action")], linear)
    stored = outside.graph.initializer[0]
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="../handmade.py")
    bad("outside_folder", outside)


def refused_too():
    linear = {"w": weights(3, 2), "b": weights(2), "one": np.float32(1e-5), "zero": np.float32([1, 0])}
    linear |= {"low": np.float32([-1, -2]), "high": np.float32([1, 2]), "c": np.float32(1)}
    linear |= {"minus": np.float32(-1), "w2": weights(2, 2)}
    gemm = node("Gemm", "obs", "w", "b", to="x")

    def chain(name, *nodes, **more):
        bad(name, model([gemm, *nodes], linear, **more))

    tanh = node("Tanh", "y", to="action")
    chain("two_needed_inputs", node("Add", "x", "goal", to="y"), tanh, inputs=("obs", "goal"))
    square = [node("Mul", "x", "x", to="s"), node("ReduceMean", "s", to="m", axes=[-1])]
    root = [node("Add", "m", "one", to="e"), node("Sqrt", "e", to="r"), node("Div", "x", "r", to="y")]
    chain("rms_norm", *square, *root, tanh)
    parts = [helper.make_node("Split", ["x"], ["p", "q"], "split", axis=-1), node("Softplus", "p", to="s")]
    chain("softplus_of_some", *parts, node("Concat", "s", "q", to="y", axis=-1), tanh)
    chain("recurrent", helper.make_node("LSTM", ["x", "w2", "w2"], ["y"], "lstm_of_x", hidden_size=2), tanh)
    chain("division", helper.make_node("Div", ["x", "zero"], ["y"], "div_of_x"), tanh)
    chain("uneven_clip", node("Min", "x", "high", to="y"), node("MatMul", "y", "w2", to="action"))
    clip = [node("Clip", "obs", "minus", "c", to="o"), node("Clip", "o", "minus", "one", to="p")]
    clip = [*clip, node("Gemm", "p", "w", "b", to="y"), tanh]
    bad("clipped_twice", model(clip, linear))
    bad("nothing", model([gemm, node("Tanh", "b", to="action")], linear))
    huge = {"shape": np.array([1 << 20, 1 << 20])}
    expand = [node("Expand", "w", "shape", to="v"), node("MatMul", "obs", "v", to="y"), tanh]
    bad("huge_shape", model(expand, linear | huge))
    outside = model([gemm, node("Tanh", "x", to="action")], linear)
    stored = outside.graph.initializer[0]
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="absent.data")
    bad("external", outside)


def choices():
    """Discrete policies: their scores, probabilities, or the choice itself."""
    stored = {"w1": weights(3, 8), "b1": weights(8), "w2": weights(8, 4), "b2": weights(4)}
    scores = [
        node("Gemm", "obs", "w1", "b1", to="x1"),
        node("Relu", "x1", to="x2"),
        node("Gemm", "x2", "w2", "b2", to="x3"),
    ]
    record("scores", model(scores, stored, outputs=("x3",), wide=(3, 4)), discrete=True)
    # Softmax as JAX spells it.
    softmax = [
        node("ReduceMax", "x3", to="most", axes=[-1]),
        node("Sub", "x3", "most", to="x4"),
        node("Exp", "x4", to="x5"),
        node("ReduceSum", "x5", "last", to="sum"),
        node("Div", "x5", "sum", to="probabilities"),
    ]
    last = {"last": np.array([-1])}
    wide = {"outputs": ("probabilities",), "wide": (3, 4)}
    record("softmax", model([*scores, *softmax], stored | last, **wide), discrete=True)
    # The mode of a distribution of PyTorch, as an exporter of 32 bits writes it.
    chosen = [
        node("ReduceLogSumExp", "x3", to="x4", axes=[-1]),
        node("Sub", "x3", "x4", to="x5"),
        node("ArgMax", "x5", to="x6", axis=-1, keepdims=0),
        helper.make_node("Cast", ["x6"], ["action"], to=TensorProto.INT32),
    ]
    record("choice", model([*scores, *chosen], stored, wide=(3, None)), discrete=True)


def branches():
    """Streams beside each other, and an output that has more than the actions."""
    sizes = {"w": (3, 8), "b": (8,), "wv": (8, 5), "bv": (5,), "wa": (8, 6), "ba": (6,)}
    sizes |= {"wv2": (5, 4), "bv2": (4,), "wa2": (6, 3), "ba2": (3,), "v": (4, 1), "a": (3, 4), "c": (4,)}
    stored = {name: weights(*size) for name, size in sizes.items()}
    gemm = lambda by, w, b, to: node("Gemm", by, w, b, to=to)
    trunk = [gemm("obs", "w", "b", "x"), node("Tanh", "x", to="h")]
    streams = [gemm("h", "wv", "bv", "v1"), node("Relu", "v1", to="v2"), gemm("v2", "wv2", "bv2", "v3"),
               gemm("h", "wa", "ba", "a1"), node("Relu", "a1", to="a2"), gemm("a2", "wa2", "ba2", "a3"),
               node("Relu", "a3", to="a4"), node("Relu", "v3", to="v4")]
    # Wang et al. 2016, equation 9.
    ends = [node("MatMul", "v4", "v", to="value"), gemm("a4", "a", "c", "advantage"),
            node("ReduceMean", "advantage", to="mean", axes=[-1]),
            node("Sub", "advantage", "mean", to="centred"), node("Add", "centred", "value", to="scores")]
    record("dueling", model([*trunk, *streams, *ends], stored, outputs=("scores",), wide=(3, 4)), discrete=True)
    # Two activations at one depth are no layer.
    other = [node("Tanh" if n.output[0] == "v2" else n.op_type, *n.input, to=n.output[0]) for n in streams]
    bad("two_kinds_of_branch", model([*trunk, *other, *ends[:2], node("Sub", "value", "advantage", to="action")],
                                     stored, wide=(3, 4)))
    whole = [*trunk, node("Gemm", "h", "w2", "b2", to="action")]
    stored = {"w": stored["w"], "b": stored["b"], "w2": weights(8, 4), "b2": weights(4)}
    record("means", model(whole, stored, wide=(3, 4)), [-1.0, -2.0], [1.0, 2.0], means=2)


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    good()
    refused()
    spellings()
    refused_too()
    choices()
    branches()
