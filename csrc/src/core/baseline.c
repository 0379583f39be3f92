#include "baseline.h"

#include "arithmetic.h"
#include "bytes.h"
#include "constants.h"

void ee_baseline_reset(ee_baseline *b)
{
    b->count = b->pos = 0;
    b->sum = b->hi = b->lo = 0;
    b->padding = 0;
    b->summed = 0;
}

/* Keeps what was taken out of the first sample of each block. */
static void keep_bases(ee_scaler *s, uint32_t reach, const int32_t *x, const int16_t *z, uint32_t blocks)
{
    const uint32_t size = s->n_sums - reach;
    for (uint32_t i = 0, at = s->filling % size; i < blocks; i++, at = at + 1 == size ? 0 : at + 1)
        s->bases[at] = x[i * EE_BLOCK] - 4 * z[i * EE_BLOCK];
}

/* The next samples of the block that is being filled, at most n; returns how many. */
static uint32_t run_block(ee_front_state *f, uint32_t n)
{
    ee_baseline *b = &f->baseline;
    ee_scaler *s = &f->scaler;
    const ee_front *front = f->front;
    const uint32_t filled = s->count % EE_BLOCK;
    const int32_t *x = b->x + b->pos;
    int16_t *z = s->z + s->first + s->count;
    if (filled == 0) {
        b->hi = b->lo = x[0];
        if (s->filling > f->ring.newest) /* the block lies behind the last input sample */
            ee_block_open(&f->ring, f->ring.newest = s->filling, f->ring.last);
    }
    n = ee_min(n, EE_BLOCK - filled);
    ee_block_stats *stats = ee_block_at(&f->ring, s->filling);
    uint32_t *sum = &s->sums[s->filling % s->n_sums];
    if (filled == 0) *sum = 0;
    *sum += n << 24 | EE_KERNEL(f->kernels, detrend)(x, front->baseline / 2u, front->log2_baseline, &b->sum, n, z,
                                                     &b->hi, &b->lo);
    stats->flat = b->hi - b->lo <= (int32_t)front->flat_max;
    if (EE_LEVELS && s->bases && filled == 0) keep_bases(s, front->reach, x, z, 1);
    s->count += n;
    if (filled + n == EE_BLOCK) s->filling++;
    return n;
}

#ifndef EE_NO_HOST
/* Whole blocks, at most n samples; returns how many. Their input is there: what is resampled lies less than three
 * samples behind it. */
static uint32_t run_whole_blocks(ee_front_state *f, uint32_t n)
{
    ee_baseline *b = &f->baseline;
    ee_scaler *s = &f->scaler;
    ee_block_ring *ring = &f->ring;
    if (s->count % EE_BLOCK || n < EE_BLOCK) return 0;
    const int32_t *x = b->x + b->pos;
    int16_t *z = s->z + s->first + s->count;
    ee_block_stats *stats = ee_block_at(ring, s->filling);
    uint32_t *sum = &s->sums[s->filling % s->n_sums];
    uint32_t blocks = ee_min(n / EE_BLOCK, ring->newest - s->filling + 1);
    blocks = ee_min(blocks, (uint32_t)(ring->blocks + ring->size - stats));
    blocks = ee_min(blocks, (uint32_t)(s->sums + s->n_sums - sum));
    f->kernels->detrend_blocks(x, f->front, &b->sum, blocks, z, sum, stats);
    if (s->bases) keep_bases(s, f->front->reach, x, z, blocks);
    s->count += blocks * EE_BLOCK;
    s->filling += blocks;
    return blocks * EE_BLOCK;
}
#else
#define run_whole_blocks(f, n) 0u
#endif

void ee_baseline_run(ee_front_state *f)
{
    ee_baseline *b = &f->baseline;
    ee_scaler *s = &f->scaler;
    uint32_t width = f->front->baseline, half = width / 2;
    if (s->first) ee_copy(s->z, s->z + s->first, s->count * sizeof *s->z);
    s->first = 0;
    if (!b->summed) {
        if (b->count < width) return;
        b->sum = (int32_t)half * *b->x; /* of those held in front */
        for (uint32_t i = half; i + 1 < width; i++) b->sum += b->x[i];
        b->summed = 1;
    }
    const uint32_t end = b->count - half + 1; /* of the padding too there are half - 1 */
    for (uint32_t some; b->pos < end; b->pos += some) {
        some = run_whole_blocks(f, end - b->pos);
        if (!some) some = run_block(f, end - b->pos);
    }
    uint32_t drop = b->pos - half;
    b->count -= drop;
    b->pos = half;
    ee_copy(b->x, b->x + drop, b->count * sizeof *b->x);
}

void ee_baseline_pad(ee_front_state *f)
{
    ee_baseline *b = &f->baseline;
    uint32_t n = ee_min(b->padding, b->capacity - b->count);
    int32_t last = b->x[b->count - 1];
    for (uint32_t i = 0; i < n; i++) b->x[b->count++] = last;
    b->padding = (uint16_t)(b->padding - n);
}
