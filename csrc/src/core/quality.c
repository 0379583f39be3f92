#include "quality.h"

void ee_quality_open(ee_quality_slot *slot, uint32_t blocks)
{
    slot->hi = INT32_MIN;
    slot->lo = INT32_MAX;
    slot->hi_count = slot->lo_count = 0;
    slot->rough = 0;
    slot->left = (uint8_t)blocks;
    slot->flat = slot->flat_run = slot->flags = 0;
}

void ee_quality_merge(ee_quality_slot *slot, const ee_block_stats *b, uint32_t off_blocks)
{
    slot->left--;
    if (b->hi > slot->hi) {
        slot->hi = b->hi;
        slot->hi_count = 0;
    }
    if (b->lo < slot->lo) {
        slot->lo = b->lo;
        slot->lo_count = 0;
    }
    if (b->hi == slot->hi) slot->hi_count += b->hi_count;
    if (b->lo == slot->lo) slot->lo_count += b->lo_count;
    slot->rough = (uint16_t)(slot->rough + b->rough);
    if (b->missing) slot->flags |= EE_QUALITY_MISSING;
    slot->flat = (uint8_t)(slot->flat + b->flat);
    slot->flat_run = (uint8_t)(b->flat ? slot->flat_run + 1 : 0);
    if (slot->flat_run >= off_blocks) slot->flags |= EE_QUALITY_LEAD_OFF;
}

uint32_t ee_quality_flags(const ee_quality_slot *slot, const ee_front *front, uint32_t fs_mhz)
{
    uint32_t flags = slot->flags;
    uint64_t railed = ((uint64_t)slot->hi_count + (slot->hi != slot->lo ? slot->lo_count : 0)) * 1000000u;
    if (slot->flat >= front->flat_blocks) flags |= EE_QUALITY_FLAT;
    else if (railed >= (uint64_t)front->clip_ms * fs_mhz) flags |= EE_QUALITY_CLIPPED;
    if (slot->hi >= EE_X_MAX || slot->lo <= -EE_X_MAX) flags |= EE_QUALITY_LEAD_OFF;
    if (front->noise && slot->rough >= front->noise) flags |= EE_QUALITY_NOISY;
    return flags;
}
