/* What is known of a block of 32 samples at 128 Hz: the quality flags are made of it. docs/numerics.md section 5. */
#ifndef EE_BLOCK_STATS_H
#define EE_BLOCK_STATS_H

#include "platform.h"

typedef struct ee_block_stats {
    int32_t hi, lo;              /* extremes of the input samples */
    uint16_t hi_count, lo_count; /* input samples at hi and lo that are at least third in a run of equal ones */
    uint8_t missing, flat;       /* 1: a sample was missing; the block is flat */
    uint16_t rough;              /* roughness, where the front end asks for it: at most 31 * EE_STEP_LIMIT */
} ee_block_stats;

/* The extremes and counts of a block while its samples come in. */
typedef struct ee_rails {
    int32_t hi, lo;
    uint32_t at_hi, at_lo;
} ee_rails;

#endif
