/* The zones of red_zones.h around the arrays and tensors of a stream. They are poisoned for the address sanitizer where
 * the portable kernels run. Vector kernels may read behind their arrays: for them the zones are looked at. */
#ifndef EE_STREAM_ZONES_H
#define EE_STREAM_ZONES_H

#ifdef EE_ZONE
#include "../src/core/stream_state.h"
#include <sanitizer/asan_interface.h>
#include <string.h>

ee_zones ee_new_zones;

/* Before ee_init(). */
static inline void ee_forget_zones(void) { ee_new_zones.n = 0; }

/* Behind ee_init(), which has laid the stream out twice; a reset has to follow. */
static inline void ee_lay_zones(ee_zones *zones, const ee_stream *stream, uint32_t poisoned)
{
    *zones = ee_new_zones;
    zones->n /= 2;
    zones->poisoned = poisoned;
    for (uint32_t t = 0; t <= stream->trunk.model->n_layers && zones->n < EE_MOST_ZONES; t++) {
        const ee_buffer *b = &stream->trunk.buffers[t];
        if (!b->transient) zones->at[zones->n++] = stream->trunk.frames + b->offset + ee_buffer_bytes(b);
    }
    for (uint32_t i = 0; i < zones->n; i++) {
        const uintptr_t from = ((uintptr_t)zones->at[i] + 7u) & ~(uintptr_t)7u;
        memset(zones->at[i], EE_ZONE_BYTE, EE_ZONE);
        if (poisoned) ASAN_POISON_MEMORY_REGION((void *)from, EE_ZONE - 8u);
    }
}

/* Is what lies there untouched? */
static inline int ee_zones_are_whole(const ee_zones *zones)
{
    for (uint32_t i = 0; i < zones->n && !zones->poisoned; i++)
        for (uint32_t k = 0; k < EE_ZONE; k++)
            if (zones->at[i][k] != EE_ZONE_BYTE) return 0;
    return 1;
}

/* Before the memory goes. */
static inline void ee_lift_zones(ee_zones *zones)
{
    for (uint32_t i = 0; i < zones->n && zones->poisoned; i++) ASAN_UNPOISON_MEMORY_REGION(zones->at[i], EE_ZONE);
    zones->n = 0;
}
#else /* a build without them */
typedef int ee_zones;
#define ee_forget_zones()                ((void)0)
#define ee_lay_zones(zones, s, portable) ((void)(zones))
#define ee_zones_are_whole(zones)        ((void)(zones), 1)
#define ee_lift_zones(zones)             ((void)(zones))
#endif

#endif
