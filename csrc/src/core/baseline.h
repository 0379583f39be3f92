/* The second stage of the front end: a moving average is taken out. docs/numerics.md 2.2. */
#ifndef EE_BASELINE_H
#define EE_BASELINE_H

#include "front_state.h"

/* Makes room for n more samples at 128 Hz and returns it. `first` is the first of them: before the recording's first
 * sample that one is held. */
static inline int32_t *ee_baseline_put(ee_front_state *f, int32_t first, uint32_t n)
{
    ee_baseline *b = &f->baseline;
    if (!b->count) {
        for (uint32_t i = 0; i < f->front->baseline / 2u; i++) b->x[i] = first;
        b->count = b->pos = f->front->baseline / 2u;
    }
    b->count += n;
    return b->x + b->count - n;
}

void ee_baseline_reset(ee_baseline *b);
/* Removes the baseline from the samples whose window is there. */
void ee_baseline_run(ee_front_state *f);
/* Feeds padding behind the end, as much as there is room for. */
void ee_baseline_pad(ee_front_state *f);

#endif
