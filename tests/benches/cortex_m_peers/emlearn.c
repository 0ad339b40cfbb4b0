/* emlearn's float network, as the code that it makes of a model sets it up. */
#include "peer.h"

#include <eml_net.h>

static float first[HIDDEN], second[HIDDEN];

void peer_step(const float *observation, float *action) {
    const float *w0 = (const float *)network, *b0 = w0 + OBSERVATIONS * HIDDEN;
    const float *w1 = b0 + HIDDEN, *b1 = w1 + HIDDEN * HIDDEN;
    const float *w2 = b1 + HIDDEN, *b2 = w2 + HIDDEN * ACTIONS;
    const EmlNetLayer layers[3] = {
        {HIDDEN, OBSERVATIONS, w0, b0, EmlNetActivationRelu},
        {HIDDEN, HIDDEN, w1, b1, EmlNetActivationRelu},
        {ACTIONS, HIDDEN, w2, b2, EmlNetActivationTanh},
    };
    EmlNet net = {3, layers, first, second, HIDDEN};
    eml_net_infer(&net, observation, OBSERVATIONS);
    for (int at = 0; at < ACTIONS; at++) action[at] = net.activations2[at];
}
