/* What C may do wrong: every call answers with a status and a reason, and nothing leaks. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lacewing.h"

#undef NDEBUG

static void refused(LacewingStatus status, LacewingStatus expected, const char *word) {
    if (status == expected && strstr(lacewing_error(), word)) return;
    fprintf(stderr, "status %d where %d is due; `%s` has no `%s`\n", status, expected, lacewing_error(), word);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
    assert(argc == 2);
    LacewingPolicy *policy = NULL;
    refused(lacewing_load(NULL, &policy), LACEWING_STATUS_ARGUMENT, "NULL");
    refused(lacewing_load(argv[1], NULL), LACEWING_STATUS_ARGUMENT, "NULL");
    refused(lacewing_load("/nowhere/policy.lace", &policy), LACEWING_STATUS_FILE, "nowhere");
    assert(policy == NULL);

    FILE *file = fopen(argv[1], "rb");
    assert(file);
    static unsigned char bytes[1 << 20];
    const size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    refused(lacewing_load_bytes(NULL, 3, &policy), LACEWING_STATUS_ARGUMENT, "NULL");
    refused(lacewing_load_bytes(bytes, length - 1, &policy), LACEWING_STATUS_FILE, "");
    refused(lacewing_load_bytes(bytes, 0, &policy), LACEWING_STATUS_FILE, "");
    for (size_t at = 0; at < length; at += 997) {
        bytes[at] ^= 0x10;
        refused(lacewing_load_bytes(bytes, length, &policy), LACEWING_STATUS_FILE, "");
        bytes[at] ^= 0x10;
    }
    assert(lacewing_load_bytes(bytes, length, &policy) == LACEWING_STATUS_OK);
    memset(bytes, 0, sizeof bytes); /* They were copied. */

    const size_t observations = lacewing_observations(policy), actions = lacewing_actions(policy);
    assert(observations > 0 && actions > 0 && lacewing_period(policy) > 0);
    float *observation = calloc(observations, sizeof *observation);
    float *action = calloc(actions + 1, sizeof *action);
    action[0] = 12345;
    refused(lacewing_act(NULL, observation, observations, action, actions), LACEWING_STATUS_ARGUMENT, "NULL");
    refused(lacewing_act(policy, NULL, observations, action, actions), LACEWING_STATUS_ARGUMENT, "NULL");
    refused(lacewing_act(policy, observation, observations, NULL, actions), LACEWING_STATUS_ARGUMENT, "NULL");
    refused(lacewing_act(policy, observation, observations - 1, action, actions), LACEWING_STATUS_ARGUMENT, "numbers");
    refused(lacewing_act(policy, observation, observations, action, actions + 1), LACEWING_STATUS_ARGUMENT, "numbers");
    observation[observations - 1] = NAN;
    refused(lacewing_act(policy, observation, observations, action, actions), LACEWING_STATUS_SENSOR, "");
    assert(action[0] == 12345);
    observation[observations - 1] = 0;
    assert(lacewing_act(policy, observation, observations, action, actions) == LACEWING_STATUS_OK);
    assert(action[0] != 12345);
    assert(lacewing_reset(policy) == LACEWING_STATUS_OK);
    refused(lacewing_reset(NULL), LACEWING_STATUS_ARGUMENT, "NULL");
    assert(lacewing_observations(NULL) == 0 && lacewing_actions(NULL) == 0 && lacewing_period(NULL) == 0);

    free(observation);
    free(action);
    lacewing_free(policy);
    lacewing_free(NULL);
    return EXIT_SUCCESS;
}
