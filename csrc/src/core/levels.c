#include "levels.h"

#include "build_options.h"

#if EE_LEVELS
void ee_levels_merge(ee_level_slot *slot, uint32_t magnitude, int32_t baseline, uint32_t before, uint32_t behind)
{
    slot->level[0] += (int32_t)magnitude;
    if (before < EE_LEVEL_MARGIN || behind < EE_LEVEL_MARGIN) return;
    if (before == EE_LEVEL_MARGIN) slot->level[2] = baseline;
    const int32_t d = (baseline - slot->level[2]) >> 2;
    slot->level[1] += d;
    slot->squares += (int64_t)d * d;
}

/* Mitchell's logarithm to the base 2 of v >= 1, 8 bits behind the point. */
static int32_t logarithm(uint64_t v)
{
    int32_t e = 8;
    for (; v >= 512; e++) v >>= 1;
    for (; v < 256; e--) v <<= 1;
    return 256 * e + (int32_t)v - 256;
}

void ee_levels_finish(ee_level_slot *slot, const ee_quality_slot *extremes, uint32_t blocks)
{
    const uint32_t n = blocks > 2 * EE_LEVEL_MARGIN ? blocks - 2 * EE_LEVEL_MARGIN : 0;
    const int64_t variance = n * slot->squares - (int64_t)slot->level[1] * slot->level[1];
    slot->level[0] = logarithm((uint64_t)slot->level[0] + 1);
    slot->level[1] = logarithm((uint64_t)variance + 1) - 2 * slot->level[0];
    slot->level[2] = logarithm((uint64_t)((int64_t)extremes->hi - extremes->lo) + 1) - slot->level[0];
}
#endif
