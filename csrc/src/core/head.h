/* The head: a window's sums and maxima become its embedding. docs/numerics.md section 4. */
#ifndef EE_HEAD_H
#define EE_HEAD_H

#include "model_view.h"

/* pools: the sums (uint16) and maxima (uint8) of the window, which are used up. levels: EE_N_LEVELS of them, or NULL.
 * embedding: int16 [dim], and behind them int8 [dim]. */
void ee_head_run(const ee_model *model, uint8_t *pools, const int32_t *levels, int16_t *embedding);

#endif
