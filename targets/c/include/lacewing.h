/* Lacewing: act with sparse policies from C and C++.
 *
 * Made by targets/c/header.sh from src/lib.rs. Link with liblacewing_c.a (and -lpthread -ldl -lm) or
 * liblacewing_c.so. */

#ifndef LACEWING_H
#define LACEWING_H

#include <stddef.h>
#include <stdint.h>

// Whether something worked.
typedef enum LacewingStatus {
  // It did.
  LACEWING_STATUS_OK = 0,
  // A pointer is NULL, or a length is not the policy's.
  LACEWING_STATUS_ARGUMENT = 1,
  // The file cannot be read, is damaged or of another version.
  LACEWING_STATUS_FILE = 2,
  // The policy cannot be run on this processor, or acts otherwise than where it was written.
  LACEWING_STATUS_LOAD = 3,
  // A sensor says what it cannot, or a number is NaN or infinite: there is no action.
  LACEWING_STATUS_SENSOR = 4,
} LacewingStatus;

// A loaded policy.
typedef struct LacewingPolicy LacewingPolicy;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Why the last call of this thread failed, in UTF-8; valid until the next one. Never NULL.
const char *lacewing_error(void);

// Reads a policy file, lays it out for this processor and replays the examples in it, which takes some
// milliseconds. `*policy` is to be freed by `lacewing_free`.
//
// # Safety
// `path` is NULL or ends with a zero; `policy` is NULL or can be written to.
enum LacewingStatus lacewing_load(const char *path,
                                  struct LacewingPolicy **policy);

// The same from a file's bytes in memory, which are copied.
//
// # Safety
// `bytes` is NULL or can be read for `length` bytes; `policy` is NULL or can be written to.
enum LacewingStatus lacewing_load_bytes(const uint8_t *bytes,
                                        size_t length,
                                        struct LacewingPolicy **policy);

// Ends a policy; NULL is none.
//
// # Safety
// `policy` is NULL or came from `lacewing_load` and was not freed.
void lacewing_free(struct LacewingPolicy *policy);

// Numbers of an observation; 0 of NULL.
//
// # Safety
// `policy` is NULL or came from `lacewing_load` and was not freed.
size_t lacewing_observations(const struct LacewingPolicy *policy);

// Numbers of an action: 1 where actions are discrete; 0 of NULL.
//
// # Safety
// As `lacewing_observations`.
size_t lacewing_actions(const struct LacewingPolicy *policy);

// Seconds from one action to the next; 0 of NULL.
//
// # Safety
// As `lacewing_observations`.
double lacewing_period(const struct LacewingPolicy *policy);

// Begins an episode: earlier observations and actions are forgotten.
//
// # Safety
// As `lacewing_observations`.
enum LacewingStatus lacewing_reset(struct LacewingPolicy *policy);

// One control step: an observation in the units of the driver to an action in its units, within the
// limits of the policy's file. Never allocates where it works.
//
// # Safety
// `policy` is NULL or came from `lacewing_load` and was not freed; `observation` is NULL or can be read
// for `observations` numbers, `action` is NULL or can be written to for `actions`.
enum LacewingStatus lacewing_act(struct LacewingPolicy *policy,
                                 const float *observation,
                                 size_t observations,
                                 float *action,
                                 size_t actions);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LACEWING_H */
