/* The third stage of the front end: blocks of samples become bytes in proportion to the mean magnitude around them.
 * docs/numerics.md 2.3, for the plain front end 2.4. */
#ifndef EE_SCALER_H
#define EE_SCALER_H

#include "constants.h"
#include "front_state.h"

/* Samples that wait for this stage. */
static inline uint32_t ee_scaler_count(const ee_front_state *f)
{ return EE_FRONT_KIND(f->front) ? f->scaler.count : f->resampler.count; }

/* The recording has ended, and all of its samples have reached this stage. */
static inline int ee_scaler_ended(const ee_front_state *f)
{
    if (!f->resampler.ended) return 0;
    return !EE_FRONT_KIND(f->front) || (!f->resampler.padding && !f->baseline.padding);
}

/* Whether `samples` samples are there, and the later ones that their scale depends on. */
static inline int ee_scaler_holds(const ee_front_state *f, uint32_t samples)
{ return ee_scaler_count(f) >= (EE_FRONT_KIND(f->front) ? f->front->reach * EE_BLOCK : 0) + samples; }

void ee_scaler_reset(ee_scaler *s);
/* A block can leave. */
int ee_front_output_ready(const ee_front_state *f);
/* A block, on a host up to `most` in a row, into y. Returns how many samples, and the statistics of the blocks. */
uint32_t ee_front_output(ee_front_state *f, uint32_t most, uint8_t *y, const ee_block_stats **stats);

#endif
