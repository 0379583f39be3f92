#include "block_ring.h"

#include "arithmetic.h"
#include "constants.h"

void ee_block_ring_reset(ee_block_ring *ring)
{
    ring->newest = ring->left = ring->remainder = 0;
    ring->last = ring->before[0] = ring->before[1] = 0;
    ring->seen = 0;
}

ee_block_stats *ee_block_open(ee_block_ring *ring, uint32_t block, int32_t value)
{
    ee_block_stats *b = ee_block_at(ring, block);
    b->hi = b->lo = value;
    b->hi_count = b->lo_count = 0;
    b->missing = b->flat = 0;
    b->rough = 0;
    return b;
}

/* Input samples of the next block: block q begins at sample ceil(32 q fs / 128000). */
static uint32_t next_length(ee_block_ring *ring)
{
    uint32_t span = EE_BLOCK * ring->fs, rem = ring->remainder + span % EE_RATE_MHZ;
    uint32_t carry = rem >= EE_RATE_MHZ, before = ring->remainder > 0;
    ring->remainder = rem - (carry ? EE_RATE_MHZ : 0);
    return span / EE_RATE_MHZ + carry + (ring->remainder > 0) - before;
}

static void hold_missing(const ee_block_ring *ring, int32_t *x, uint32_t n)
{
    int32_t last = ring->last;
    for (uint32_t i = 0; i < n; i++) {
        if (x[i] == EE_MISSING) x[i] = last;
        else last = x[i];
    }
}

/* The extremes of n samples of block b, and the samples on a rail: those at an extreme that equal the two before. */
static void update_extremes(ee_block_ring *ring, ee_block_stats *b, const int32_t *x, uint32_t n)
{
    ee_rails r = { b->hi, b->lo, 0, 0 };
    EE_KERNEL(ring->kernels, rails)(x, n, &r);
    for (uint32_t i = 0; i < n && i < 2; i++) { /* these look back behind the buffer */
        int32_t one = i ? x[0] : ring->before[1], two = i ? ring->before[1] : ring->before[0];
        uint32_t third = (uint32_t)(ring->seen + i >= 2) & (uint32_t)(x[i] == one) & (uint32_t)(x[i] == two);
        r.at_hi += third & (uint32_t)(x[i] == r.hi);
        r.at_lo += third & (uint32_t)(x[i] == r.lo);
    }
    b->hi_count = (uint16_t)(r.at_hi + (r.hi == b->hi ? b->hi_count : 0));
    b->lo_count = (uint16_t)(r.at_lo + (r.lo == b->lo ? b->lo_count : 0));
    b->hi = r.hi;
    b->lo = r.lo;
    ring->before[0] = n > 1 ? x[n - 2] : ring->before[1];
    ring->before[1] = x[n - 1];
    ring->seen = ee_min(2, ring->seen + n);
}

#ifndef EE_NO_HOST
/* Whole blocks of a recording at 128 Hz without gaps. The two samples before x are there. Returns how many samples. */
static uint32_t update_whole_blocks(ee_block_ring *ring, const int32_t *x, uint32_t n)
{
    const uint32_t blocks = n / EE_BLOCK;
    for (uint32_t left = blocks, some; left; left -= some, x += some * EE_BLOCK) {
        ee_block_stats *next = ee_block_at(ring, ring->newest + 1);
        some = ee_min(left, (uint32_t)(ring->blocks + ring->size - next));
        ring->kernels->rails_blocks(x, some, next);
        ring->newest += some;
    }
    ring->before[0] = x[-2];
    ring->last = ring->before[1] = x[-1];
    return blocks * EE_BLOCK;
}
#endif

void ee_block_ring_update(ee_block_ring *ring, int32_t *x, uint32_t n, uint32_t any_missing)
{
#ifndef EE_NO_HOST
    const int32_t *first = x;
#endif
    ee_block_stats *b = ee_block_at(ring, ring->newest);
    while (n) {
#ifndef EE_NO_HOST
        if (!ring->left && n >= EE_BLOCK && x - first >= 2 && ring->fs == EE_RATE_MHZ && !any_missing) {
            const uint32_t done = update_whole_blocks(ring, x, n);
            x += done;
            n -= done;
            continue;
        }
#endif
        if (ring->left == 0) {
            if (ring->seen) ring->newest++;
            ring->left = next_length(ring);
            b = ee_block_open(ring, ring->newest, x[0] == EE_MISSING ? ring->last : x[0]);
        }
        uint32_t m = ee_min(n, ring->left);
        if (any_missing) {
            for (uint32_t i = 0; i < m; i++) b->missing |= x[i] == EE_MISSING;
            hold_missing(ring, x, m);
        }
        update_extremes(ring, b, x, m);
        ring->last = x[m - 1];
        ring->left -= m;
        x += m;
        n -= m;
    }
}
