/* Dense int8 as good as we can make it: four rows by four columns at a time with SMLAD (dense.s). Inputs are i16 in
 * the order 0, 2, 1, 3, which is how SXTB16 takes four weights apart. */
#include "peer.h"

#include <math.h>

/* sums = W x + biases for rows in fours; cols is a multiple of 8. */
void dense_s8(const int8_t *weights, const int16_t *x, int32_t *sums, int cols, int panels, const int32_t *biases);
/* The next layer's inputs: ReLU of sums times scale, rounded, at most 127; rows in fours. */
void requantise_s8(const int32_t *sums, int16_t *x, int rows, float scale);

enum { INPUTS = (OBSERVATIONS + 7) / 8 * 8 };

static int16_t x[HIDDEN];
static int32_t sums[HIDDEN];

static const uint8_t *layer(const uint8_t *at, int rows, int cols, float *scale) {
    const int32_t *biases = (const int32_t *)(at + 4);
    const int8_t *weights = (const int8_t *)(biases + rows);
    *scale = *(const float *)at;
    dense_s8(weights, x, sums, cols, rows / 4, biases);
    return (const uint8_t *)weights + rows * cols;
}

void peer_step(const float *observation, float *action) {
    static const int order[4] = {0, 2, 1, 3};
    const uint8_t *at = network;
    float scale = *(const float *)at;
    for (int col = 0; col < OBSERVATIONS; col++) {
        int whole = (int)lrintf(observation[col] * scale);
        x[col / 4 * 4 + order[col % 4]] = (int16_t)(whole > 127 ? 127 : whole < -127 ? -127 : whole);
    }
    for (int col = OBSERVATIONS; col < INPUTS; col++) x[col / 4 * 4 + order[col % 4]] = 0;
    at = layer(at + 4, HIDDEN, INPUTS, &scale);
    requantise_s8(sums, x, HIDDEN, scale);
    at = layer(at, HIDDEN, HIDDEN, &scale);
    requantise_s8(sums, x, HIDDEN, scale);
    layer(at, (ACTIONS + 3) / 4 * 4, HIDDEN, &scale);
    for (int row = 0; row < ACTIONS; row++) action[row] = tanhf((float)sums[row] * scale);
}
