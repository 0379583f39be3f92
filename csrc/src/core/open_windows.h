/* From blocks and frames to results: which windows are open, what belongs to each, and when one is finished. */
#ifndef EE_OPEN_WINDOWS_H
#define EE_OPEN_WINDOWS_H

#include "stream_state.h"

/* trunk.model and config are set. */
void ee_windows_layout(ee_stream *s, uint8_t **memory);
void ee_windows_reset(ee_open_windows *w);
/* Do the windows that such a hop leaves open fit the counters? Those whose frames are pooled always do: a window has
 * 5120 samples at most. */
int ee_windows_fit(const ee_model *model, const ee_config *config);
/* Counts the statistics of a block into the windows that cover it. */
void ee_windows_add_block(ee_stream *s, const ee_block_stats *stats, uint32_t block);
/* Pools the frames of the trunk and finishes the oldest window; 0 where it needs more of them. */
int ee_windows_finish_next(ee_stream *s);

#endif
