#include "scaler.h"

#include "arithmetic.h"

void ee_scaler_reset(ee_scaler *s)
{
    s->first = s->count = s->filling = s->block = 0;
#ifndef EE_NO_HOST
    s->reach_sum = s->reach_samples = s->entering = s->entering_at = s->leaving_at = 0;
#endif
}

int ee_front_output_ready(const ee_front_state *f)
{ return ee_scaler_holds(f, EE_BLOCK) || (ee_scaler_count(f) && ee_scaler_ended(f)); }

/* Adds `left` of the sums from place `at` of the ring on, and their samples; returns the place behind them. */
static uint32_t add_sums(const ee_scaler *s, uint32_t at, uint32_t left, uint32_t *total, uint32_t *count)
{
    for (; left; left--) {
        *total += s->sums[at] & 0xFFFFFFu;
        *count += s->sums[at] >> 24;
        at = at + 1 == s->n_sums ? 0 : at + 1;
    }
    return at;
}

/* D and N of section 2.3 for the next block to leave: the larger of floor * N and M, which is below 2^26. A host
 * carries the sums on from block to block. */
static uint32_t divisor_of(ee_scaler *s, const ee_front *front, uint32_t *samples)
{
    const uint32_t reach = front->reach;
    uint32_t last = ee_min(s->block + reach, s->filling), total = 0, count = 0;
    if (last == s->filling && s->count <= (last - s->block) * EE_BLOCK) last--; /* that one has no sample yet */
#ifdef EE_NO_HOST
    const uint32_t first = s->block > reach ? s->block - reach : 0;
    add_sums(s, first % s->n_sums, last - first + 1, &total, &count);
#else
    total = s->reach_sum;
    count = s->reach_samples;
    s->entering_at = add_sums(s, s->entering_at, last + 1 - s->entering, &total, &count);
    s->entering = last + 1;
    s->reach_sum = total;
    s->reach_samples = count;
    if (s->block >= reach) { /* the oldest block leaves the sums */
        uint32_t old = 0, of_old = 0;
        s->leaving_at = add_sums(s, s->leaving_at, 1, &old, &of_old);
        s->reach_sum -= old;
        s->reach_samples -= of_old;
    }
#endif
    *samples = count;
    return ee_max(front->floor * count, total);
}

/* One block into all channels. gain * count is below 2^27. */
static uint32_t scale_block(ee_front_state *f, uint8_t *y)
{
    ee_scaler *s = &f->scaler;
    const uint32_t n = ee_min(EE_BLOCK, s->count), channels = f->front->channels;
    uint32_t count, divisor = divisor_of(s, f->front, &count);
    for (uint32_t c = 0; c < channels; c++)
        EE_KERNEL(f->kernels, scale)(s->z + s->first, (int32_t)ee_quotient(f->front->gain[c] * count, 12, divisor), n,
                                     y + c, channels);
    s->first += n;
    s->count -= n;
    s->block++;
    return n;
}

#ifndef EE_NO_HOST
/* Up to `most` whole blocks into the only channel. The caller has seen that they are ready. */
static uint32_t scale_whole_blocks(ee_front_state *f, uint32_t most, uint8_t *y)
{
    ee_scaler *s = &f->scaler;
    const int16_t *z = s->z + s->first;
    int32_t gains[EE_BLOCKS_AT_ONCE];
    uint32_t blocks = 0, count;
    while (blocks < most && s->count >= EE_BLOCK) {
        const uint32_t divisor = divisor_of(s, f->front, &count);
        gains[blocks++] = (int32_t)ee_quotient(f->front->gain[0] * count, 12, divisor);
        s->count -= EE_BLOCK;
        s->block++;
    }
    f->kernels->scale_blocks(z, gains, blocks, y);
    s->first += blocks * EE_BLOCK;
    return blocks * EE_BLOCK;
}
#endif

/* The plain front end: up to `most` blocks of raw samples. `stats` are the statistics of the same samples. */
static uint32_t scale_plain_blocks(ee_front_state *f, uint32_t most, uint8_t *y, ee_block_stats *stats)
{
    ee_resampler *r = &f->resampler;
    const uint32_t n = ee_min(most * EE_BLOCK, r->count);
    EE_KERNEL(f->kernels, scale_plain)(r->raw + r->pos, (int32_t)f->front->direct_gain, n, y);
    for (uint32_t i = 0; i < n; i += EE_BLOCK, stats++, f->scaler.block++)
        stats->flat = stats->hi - stats->lo <= (int32_t)f->front->flat_max;
    r->pos += n;
    r->count -= n;
    return n;
}

uint32_t ee_front_output(ee_front_state *f, uint32_t most, uint8_t *y, const ee_block_stats **stats)
{
    ee_block_stats *b = ee_block_at(&f->ring, f->scaler.block);
    const uint32_t channels = f->front->channels;
    uint32_t n;
    *stats = b;
    most = EE_ON_DEVICE ? 1 : ee_min(ee_min(most, EE_BLOCKS_AT_ONCE), (uint32_t)(f->ring.blocks + f->ring.size - b));
    if (!EE_FRONT_KIND(f->front)) {
        if (!f->resampler.ended) most = ee_min(most, f->resampler.count / EE_BLOCK);
        n = scale_plain_blocks(f, most, y, b);
    }
#ifndef EE_NO_HOST
    else if (channels == 1 && f->scaler.count >= EE_BLOCK) {
        n = scale_whole_blocks(f, most, y);
        if (f->front->noise) f->kernels->roughness_blocks(y, n / EE_BLOCK, b);
        return n;
    }
#endif
    else
        n = scale_block(f, y);
    for (uint32_t i = 0; i < n; i += EE_BLOCK, b++)
        b->rough = (uint16_t)(f->front->noise ? EE_KERNEL(f->kernels, roughness)(y + i * channels,
                                                                                 ee_min(EE_BLOCK, n - i), channels)
                                              : 0);
    return n;
}
