/* Lays arrays out one behind the other in the caller's memory. With memory that starts at NULL it only counts: what the
 * last pointer then says is the size. */
#ifndef EE_ARENA_H
#define EE_ARENA_H

#include "platform.h"

/* Aligned to 4. */
static inline void *ee_allocate(uint8_t **memory, size_t bytes)
{
    uintptr_t at = ((uintptr_t)*memory + 3u) & ~(uintptr_t)3u;
    *memory = (uint8_t *)(at + bytes);
    return (void *)at;
}

/* Aligned to 8. */
static inline void *ee_allocate_8(uint8_t **memory, size_t bytes)
{
    *memory = (uint8_t *)(((uintptr_t)*memory + 7u) & ~(uintptr_t)7u);
    return ee_allocate(memory, bytes);
}

#endif
