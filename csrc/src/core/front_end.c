#include "front_end.h"

#include "arena.h"
#include "arithmetic.h"
#include "baseline.h"
#include "bytes.h"
#include "resampler.h"

#ifdef EE_NO_HOST
#define EE_WAITS_FOR_THE_END(f) 0
#else
#define EE_WAITS_FOR_THE_END(f) (f)->whole
#endif

/* ---------------------------------------------------------------- memory */
static uint32_t round_up_blocks(uint32_t n) { return (n + EE_BLOCK - 1) / EE_BLOCK; }

/* Input samples that are taken at once: those of a large block of the trunk, a few where it takes blocks of 32. */
static uint32_t chunk_of(const ee_config *config, uint32_t gathered)
{
    const uint32_t fs = config->fs_mhz, most = gathered ? config->block : EE_DEVICE_CHUNK;
    const uint32_t chunk = most * (fs / EE_RATE_MHZ) + most * (fs % EE_RATE_MHZ) / EE_RATE_MHZ;
    return ee_max(1, gathered ? chunk : ee_min(chunk, EE_DEVICE_CHUNK));
}

void ee_front_layout(ee_front_state *f, const ee_config *config, int levels, uint8_t **memory)
{
    const ee_front *front = f->front;
    const uint32_t kind = EE_FRONT_KIND(front), fs = config->fs_mhz;
    const uint32_t gathered = EE_TRUNK_BLOCK(config) - EE_BLOCK; /* samples that wait for the rest of a large block */
    ee_resampler *r = &f->resampler;
    ee_baseline *b = &f->baseline;
    ee_scaler *s = &f->scaler;
    ee_resampler_layout(f, config, memory);
    r->chunk = chunk_of(config, gathered);
    uint32_t out = r->chunk * EE_RATE / (fs / 1000) + 2;
    /* Samples x behind the last z, all of which come at once at the end. */
    uint32_t ahead = front->baseline / 2u + (r->half + 1) * EE_RATE_MHZ / fs + 2;
    /* Samples z. */
    uint32_t held = (front->reach + 1u) * EE_BLOCK + gathered + (gathered ? ee_max(out, ahead) : out);
    uint32_t raw = r->chunk + (kind ? ee_max(2 * r->half, r->half + fs / EE_RATE_MHZ + 2) : EE_BLOCK + gathered);
#ifndef EE_NO_HOST
    if (r->taps) raw += 8; /* their rows are read in eights */
#endif
    r->raw = (int32_t *)ee_allocate(memory, raw * sizeof *r->raw);
#ifndef EE_NO_HOST
    r->words = r->taps ? (int16_t *)ee_allocate(memory, (raw + EE_WORD_ROW) * sizeof *r->words) : NULL;
#endif
    b->x = NULL;
    b->capacity = front->baseline + out;
    s->z = NULL;
    s->n_sums = 0;
    f->ring.size = round_up_blocks(kind ? ahead + held + out : EE_BLOCK + gathered + r->chunk) + 2u;
    f->ring.fs = fs;
    if (kind) {
        s->n_sums = round_up_blocks(held) + front->reach + 2u;
        b->x = (int32_t *)ee_allocate(memory, b->capacity * sizeof *b->x);
        s->z = (int16_t *)ee_allocate(memory, held * sizeof *s->z);
    }
    f->ring.blocks = (ee_block_stats *)ee_allocate(memory, f->ring.size * sizeof *f->ring.blocks);
    s->sums = (uint32_t *)ee_allocate(memory, s->n_sums * sizeof *s->sums);
    s->bases = levels ? (int32_t *)ee_allocate(memory, (s->n_sums - front->reach) * sizeof *s->bases) : NULL;
}

void ee_front_reset(ee_front_state *f)
{
#ifndef EE_NO_HOST
    f->whole = 0;
#endif
    ee_resampler_reset(&f->resampler);
    ee_baseline_reset(&f->baseline);
    ee_scaler_reset(&f->scaler);
    ee_block_ring_reset(&f->ring);
}

uint32_t ee_front_delay(const ee_front *front, uint32_t fs_mhz)
{
    if (!EE_FRONT_KIND(front)) return EE_BLOCK;
    return ee_resampler_half(front, fs_mhz) * EE_RATE_MHZ / fs_mhz + 1 + front->baseline / 2u +
           (front->reach + 1u) * EE_BLOCK;
}

/* ---------------------------------------------------------------- samples in */
/* Before the very first sample, room is left in front of it for the half - 1 samples that are held there. */
int32_t *ee_front_input_buffer(ee_front_state *f)
{
    ee_resampler *r = &f->resampler;
    if (!EE_FRONT_KIND(f->front)) {
        if (r->pos) ee_copy(r->raw, r->raw + r->pos, r->count * sizeof *r->raw);
        r->pos = 0;
        return r->raw + r->count;
    }
    return r->raw + (r->count ? r->count : r->half - 1);
}

void ee_front_input_done(ee_front_state *f, uint32_t n, uint32_t any_missing)
{
    ee_resampler *r = &f->resampler;
    int32_t *x = ee_front_input_buffer(f);
    ee_block_ring_update(&f->ring, x, n, any_missing);
    if (EE_FRONT_KIND(f->front) && !r->count) {
        for (uint32_t i = 0; i + 1 < r->half; i++) r->raw[i] = x[0];
        r->count = r->pos = r->half - 1;
    }
    r->count += n;
    if (EE_FRONT_KIND(f->front) && !EE_WAITS_FOR_THE_END(f)) {
        ee_resampler_run(f);
        ee_baseline_run(f);
    }
}

/* ---------------------------------------------------------------- the end of the recording */
void ee_front_finish(ee_front_state *f)
{
    f->resampler.ended = 1;
    if (!f->resampler.count || !EE_FRONT_KIND(f->front)) return;
    f->resampler.padding = (uint16_t)f->resampler.half;
    f->baseline.padding = (uint16_t)(f->front->baseline / 2u - 1);
}

int ee_front_pad(ee_front_state *f)
{
    const uint32_t raw = f->resampler.padding;
    if (!raw && !f->baseline.padding) return 0;
    if (raw) ee_resampler_pad(f);
    if (EE_ON_DEVICE ? !raw : !f->resampler.padding) ee_baseline_pad(f); /* a host has room for both */
    ee_baseline_run(f);
    return 1;
}
