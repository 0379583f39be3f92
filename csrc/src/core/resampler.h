/* The first stage of the front end: input samples of any rate to 128 Hz. docs/numerics.md 2.1. */
#ifndef EE_RESAMPLER_H
#define EE_RESAMPLER_H

#include "front_state.h"

/* Taps on each side of an output. */
uint32_t ee_resampler_half(const ee_front *front, uint32_t fs_mhz);
/* The constants of the rate; on hosts, where config asks for them, memory for the taps of every phase. */
void ee_resampler_layout(ee_front_state *f, const ee_config *config, uint8_t **memory);
#ifndef EE_NO_HOST
/* Computes the taps of every phase. */
void ee_resampler_fill_taps(ee_front_state *f);
#endif
void ee_resampler_reset(ee_resampler *r);
/* Makes the outputs that the samples held allow. */
void ee_resampler_run(ee_front_state *f);
/* Feeds padding behind the end, at most one chunk. */
void ee_resampler_pad(ee_front_state *f);

#endif
