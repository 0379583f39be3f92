/* The inner loops for a device, which has one instruction set: each is there once. */
#include "../core/bytes.h"
#include "../core/kernels.h"

#ifdef EE_NO_HOST
#define EE_NAME(x) ee_run_##x
#include "../core/kernel_loops.h"

void ee_copy(void *to, const void *from, size_t n)
{
    uint8_t *d = (uint8_t *)to;
    const uint8_t *s = (const uint8_t *)from;
#ifdef __GNUC__
    typedef struct __attribute__((may_alias)) words {
        uint32_t w[4];
    } words;
    if ((((uintptr_t)d | (uintptr_t)s) & 3u) == 0) /* four words at once: most of what moves on a device is aligned */
        for (; n >= 16; n -= 16, d += 16, s += 16) {
            words four = *(const words *)(const void *)s;
            *(words *)(void *)d = four;
        }
#endif
    while (n--) *d++ = *s++; /* to <= from where they overlap */
}
#endif
