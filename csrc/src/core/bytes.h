/* Stand-ins for memmove and memset, which a freestanding core does not have. Compilers turn them into calls or loops as
 * they see fit. */
#ifndef EE_BYTES_H
#define EE_BYTES_H

#include "platform.h"

/* Copies upwards: where the two overlap, `to` must not lie behind `from`. */
#ifdef EE_NO_HOST
void ee_copy(void *to, const void *from, size_t n); /* device/loops.c: there once */
#else
static inline void ee_copy(void *to, const void *from, size_t n)
{
    uint8_t *d = (uint8_t *)to;
    const uint8_t *s = (const uint8_t *)from;
    for (size_t i = 0; i < n; i++) d[i] = s[i];
}
#endif

static inline void ee_fill(uint8_t *to, uint8_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = value;
}

#endif
