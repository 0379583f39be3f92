/* Statistics of the blocks that input samples belong to: extremes, samples on a rail, gaps. docs/numerics.md section 5.
 */
#include "internal.h"

ee_block_stats *ee_block_open(ee_front_state *f, uint32_t block, int32_t value)
{
    ee_block_stats *b = ee_block_at(f, block);
    b->hi = b->lo = value;
    b->hi_count = b->lo_count = 0;
    b->missing = b->flat = 0;
    b->rough = 0;
    return b;
}

/* Input samples in the next block: block q starts at sample ceil(32 q fs / 128000). */
static uint32_t block_length(ee_front_state *f)
{
    uint32_t span = EE_BLOCK * f->fs, rem = f->in_rem + span % EE_RATE_MHZ;
    uint32_t carry = rem >= EE_RATE_MHZ, before = f->in_rem > 0;
    f->in_rem = rem - (carry ? EE_RATE_MHZ : 0);
    return span / EE_RATE_MHZ + carry + (f->in_rem > 0) - before;
}

static void hold_missing(ee_front_state *f, int32_t *x, uint32_t n)
{
    int32_t last = f->last;
    for (uint32_t i = 0; i < n; i++) {
        if (x[i] == EE_MISSING) x[i] = last;
        else last = x[i];
    }
}

/* Equal to the two samples before it, at the extreme: third or later in a run on the rail. */
static void count_extremes(ee_front_state *f, ee_block_stats *b, const int32_t *x, uint32_t n)
{
    ee_rails r = { b->hi, b->lo, 0, 0 };
    EE_KERNEL(f->kernels, rails)(x, n, &r);
    for (uint32_t i = 0; i < n && i < 2; i++) { /* these look back behind the buffer */
        int32_t one = i ? x[0] : f->before[1], two = i ? f->before[1] : f->before[0];
        uint32_t third = (uint32_t)(f->seen + i >= 2) & (uint32_t)(x[i] == one) & (uint32_t)(x[i] == two);
        r.at_hi += third & (uint32_t)(x[i] == r.hi);
        r.at_lo += third & (uint32_t)(x[i] == r.lo);
    }
    b->hi_count = (uint16_t)(r.at_hi + (r.hi == b->hi ? b->hi_count : 0));
    b->lo_count = (uint16_t)(r.at_lo + (r.lo == b->lo ? b->lo_count : 0));
    b->hi = r.hi;
    b->lo = r.lo;
    f->before[0] = n > 1 ? x[n - 2] : f->before[1];
    f->before[1] = x[n - 1];
    f->seen = ee_min(2, f->seen + n);
}

#ifndef EE_NO_HOST
/* Whole blocks from x on, behind two samples of the same array, of a recording at 128 Hz without gaps: number of
 * samples. */
static uint32_t take_blocks(ee_front_state *f, const int32_t *x, uint32_t n)
{
    const uint32_t blocks = n / EE_BLOCK;
    for (uint32_t left = blocks, some; left; left -= some, x += some * EE_BLOCK) {
        ee_block_stats *next = ee_block_at(f, f->in_block + 1);
        some = ee_min(left, (uint32_t)(f->blocks + f->n_blocks - next));
        f->kernels->rails_blocks(x, some, next);
        f->in_block += some;
    }
    f->before[0] = x[-2];
    f->last = f->before[1] = x[-1];
    return blocks * EE_BLOCK;
}
#endif

/* Statistics of the block that each input sample belongs to. */
void ee_input_stats_update(ee_front_state *f, int32_t *x, uint32_t n, uint32_t any_missing)
{
    ee_block_stats *b = ee_block_at(f, f->in_block);
#ifndef EE_NO_HOST
    const int32_t *first = x;
#endif
    while (n) {
#ifndef EE_NO_HOST
        if (!f->in_left && n >= EE_BLOCK && x - first >= 2 && f->fs == EE_RATE_MHZ && !any_missing) {
            const uint32_t done = take_blocks(f, x, n);
            x += done;
            n -= done;
            continue;
        }
#endif
        if (f->in_left == 0) {
            if (f->seen) f->in_block++;
            f->in_left = block_length(f);
            b = ee_block_open(f, f->in_block, x[0] == EE_MISSING ? f->last : x[0]);
        }
        uint32_t m = ee_min(n, f->in_left);
        if (any_missing) {
            for (uint32_t i = 0; i < m; i++) b->missing |= x[i] == EE_MISSING;
            hold_missing(f, x, m);
        }
        count_extremes(f, b, x, m);
        f->last = x[m - 1];
        f->in_left -= m;
        x += m;
        n -= m;
    }
}
