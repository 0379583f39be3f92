/* Packed weights: what pack.c writes and the vector kernels read. */
#ifndef EE_PACK_H
#define EE_PACK_H

#include "../core/arithmetic.h"
#include "../core/bytes.h"
#include "../core/constants.h"
#include "../core/kernels.h"

typedef enum ee_shape { EE_SHAPE_NONE, EE_SHAPE_DENSE, EE_SHAPE_GROUPED, EE_SHAPE_DEPTHWISE } ee_shape;

/* EE_SHAPE_NONE: the layer is left to the scalar kernels. */
ee_shape ee_shape_of(const ee_layer *layer);
/* Steps of 4 bytes for one output of a layer that is not EE_SHAPE_NONE. */
uint32_t ee_steps_of(const ee_layer *layer);

/* Depthwise layers whose outputs share transposed frames, in the wide order. */
static inline int ee_in_chains(const ee_layer *layer)
{ return !layer->requant && layer->kernel <= 12 && 4u % layer->stride == 0; }

#define EE_PART_BYTES 4096u /* of a layer whose channels do not fill their vectors: frames made at once */

/* Four bytes at any address. A load through a cast pointer would need an aligned one. */
static inline int32_t ee_load32(const void *p)
{
    int32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

typedef struct ee_packed {
    const int32_t *bias;
    const float *scale;
    const int8_t *weights; /* [channels / 16][steps][16][4] */
} ee_packed;

static inline ee_packed ee_packed_at(const void *packed, uint32_t channels)
{
    const uint8_t *p = (const uint8_t *)packed;
    ee_packed view = { (const int32_t *)(const void *)p, (const float *)(const void *)(p + 4 * (size_t)channels),
                       (const int8_t *)(p + 8 * (size_t)channels) };
    return view;
}

#endif
