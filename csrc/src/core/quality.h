/* The quality flags of a window. docs/numerics.md section 5. */
#ifndef EE_QUALITY_H
#define EE_QUALITY_H

#include "block_stats.h"
#include "model_view.h"

/* A window, of whose blocks some have come. */
typedef struct ee_quality_slot {
    int32_t hi, lo;
    uint32_t hi_count, lo_count;
    uint16_t rough;               /* sum over the blocks: below 2^15 */
    uint8_t left, flat, flat_run; /* blocks to come; flat ones; flat ones in a row. A window has at most 160 */
    uint8_t flags;                /* EE_QUALITY_MISSING, EE_QUALITY_LEAD_OFF */
} ee_quality_slot;

void ee_quality_open(ee_quality_slot *slot, uint32_t blocks);
void ee_quality_merge(ee_quality_slot *slot, const ee_block_stats *b, uint32_t off_blocks);
uint32_t ee_quality_flags(const ee_quality_slot *slot, const ee_front *front, uint32_t fs_mhz);

#endif
