/* Runs a peer on an emulated MPS2 board: checks its actions, counts the instructions of a step, says both by
 * semihosting. TOLERANCE is how far an action may be off. */
#include "peer.h"

#include <math.h>

enum { ROUNDS = 16 };

extern uint32_t load, data_start, data_end, bss_start, bss_end;
static const float *const file = (const float *)0x00100000;
const uint8_t *const network = (const uint8_t *)0x00100000 + 4 * (OBSERVATIONS + ACTIONS);

/* FPGAIO COUNTER, 25 MHz; an instruction takes 64 ns (see targets/cortex-m/src/counter.rs). */
static uint32_t ticks(void) { return *(volatile uint32_t *)0x40028018; }

static int semihost(int operation, const void *argument) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void end(const char *line, uint32_t status) {
    semihost(4, line);
    const uint32_t why[2] = {0x20026, status};
    semihost(0x20, why);
}

static float action[ACTIONS];

/* Of a number that is not negative. */
static char *decimal(char *to, uint32_t number) {
    char digits[10];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
    } while ((number /= 10) != 0);
    while (count > 0) *to++ = digits[--count];
    *to = 0;
    return to;
}

static void run(void) {
    peer_step(file, action);
    for (int at = 0; at < ACTIONS; at++)
        if (!(fabsf(action[at] - file[OBSERVATIONS + at]) <= TOLERANCE)) end("an action is off\n", 1);
    const uint32_t start = ticks();
    for (int round = 0; round < ROUNDS; round++) {
        __asm__ volatile("" ::: "memory");
        peer_step(file, action);
    }
    const uint32_t spent = ticks() - start;
    static char line[16];
    char *to = decimal(line, (uint32_t)((uint64_t)spent * 40 / 64 / ROUNDS));
    *to++ = '\n';
    *to = 0;
    end(line, 0);
}

__attribute__((noreturn)) void reset(void) {
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* the FPU is on */
    __asm__ volatile("dsb\nisb");
    for (uint32_t *from = &load, *to = &data_start; to < &data_end;) *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
    run();
    for (;;) {}
}

static void fault(void) { end("a fault\n", 1); }

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    (void *)0x20040000, (void *)reset, (void *)fault, (void *)fault,
    (void *)fault,      (void *)fault, (void *)fault,
};
