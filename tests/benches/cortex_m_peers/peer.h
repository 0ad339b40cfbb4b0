/* What every peer has. */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>

enum { OBSERVATIONS = 17, HIDDEN = 256, ACTIONS = 6 };

/* What lies behind the observation and its actions in the file that network.py made for this peer. */
extern const uint8_t *const network;

/* One control step. */
void peer_step(const float *observation, float *action);

#endif
