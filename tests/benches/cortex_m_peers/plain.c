/* Dense f32 as one writes it: a loop over rows, one over columns. */
#include "peer.h"

#include <math.h>

static const float *layer(const float *weights, int rows, int cols, const float *x, float *y, int last) {
    const float *biases = weights + rows * cols;
    for (int row = 0; row < rows; row++) {
        float sum = 0;
        for (int col = 0; col < cols; col++) sum += weights[row * cols + col] * x[col];
        sum += biases[row];
        y[row] = last ? tanhf(sum) : sum > 0 ? sum : 0;
    }
    return biases + rows;
}

void peer_step(const float *observation, float *action) {
    static float a[HIDDEN], b[HIDDEN];
    const float *weights = (const float *)network;
    weights = layer(weights, HIDDEN, OBSERVATIONS, observation, a, 0);
    weights = layer(weights, HIDDEN, HIDDEN, a, b, 0);
    layer(weights, ACTIONS, HIDDEN, b, action, 1);
}
