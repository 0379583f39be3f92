/* Heads: docs/numerics.md section 6. */
#include "arithmetic.h"
#include "platform.h"

#define MOST_LOGIT ((1 << 20) - 1)
#define FARTHEST   65535 /* below 2^-46 of the largest */
#define LOG2_E     47274u

/* 2^16 * 2^(-i / 32) */
static const uint32_t exp2_table[33] = { 65536, 64132, 62757, 61413, 60097, 58809, 57549, 56316, 55109, 53928, 52773,
                                         51642, 50535, 49452, 48393, 47356, 46341, 45348, 44376, 43425, 42495, 41584,
                                         40693, 39821, 38968, 38133, 37316, 36516, 35734, 34968, 34219, 33486, 32768 };

/* 2^16 * exp(-distance * 2^-11) */
static uint32_t exponential(int32_t distance)
{
    const uint32_t u = (uint32_t)(distance < FARTHEST ? distance : FARTHEST) * LOG2_E;
    const uint32_t *point = exp2_table + (u >> 21 & 31u);
    const uint32_t value = point[0] * 1024 - (point[0] - point[1]) * (u >> 11 & 1023u);
    return value >> ee_min((u >> 26) + 10, 31);
}

/* Sums of products of 16 bits: below 2^41 for up to 1024 of them. SMLALD takes two at once. */
#if defined(EE_NO_HOST) && defined(__ARM_FEATURE_DSP)
typedef uint32_t __attribute__((may_alias, aligned(2))) pair;
#define DOT_PAIR(K) __asm__("smlald %0, %1, %2, %3" : "+r"(low), "+r"(high) : "r"(a[K]), "r"(b[K]));

static int64_t dot_words(const int16_t *w, const int16_t *x, uint32_t n)
{
    uint32_t low = 0, high = 0;
    const pair *a = (const pair *)(const void *)w, *b = (const pair *)(const void *)x;
    uint32_t left = n / 2;
    for (; left >= 4; left -= 4, a += 4, b += 4) {
        DOT_PAIR(0)
        DOT_PAIR(1)
        DOT_PAIR(2)
        DOT_PAIR(3)
    }
    for (; left; left--, a++, b++) DOT_PAIR(0)
    const int64_t acc = (int64_t)((uint64_t)high << 32 | low);
    return n % 2 ? acc + (int32_t)w[n - 1] * x[n - 1] : acc;
}
#else
static int64_t dot_words(const int16_t *w, const int16_t *x, uint32_t n)
{
    int64_t acc = 0;
    for (; n; n--) acc += (int32_t)*w++ * *x++;
    return acc;
}
#endif

void ee_classify(const ee_classifier *head, const int16_t *embedding, int32_t *logits, uint16_t *probabilities)
{
    const uint32_t classes = head->classes;
    uint32_t values[EE_MOST_CLASSES], total = 0;
    int32_t z[EE_MOST_CLASSES], highest = -MOST_LOGIT;
    for (uint32_t c = 0; c < classes; c++) {
        const int64_t sum = dot_words(head->weights + c * head->dim, embedding, head->dim) + head->bias[c];
        const int64_t v = ee_rnd(sum, head->shift);
        z[c] = (int32_t)(v < -MOST_LOGIT ? -MOST_LOGIT : v > MOST_LOGIT ? MOST_LOGIT : v);
        if (logits) logits[c] = z[c];
        highest = z[c] > highest ? z[c] : highest;
    }
    for (uint32_t c = 0; c < classes; c++)
        total += values[c] = exponential(head->independent ? (z[c] < 0 ? -z[c] : 0) : highest - z[c]);
    for (uint32_t c = 0; c < classes; c++) {
        if (head->independent) total = values[c] + exponential(z[c] > 0 ? z[c] : 0);
        probabilities[c] = (uint16_t)((values[c] * 32768u + total / 2) / total); /* values are 2^16 at most */
    }
}

void ee_verdicts_reset(ee_verdicts *state)
{
    state->on = 0;
    state->seen = state->at = 0;
}

/* The classes that are on after the positive ones of a window: bits. */
static uint32_t smoothed(const ee_classifier *head, ee_verdicts *state, uint32_t positive)
{
    uint32_t on = 0, best = 0, most = 0;
    state->recent[state->at] = (uint16_t)positive;
    state->at = (uint8_t)(state->at + 1u == head->n ? 0 : state->at + 1u);
    state->seen = (uint8_t)ee_min(head->n, state->seen + 1u);
    for (uint32_t c = 0; c < head->classes; c++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < state->seen; i++) count += (uint32_t)state->recent[i] >> c & 1u;
        if (count >= head->k || ((state->on >> c & 1u) && count >= head->hold)) {
            on |= 1u << c;
            if (count > most) {
                most = count;
                best = 1u << c;
            }
        }
    }
    state->on = on;
    return head->independent ? on : best;
}

uint32_t ee_verdict(const ee_classifier *head, ee_verdicts *state, const uint16_t *probabilities, uint32_t quality)
{
    uint32_t positive = 0, best = 0;
    if (quality & head->unreadable) return EE_UNREADABLE;
    for (uint32_t c = 0; c < head->classes; c++) {
        if (probabilities[c] > probabilities[best]) best = c;
        positive |= (uint32_t)(probabilities[c] >= head->thresholds[c]) << c;
    }
    if (!head->independent) positive &= 1u << best;
    return head->k ? smoothed(head, state, positive) : positive;
}
