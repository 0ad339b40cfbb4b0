/* Reads observations, numbers one after the other, and prints the action to each:
 *
 *   echo 0.1 0.2 0.3 | ./act policy.lace */
#include <stdio.h>
#include <stdlib.h>

#include "lacewing.h"

static int fail(void) {
    fprintf(stderr, "act: %s\n", lacewing_error());
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: act POLICY\n");
        return 2;
    }
    LacewingPolicy *policy = NULL;
    if (lacewing_load(argv[1], &policy) != LACEWING_STATUS_OK) return fail();

    const size_t observations = lacewing_observations(policy), actions = lacewing_actions(policy);
    float *observation = calloc(observations, sizeof *observation);
    float *action = calloc(actions, sizeof *action);
    int status = observation && action ? EXIT_SUCCESS : EXIT_FAILURE;
    for (size_t read = 0; status == EXIT_SUCCESS && scanf("%f", &observation[read]) == 1;) {
        if (++read < observations) continue;
        read = 0;
        if (lacewing_act(policy, observation, observations, action, actions) != LACEWING_STATUS_OK) {
            status = fail();
            break;
        }
        for (size_t i = 0; i < actions; i++) printf(i ? " %.9g" : "%.9g", action[i]);
        printf("\n");
    }
    free(observation);
    free(action);
    lacewing_free(policy);
    return status;
}
