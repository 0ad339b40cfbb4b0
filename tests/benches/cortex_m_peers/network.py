"""The random 17-256-256-6 network of the peers, as the files that their programs read:

    python3 network.py DIRECTORY

Every file begins with an observation (17 f32) and the actions that it leads to (6 f32). Little-endian; then, layer by layer:

rows.bin        weights f32 by rows, biases
columns.bin     weights f32 by columns, biases
panels.bin      weights f32 of four rows side by side (rows that are missing are zeros), column by column; biases
int8.bin        what turns the observation into int8; then, layer by layer, what turns a sum into the next layer's
                int8, or into an output; biases i32; weights int8 in blocks of four rows by four columns, row by row.
                Rows are filled up to fours and columns to eights
int8-rows.bin   the same without the blocks: weights int8 by rows, not filled up
"""

import math
import random
import struct
import sys
from pathlib import Path

SIZES = [17, 256, 256, 6]
CALIBRATION = 64


def floats(numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def product(weights, biases, x):
    return [sum(w * a for w, a in zip(row, x)) + b for row, b in zip(weights, biases)]


def forward(layers, x):
    """The inputs of every layer, and the outputs."""
    inputs = []
    for number, (weights, biases) in enumerate(layers):
        inputs.append(x)
        x = product(weights, biases, x)
        last = number == len(layers) - 1
        x = [math.tanh(a) if last else max(a, 0.0) for a in x]
    return inputs, x


def filled(rows, columns, weights):
    wide = [row + [0] * (columns - len(row)) for row in weights]
    return wide + [[0] * columns] * (rows - len(wide))


def up(count, to):
    return -(-count // to) * to


def quantised(layers, observations):
    """(scale of a sum, biases, weights) of every layer, and what an observation is multiplied by."""
    most = [0.0] * (len(layers) + 1)
    for observation in observations:
        for number, x in enumerate(forward(layers, observation)[0]):
            most[number] = max(most[number], *map(abs, x))
    result = []
    for number, (weights, biases) in enumerate(layers):
        weight_step = max(abs(w) for row in weights for w in row) / 127
        sum_step = weight_step * most[number] / 127
        last = number == len(layers) - 1
        scale = sum_step if last else sum_step * 127 / most[number + 1]
        whole = [[round(w / weight_step) for w in row] for row in weights]
        result.append((scale, [round(b / sum_step) for b in biases], whole))
    return result, 127 / most[0]


def main():
    out = Path(sys.argv[1])
    draw = random.Random(1)
    layers = []
    for cols, rows in zip(SIZES, SIZES[1:]):
        spread = math.sqrt(2 / cols)
        weights = [[draw.gauss(0, spread) for _ in range(cols)] for _ in range(rows)]
        layers.append((weights, [draw.gauss(0, 0.1) for _ in range(rows)]))
    # Smaller actions, at which tanh has a slope.
    layers[-1] = ([[w / 8 for w in row] for row in layers[-1][0]], layers[-1][1])
    observations = [[draw.gauss(0, 1) for _ in range(SIZES[0])] for _ in range(CALIBRATION)]
    head = floats(observations[0]) + floats(forward(layers, observations[0])[1])

    files = {"rows": head, "columns": head, "panels": head}
    for weights, biases in layers:
        cols, rows = len(weights[0]), len(weights)
        files["rows"] += floats([w for row in weights for w in row]) + floats(biases)
        files["columns"] += floats([row[c] for c in range(cols) for row in weights]) + floats(biases)
        high = filled(up(rows, 4), cols, weights)
        panels = [high[r + lane][c] for r in range(0, len(high), 4) for c in range(cols) for lane in range(4)]
        files["panels"] += floats(panels) + floats(biases + [0.0] * (len(high) - rows))

    whole, first = quantised(layers, observations)
    files["int8"] = files["int8-rows"] = head + floats([first])
    for scale, biases, weights in whole:
        cols, rows = up(len(weights[0]), 8), up(len(weights), 4)
        high = filled(rows, cols, weights)
        blocks = [
            high[r + lane][c + at]
            for r in range(0, rows, 4)
            for c in range(0, cols, 4)
            for lane in range(4)
            for at in range(4)
        ]
        more = biases + [0] * (rows - len(biases))
        files["int8"] += floats([scale]) + struct.pack(f"<{len(more)}i", *more)
        files["int8"] += struct.pack(f"<{len(blocks)}b", *blocks)
        flat = [w for row in weights for w in row]
        files["int8-rows"] += floats([scale]) + struct.pack(f"<{len(biases)}i", *biases)
        files["int8-rows"] += struct.pack(f"<{len(flat)}b", *flat)
    for name, content in files.items():
        (out / f"{name}.bin").write_bytes(content)


main()
