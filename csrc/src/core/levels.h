/* The levels of a window, which scaling takes out: how large the signal is, how its baseline wanders, how far it
 * reaches. docs/numerics.md section 4.1. */
#ifndef EE_LEVELS_H
#define EE_LEVELS_H

#include "constants.h"
#include "quality.h"

typedef struct ee_level_slot {
    int64_t squares; /* sum of d^2 */
    /* While the window is open: sum of |z|, sum of d, the baseline that d is counted from. Then the levels. */
    int32_t level[EE_N_LEVELS];
} ee_level_slot;

/* Adds a block of the window; `before` and `behind` are the numbers of its other blocks. */
void ee_levels_merge(ee_level_slot *slot, uint32_t magnitude, int32_t baseline, uint32_t before, uint32_t behind);
void ee_levels_finish(ee_level_slot *slot, const ee_quality_slot *extremes, uint32_t blocks);

#endif
