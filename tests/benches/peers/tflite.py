"""Chains of layers as TFLite flatbuffers, with the operators that the converters write."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl


class Graph:
    """A subgraph under construction; operators and tensors are known by their indices."""

    def __init__(self):
        self.model, self.graph, self.codes = tfl.ModelT(), tfl.SubGraphT(), []
        self.model.version, self.model.buffers = 3, [tfl.BufferT()]
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name, shape, values=None):
        """A tensor of f32, or a constant of the type of its values."""
        made = tfl.TensorT()
        made.name, made.shape, made.buffer = name, list(shape), 0
        made.type = tfl.TensorType.FLOAT32
        if values is not None:
            if values.dtype == np.int32:
                made.type = tfl.TensorType.INT32
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(tfl.BufferT())
            self.model.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def constant(self, values):
        """A constant of f32."""
        values = np.asarray(values, "<f4")
        return self.tensor(f"constant{len(self.graph.tensors)}", values.shape, values)

    def operator(self, name, inputs, width, options=None):
        """Adds an operator whose output is [1, width]; `options` is named after the operator."""
        out = self.tensor(f"{name.lower()}{len(self.graph.tensors)}", (1, width))
        made = tfl.OperatorT()
        if name not in self.codes:
            self.codes.append(name)
        made.opcodeIndex, made.inputs, made.outputs = self.codes.index(name), inputs, [out]
        if options is not None:
            made.builtinOptionsType = getattr(tfl.BuiltinOptions, type(options).__name__.removesuffix("T"))
            made.builtinOptions = options
        self.graph.operators.append(made)
        return out

    def finish(self, observation, action):
        """The bytes of the model."""
        self.graph.inputs, self.graph.outputs = [observation], [action]
        self.model.operatorCodes = []
        for name in self.codes:
            code = tfl.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = getattr(tfl.BuiltinOperator, name)
            code.version = 1
            self.model.operatorCodes.append(code)
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def normalised(graph, x, norm):
    """Layer normalisation, which has no operator of its own."""
    width = len(norm.gain)
    axis = graph.tensor(f"axis{x}", (1,), np.array([1], "<i4"))

    def mean(of):
        options = tfl.ReducerOptionsT()
        options.keepDims = True
        return graph.operator("MEAN", [of, axis], 1, options)

    average = mean(x)
    variance = mean(graph.operator("SQUARED_DIFFERENCE", [x, average], width))
    epsilon = graph.constant([[norm.epsilon]])
    sum_ = graph.operator("ADD", [variance, epsilon], 1, tfl.AddOptionsT())
    inverse = graph.operator("RSQRT", [sum_], 1)
    centred = graph.operator("SUB", [x, average], width, tfl.SubOptionsT())
    scaled = graph.operator("MUL", [centred, inverse], width, tfl.MulOptionsT())
    gained = graph.operator("MUL", [scaled, graph.constant([norm.gain])], width, tfl.MulOptionsT())
    return graph.operator("ADD", [gained, graph.constant([norm.shift])], width, tfl.AddOptionsT())


def model(network):
    """The chain of layers, ReLU fused into its product."""
    graph = Graph()
    last = observation = graph.tensor("obs", (1, network[0].weight.shape[1]))
    for layer in network:
        width = len(layer.bias)
        options = tfl.FullyConnectedOptionsT()
        if layer.activation == "Relu":
            options.fusedActivationFunction = tfl.ActivationFunctionType.RELU
        inputs = [last, graph.constant(layer.weight), graph.constant(layer.bias)]
        last = graph.operator("FULLY_CONNECTED", inputs, width, options)
        if layer.norm:
            last = normalised(graph, last, layer.norm)
        if layer.activation == "Silu":
            gate = graph.operator("LOGISTIC", [last], width)
            last = graph.operator("MUL", [last, gate], width, tfl.MulOptionsT())
        elif layer.activation != "Relu":
            last = graph.operator(layer.activation.upper(), [last], width)
    return graph.finish(observation, last)
