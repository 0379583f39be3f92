/* The gain of an ADC as the rounded multiplication of docs/numerics.md section 1. */
#include "platform.h"

int ee_set_gain(ee_config *config, uint32_t num, uint32_t den)
{
    /* scale = 8000 den / num = mult / 2^shift with mult in 2^15 .. 2^16 */
    uint64_t n = (uint64_t)8000 * den, d = num;
    int32_t shift = 15;
    if (!num || !den || (uint64_t)num * 4 < den || (uint64_t)num > (uint64_t)den << 24) return 0;
    while (n >= 2 * d) {
        d *= 2;
        shift--;
    }
    while (n < d) {
        n *= 2;
        shift++;
    }
    uint32_t mult = 1; /* n 2^15 / d, bit by bit */
    n -= d;
    for (int bit = 0; bit < 15; bit++) {
        uint32_t one = 2 * n >= d;
        n = 2 * n - (one ? d : 0);
        mult = 2 * mult + one;
    }
    config->mult = mult + (2 * n >= d);
    config->shift = shift;
    return 1;
}
