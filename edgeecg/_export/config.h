/* What the core in this folder is compiled for: @models@. Written by edgeecg @version@; `edgeecg export-c --model-only` adds a model. */
#ifndef EDGEECG_CONFIG_H
#define EDGEECG_CONFIG_H

#define EE_EXPORTED 1

@needs@
#define EE_FRONT_KINDS (@kinds@)              /* bit k: front ends of kind k */
#define EE_POOL_MODES (@pools@)              /* bit p: heads with pool p */
#define EE_LEVELS (@levels@)            /* of the heads, combined */
#define EE_TRUNK_BLOCKS (@blocks@)            /* ee_config.block of all models, combined */
#define EE_LAYERS(test) @layers@

#endif
