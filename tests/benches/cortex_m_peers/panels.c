/* Dense f32 as good as we can make it: four rows at a time (dense.s). */
#include "peer.h"

#include <math.h>

/* y = W x + biases for rows in fours, ReLU where `relu`. */
const float *dense_f32(const float *weights, const float *x, float *y, int cols, int panels, int relu);

void peer_step(const float *observation, float *action) {
    static float a[HIDDEN], b[HIDDEN];
    const float *weights = (const float *)network;
    weights = dense_f32(weights, observation, a, OBSERVATIONS, HIDDEN / 4, 1);
    weights = dense_f32(weights, a, b, HIDDEN, HIDDEN / 4, 1);
    dense_f32(weights, b, a, HIDDEN, (ACTIONS + 3) / 4, 0);
    for (int at = 0; at < ACTIONS; at++) action[at] = tanhf(a[at]);
}
