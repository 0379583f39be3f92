/* The dense loops of arm_dsp.c in assembly: two channels of two frames, or of one. Included by arm_dsp.c alone.
 *
 * Weights come paired: a lane of 16 bits is w + 256 v, the weights of two channels for one input, in the order of the
 * spread inputs (bytes 0, 2, then 1, 3 of four). SMLAD by the lanes as they are adds x (w + 256 v), SMLAD by their low
 * bytes x w; the difference is 256 times the second channel's sum, which fits the upper 24 bits for a fan-in of up to
 * 256. So a word of four weights is taken apart by one instruction instead of two. */
#ifndef EE_ARM_DSP_ROWS_H
#define EE_ARM_DSP_ROWS_H

#include "../core/platform.h"

/* What the loops below run over, one pair of output channels after the other. Their assembly knows the order of the
 * fields. */
typedef struct rows {
    const uint32_t *x, *x_end; /* spread inputs: four of one frame, four of the other; or of one frame alone */
    const void *w;
    const int32_t *bias;
    const int16_t *mult;
    uint8_t *y, *y_end;
    uint32_t cout;
    int32_t zp;
} rows;

/* The next pair: r4 the first channel's bias, r0 and r2 the inputs and their end. */
#define NEXT_PAIR              \
    "ldr   lr, [sp]\n\t"       \
    "ldr   r12, [lr, #12]\n\t" \
    "ldr   r4, [r12], #8\n\t"  \
    "str   r12, [lr, #12]\n\t" \
    "ldrd  r0, r2, [lr]\n\t"   \
    "mov   r5, r4\n\t"
/* r12: the second channel's bias; r8, r9: multipliers for SMMULR; r0: output, r11: its zero point. */
#define END_PAIR                  \
    "ldr   lr, [sp]\n\t"          \
    "ldr   r12, [lr, #12]\n\t"    \
    "ldr   r12, [r12, #-4]\n\t"   \
    "ldrd  r8, r0, [lr, #16]\n\t" \
    "ldr   r9, [r8], #4\n\t"      \
    "str   r8, [lr, #16]\n\t"     \
    "ldr   r11, [lr, #32]\n\t"    \
    "lsl   r8, r9, #18\n\t"       \
    "lsr   r9, r9, #16\n\t"       \
    "lsl   r9, r9, #18\n\t"
/* Sums of two channels -> two bytes in `a`. */
#define QUANTIZE(a, b)                    \
    "sub   " b ", " b ", " a "\n\t"       \
    "add   " b ", r12, " b ", asr #8\n\t" \
    "smmulr " a ", " a ", r8\n\t"         \
    "smmulr " b ", " b ", r9\n\t"         \
    "add   " a ", " a ", r11\n\t"         \
    "add   " b ", " b ", r11\n\t"         \
    "usat  " a ", #8, " a "\n\t"          \
    "usat  " b ", #8, " b "\n\t"          \
    "orr   " a ", " a ", " b ", lsl #8\n\t"
#define STORE_PAIR             \
    "strh  r4, [r0], #2\n\t"   \
    "str   r0, [lr, #20]\n\t"  \
    "ldr   r12, [lr, #24]\n\t" \
    "cmp   r0, r12\n\t"        \
    "bne   1b\n\t"             \
    "pop   {r0, r4-r11, pc}\n\t"

/* r0 inputs, r2 their end, r1 weights; r4, r5 sums of the first frame, r6, r7 of the second; r8-r11 inputs, r3, r12, lr
 * weights. */
__attribute__((naked, noinline)) static void rows_of_2(rows *r)
{
    (void)r;
    __asm__ volatile("push  {r0, r4-r11, lr}\n\t"
                     "ldr   r1, [r0, #8]\n"
                     "1:\n\t" NEXT_PAIR "mov   r6, r4\n\t"
                     "mov   r7, r4\n"
                     "2:\n\t"
#define STEP                      \
    "ldm   r0!, {r8-r11}\n\t"     \
    "ldrd  r3, r12, [r1], #8\n\t" \
    "sxtb16 lr, r3\n\t"           \
    "smlad r4, r8, lr, r4\n\t"    \
    "smlad r6, r10, lr, r6\n\t"   \
    "smlad r5, r8, r3, r5\n\t"    \
    "smlad r7, r10, r3, r7\n\t"   \
    "sxtb16 lr, r12\n\t"          \
    "smlad r4, r9, lr, r4\n\t"    \
    "smlad r6, r11, lr, r6\n\t"   \
    "smlad r5, r9, r12, r5\n\t"   \
    "smlad r7, r11, r12, r7\n\t"
                     STEP STEP STEP STEP "cmp   r0, r2\n\t"
                     "bne   2b\n\t"
#undef STEP
                     END_PAIR "ldr   r10, [lr, #28]\n\t" QUANTIZE("r4", "r5")
                         QUANTIZE("r6", "r7") "strh  r6, [r0, r10]\n\t" STORE_PAIR);
}

/* The same for one frame: r4, r5 sums, r8-r11 eight inputs, r3, r6, r7, r12, lr weights. */
__attribute__((naked, noinline)) static void rows_of_1(rows *r)
{
    (void)r;
    __asm__ volatile("push  {r0, r4-r11, lr}\n\t"
                     "ldr   r1, [r0, #8]\n"
                     "1:\n\t" NEXT_PAIR "2:\n\t"
#define TAKE(input, weights)          \
    "sxtb16 lr, " weights "\n\t"      \
    "smlad r4, " input ", lr, r4\n\t" \
    "smlad r5, " input ", " weights ", r5\n\t"
#define STEP                  \
    "ldm   r0!, {r8-r11}\n\t" \
    "ldm   r1!, {r3, r6, r7, r12}\n\t" TAKE("r8", "r3") TAKE("r9", "r6") TAKE("r10", "r7") TAKE("r11", "r12")
                     STEP STEP "cmp   r0, r2\n\t"
                     "bne   2b\n\t"
#undef STEP
#undef TAKE
                     END_PAIR QUANTIZE("r4", "r5") STORE_PAIR);
}

#undef NEXT_PAIR
#undef END_PAIR
#undef QUANTIZE
#undef STORE_PAIR
#endif
