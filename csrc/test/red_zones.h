/* Takes the place of core/arena.h in builds that look for writes between the arrays that a stream places in its memory:
 * `-include` it, and leave EE_ZONE bytes behind each tensor (tests/csrc/builds.py). stream_zones.h looks at them. */
#ifndef EE_ARENA_H
#define EE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define EE_ZONE       64u
#define EE_ZONE_BYTE  0x5Au
#define EE_MOST_ZONES 192u

typedef struct ee_zones {
    uint8_t *at[EE_MOST_ZONES];
    uint32_t n, poisoned;
} ee_zones;

/* Those of the stream that ee_init() laid out last. */
extern ee_zones ee_new_zones;

/* Counting begins at NULL, and no stream of a test is that large. */
static inline int ee_is_memory(uintptr_t at) { return at > (uintptr_t)1 << 32; }

static inline void *ee_allocate(uint8_t **memory, size_t bytes)
{
    const uintptr_t at = ((uintptr_t)*memory + 7u) & ~(uintptr_t)7u, zone = (at + bytes + 7u) & ~(uintptr_t)7u;
    *memory = (uint8_t *)(zone + EE_ZONE);
    if (ee_is_memory(at) && ee_new_zones.n < EE_MOST_ZONES) ee_new_zones.at[ee_new_zones.n++] = (uint8_t *)zone;
    return (void *)at;
}

static inline void *ee_allocate_8(uint8_t **memory, size_t bytes) { return ee_allocate(memory, bytes); }

#endif
