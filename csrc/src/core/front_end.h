/* The front end as a stream takes it: input samples go in, blocks of bytes come out with their statistics. */
#ifndef EE_FRONT_END_H
#define EE_FRONT_END_H

#include "front_state.h"
#include "scaler.h"

/* Lays the front end out; f->front and the kernels are set. levels: the head asks for the levels of the signal. */
void ee_front_layout(ee_front_state *f, const ee_config *config, int levels, uint8_t **memory);
void ee_front_reset(ee_front_state *f);
/* Samples at 128 Hz that the front end looks ahead. */
uint32_t ee_front_delay(const ee_front *front, uint32_t fs_mhz);

/* Where to put the next input samples, at most resampler.chunk. */
int32_t *ee_front_input_buffer(ee_front_state *f);
/* n >= 1 samples were put there; any_missing: some of them are EE_MISSING. */
void ee_front_input_done(ee_front_state *f, uint32_t n, uint32_t any_missing);
/* No more input comes: now ee_front_pad() feeds what is held behind the end. */
void ee_front_finish(ee_front_state *f);
/* Feeds padding behind the end; 0 when all of it is fed. */
int ee_front_pad(ee_front_state *f);
/* The recording has ended and all of it has left. */
static inline int ee_front_drained(const ee_front_state *f) { return ee_scaler_ended(f) && !ee_scaler_count(f); }

/* The sum of |z| of a block that left last or with the last ones, and the baseline at its first sample. */
static inline uint32_t ee_block_magnitude(const ee_scaler *s, uint32_t block)
{ return s->sums[block % s->n_sums] & 0xFFFFFFu; }
static inline int32_t ee_block_baseline(const ee_scaler *s, uint32_t reach, uint32_t block)
{ return s->bases[block % (s->n_sums - reach)]; }

#endif
