/* What the core in this folder is compiled for: @models@. Written by edgeecg @version@; `edgeecg export-c --model-only` adds a model. */
#ifndef EDGEECG_CONFIG_H
#define EDGEECG_CONFIG_H

#define EE_EXPORTED 1

@needs@
/* Of all models: bit k, front ends of kind k; bit p, heads with pool p; levels and blocks, combined with |; layers. */
#define EE_FRONT_KINDS (@kinds@)
#define EE_POOL_MODES (@pools@)
#define EE_LEVELS (@levels@)
#define EE_TRUNK_BLOCKS (@blocks@)
#define EE_LAYERS(test) @layers@

#endif
