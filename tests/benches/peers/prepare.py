"""Gives each peer the networks of a folder in the form it likes best: run by peers.sh.

For every NAME.onnx in the folder (input `obs`; Gemm, then LayerNormalization or none, then an activation;
limits of −1 and 1): NAME.batch1.onnx with the batch fixed at one and without the scaling to those limits,
which changes nothing here; NAME.tflite; with --torch NAME.pt, a frozen TorchScript module.
"""

import pathlib
import sys
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import tflite


class Norm(NamedTuple):
    """Layer normalisation: gain and shift are [rows]."""

    gain: np.ndarray
    shift: np.ndarray
    epsilon: float


class Layer(NamedTuple):
    """One layer: weight is [rows, cols], bias [rows], activation an operator of ONNX or "Silu"."""

    weight: np.ndarray
    bias: np.ndarray
    norm: Norm | None
    activation: str


def layers(model):
    """The layers, first to last."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = list(model.graph.node)
    found = []
    while nodes and nodes[0].op_type == "Gemm":
        weight, bias = (constants[name] for name in nodes.pop(0).input[1:3])
        norm = None
        if nodes[0].op_type == "LayerNormalization":
            node = nodes.pop(0)
            epsilon = next(a.f for a in node.attribute if a.name == "epsilon")
            norm = Norm(*(constants[name] for name in node.input[1:3]), epsilon)
        activation = nodes.pop(0).op_type
        if activation == "Sigmoid" and nodes[0].op_type == "Mul":
            activation = "Silu"
            nodes.pop(0)
        found.append(Layer(weight, bias, norm, activation))
    kinds = [layer.activation for layer in found]
    hidden = {("Relu", False), ("Elu", True), ("Silu", True)}
    assert {(layer.activation, layer.norm is not None) for layer in found[:-1]} <= hidden, kinds
    assert kinds[-1] == "Tanh" and {n.op_type for n in nodes} <= {"Add", "Mul", "Max", "Min"}, nodes
    return found


def batch_of_one(network):
    """The chain of layers as an ONNX model with constant shapes."""
    nodes, constants, last = [], [], "obs"

    def node(op, inputs, **attributes):
        name = f"out{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(name, values):
        constants.append(numpy_helper.from_array(values, name))
        return name

    for index, layer in enumerate(network):
        weight, bias = constant(f"weight{index}", layer.weight), constant(f"bias{index}", layer.bias)
        last = node("Gemm", [last, weight, bias], transB=1)
        if layer.norm:
            gain = constant(f"gain{index}", layer.norm.gain)
            shift = constant(f"shift{index}", layer.norm.shift)
            last = node("LayerNormalization", [last, gain, shift], epsilon=layer.norm.epsilon)
        if layer.activation == "Silu":
            last = node("Mul", [last, node("Sigmoid", [last])])
        else:
            last = node(layer.activation, [last])
    nodes[-1].output[0] = "action"

    def port(name, width):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])

    ends = port("obs", network[0].weight.shape[1]), port("action", network[-1].weight.shape[0])
    graph = helper.make_graph(nodes, "policy", [ends[0]], [ends[1]], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def torchscript(network):
    """The chain of layers as a frozen TorchScript module."""
    import torch

    activations = {"Relu": torch.nn.ReLU, "Tanh": torch.nn.Tanh, "Elu": torch.nn.ELU, "Silu": torch.nn.SiLU}
    modules = []

    def copied(module, weight, bias):
        with torch.no_grad():
            module.weight.copy_(torch.tensor(weight))
            module.bias.copy_(torch.tensor(bias))
        modules.append(module)

    for weight, bias, norm, activation in network:
        copied(torch.nn.Linear(weight.shape[1], weight.shape[0]), weight, bias)
        if norm:
            copied(torch.nn.LayerNorm(len(bias), eps=norm.epsilon), norm.gain, norm.shift)
        modules.append(activations[activation]())
    return torch.jit.freeze(torch.jit.script(torch.nn.Sequential(*modules).eval()))


def main():
    folder = pathlib.Path(sys.argv[1])
    for path in sorted(folder.glob("*.onnx")):
        if path.name.endswith(".batch1.onnx"):
            continue
        network = layers(onnx.load(path))
        onnx.save(batch_of_one(network), path.with_suffix(".batch1.onnx"))
        path.with_suffix(".tflite").write_bytes(tflite.model(network))
        if "--torch" in sys.argv[2:]:
            import torch

            torch.jit.save(torchscript(network), path.with_suffix(".pt"))


if __name__ == "__main__":
    main()
