"""Gives each peer the networks of a folder in the form it likes best: run by peers.sh.

For every NAME.onnx in the folder (input `obs`, Gemm, Relu and Tanh alone, limits of −1 and 1):
NAME.batch1.onnx with the batch fixed at one and without the scaling to those limits, which changes
nothing here; NAME.tflite of FULLY_CONNECTED with ReLU fused; NAME.pt, a frozen TorchScript module.
"""

import pathlib
import sys

import flatbuffers
import numpy as np
import onnx
import torch
from ai_edge_litert import schema_py_generated as tfl
from onnx import TensorProto, helper, numpy_helper


def layers(model):
    """(weight [rows, cols], bias [rows], "Relu" or "Tanh") for every layer, first to last."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = list(model.graph.node)
    found = []
    for gemm, activation in zip(nodes, nodes[1:]):
        if gemm.op_type == "Gemm":
            weight, bias = (constants[name] for name in gemm.input[1:3])
            found.append((weight, bias, activation.op_type))
    kinds = [activation for _, _, activation in found]
    assert kinds == ["Relu"] * (len(found) - 1) + ["Tanh"], kinds
    return found


def batch_of_one(network):
    """The chain of layers as an ONNX model with constant shapes."""
    nodes, constants, last = [], [], "obs"
    for index, (weight, bias, activation) in enumerate(network):
        names = [f"weight{index}", f"bias{index}"]
        constants += [numpy_helper.from_array(t, name) for t, name in zip((weight, bias), names)]
        nodes.append(helper.make_node("Gemm", [last, *names], [f"sum{index}"], transB=1))
        last = "action" if index + 1 == len(network) else f"out{index}"
        nodes.append(helper.make_node(activation, [f"sum{index}"], [last]))

    def port(name, width):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])

    ends = port("obs", network[0][0].shape[1]), port("action", network[-1][0].shape[0])
    graph = helper.make_graph(nodes, "policy", [ends[0]], [ends[1]], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def tflite(network):
    """The chain of layers as a TFLite flatbuffer."""
    model, graph = tfl.ModelT(), tfl.SubGraphT()
    model.version, model.buffers, graph.tensors, graph.operators = 3, [tfl.BufferT()], [], []

    def tensor(name, shape, values=None):
        made = tfl.TensorT()
        made.name, made.shape, made.type = name, list(shape), tfl.TensorType.FLOAT32
        made.buffer = 0
        if values is not None:
            made.buffer = len(model.buffers)
            model.buffers.append(tfl.BufferT())
            model.buffers[-1].data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(code, inputs, output):
        made = tfl.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = code, inputs, [output]
        graph.operators.append(made)
        return made

    last = tensor("obs", (1, network[0][0].shape[1]))
    graph.inputs = [last]
    for index, (weight, bias, activation) in enumerate(network):
        constants = tensor(f"weight{index}", weight.shape, weight), tensor(f"bias{index}", bias.shape, bias)
        out = tensor(f"out{index}", (1, weight.shape[0]))
        full = operator(0, [last, *constants], out)
        full.builtinOptionsType = tfl.BuiltinOptions.FullyConnectedOptions
        full.builtinOptions = tfl.FullyConnectedOptionsT()
        last = out
        if activation == "Relu":
            full.builtinOptions.fusedActivationFunction = tfl.ActivationFunctionType.RELU
        else:
            last = tensor("action", (1, weight.shape[0]))
            operator(1, [out], last)
    graph.outputs = [last]
    model.operatorCodes = []
    for builtin in (tfl.BuiltinOperator.FULLY_CONNECTED, tfl.BuiltinOperator.TANH):
        code = tfl.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        model.operatorCodes.append(code)
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def torchscript(network):
    """The chain of layers as a frozen TorchScript module."""
    modules = []
    for weight, bias, activation in network:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))
        modules += [linear, torch.nn.ReLU() if activation == "Relu" else torch.nn.Tanh()]
    return torch.jit.freeze(torch.jit.script(torch.nn.Sequential(*modules).eval()))


def main():
    folder = pathlib.Path(sys.argv[1])
    for path in sorted(folder.glob("*.onnx")):
        if path.name.endswith(".batch1.onnx"):
            continue
        network = layers(onnx.load(path))
        onnx.save(batch_of_one(network), path.with_suffix(".batch1.onnx"))
        path.with_suffix(".tflite").write_bytes(tflite(network))
        torch.jit.save(torchscript(network), path.with_suffix(".pt"))


if __name__ == "__main__":
    main()
