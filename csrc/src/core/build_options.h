/* What the core is compiled for. edgeecg_config.h of an exported folder names the front ends, heads and block sizes of
 * its models; elsewhere every one of them is possible. Conditions that no model meets are 0 for the compiler, which
 * then leaves their code out. */
#ifndef EE_BUILD_OPTIONS_H
#define EE_BUILD_OPTIONS_H

#include "constants.h"
#include "platform.h"

#ifndef EE_EXPORTED
#define EE_FRONT_KINDS  3u  /* bit k: front ends of kind k */
#define EE_POOL_MODES   15u /* bit p: heads with pool p */
#define EE_LEVELS       3u  /* `levels` of all heads, combined with | */
#define EE_TRUNK_BLOCKS 0u  /* ee_config.block of all models, combined with | */
#endif

#define EE_FRONT_KIND(front)   (EE_FRONT_KINDS == 3u ? (front)->kind : (uint8_t)(EE_FRONT_KINDS >> 1))
#define EE_TRUNK_BLOCK(config) (EE_TRUNK_BLOCKS == EE_BLOCK ? EE_BLOCK : (config)->block)
/* Does a head with this `pool` take means, maxima? */
#define EE_POOLS_MEAN(pool) ((EE_POOL_MODES & 10u) && (!(EE_POOL_MODES & 4u) || ((pool) & 1)))
#define EE_POOLS_MAX(pool)  ((EE_POOL_MODES & 12u) && (!(EE_POOL_MODES & 2u) || ((pool) & 2)))

#endif
