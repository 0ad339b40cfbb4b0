"""A policy's ONNX export in other formats: `name<TAB>bytes` lines. See file_size.sh."""

import contextlib
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import onnx
import tensorflow as tf
import zstandard
from onnx import numpy_helper
from safetensors.numpy import save

model, ours = map(pathlib.Path, sys.argv[1:])
weights = [numpy_helper.to_array(tensor) for tensor in onnx.load(model).graph.initializer]
matrices = [weight for weight in weights if weight.ndim == 2]
# In the order of the layers; the limits of the actions come after them.
biases = [weight for weight in weights if weight.ndim == 1 and weight.size > 1][: len(matrices)]
# The exporter may hold them either way; layers of [outputs, inputs] from here on.
if matrices[0].shape[0] != biases[0].size:
    matrices = [matrix.T for matrix in matrices]
assert [matrix.shape[0] for matrix in matrices] == [bias.size for bias in biases]


def report(name, data):
    print(f"{name}\t{len(data)}", flush=True)
    return data


def zstd(name, data):
    report(f"{name}, zstd -19", zstandard.ZstdCompressor(level=19).compress(data))


zstd("Lacewing, f16, auto", ours.read_bytes())
onnx_bytes = report("ONNX, dense f32", model.read_bytes())
zstd("ONNX, dense f32", onnx_bytes)

layers = list(zip(matrices, biases))
for kind in (np.float32, np.float16):
    width = "f32" if kind is np.float32 else "f16"
    dense, sparse = {}, {}
    for number, (matrix, bias) in enumerate(layers):
        rows, columns = np.nonzero(matrix)
        dense[f"{number}.weight"] = np.ascontiguousarray(matrix.astype(kind))
        sparse[f"{number}.rows"] = np.bincount(rows, minlength=matrix.shape[0]).astype(np.uint16)
        sparse[f"{number}.columns"] = columns.astype(np.uint16)
        sparse[f"{number}.weight"] = matrix[rows, columns].astype(kind)
        dense[f"{number}.bias"] = sparse[f"{number}.bias"] = bias
    for name, tensors in ((f"safetensors, dense {width}", dense), (f"safetensors, CSR {width}", sparse)):
        zstd(name, report(name, save(tensors)))

network = tf.keras.Sequential([tf.keras.Input((matrices[0].shape[1],), batch_size=1)])
for number, (matrix, bias) in enumerate(layers):
    last = number + 1 == len(layers)
    dense = tf.keras.layers.Dense(bias.size, activation="tanh" if last else "relu")
    network.add(dense)
    dense.set_weights([matrix.T, bias])
for name, optimizations, kinds in (
    ("TFLite, dense f32", [], []),
    ("TFLite, sparse f32", [tf.lite.Optimize.EXPERIMENTAL_SPARSITY], []),
    (
        "TFLite, sparse f16",
        [tf.lite.Optimize.EXPERIMENTAL_SPARSITY, tf.lite.Optimize.DEFAULT],
        [tf.float16],
    ),
):
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = optimizations
    converter.target_spec.supported_types = kinds
    # It is talkative.
    with contextlib.redirect_stdout(sys.stderr):
        data = converter.convert()
    report(name, data)
    if optimizations:
        details = tf.lite.Interpreter(model_content=data).get_tensor_details()
        if not any(detail["sparsity_parameters"] for detail in details):
            sys.exit(f"{name}: the converter left every tensor dense")
