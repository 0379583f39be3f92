/* The dense loops of dsp.c in assembly: two channels of two frames, or of one. Included by dsp.c alone. */
#ifndef EE_DSP_ROWS_H
#define EE_DSP_ROWS_H

#include "../internal.h"

/* What the loops below run over: an output channel pair after another. The order of the fields is known to their assembly. */
typedef struct rows {
    const uint32_t *x, *x_end;        /* spread inputs: four of one frame, four of the other; or of one frame alone */
    const int8_t *w;
    uint32_t fan_in;
    const int32_t *bias;
    const int16_t *mult;
    uint8_t *y, *y_end;
    uint32_t cout;
    int32_t zp;
} rows;

/* In the loop all fourteen registers hold something: r0 inputs, r2 their end, r1 and r3 weights of two channels, r4-r7 sums
 * (frame 0: channels 0, 1; frame 1: channels 0, 1), r8-r11 inputs, r12 and lr weights. */
__attribute__((naked, noinline)) static void rows_of_2(rows *r)
{
    (void)r;
    __asm__ volatile(
        "push  {r0, r4-r11, lr}\n\t"
        "ldrd  r1, r2, [r0, #8]\n\t"          /* w, fan_in */
        "add   r3, r1, r2\n"
        "1:\n\t"
        "ldr   lr, [sp]\n\t"
        "ldr   r12, [lr, #16]\n\t"
        "ldrd  r4, r5, [r12], #8\n\t"
        "str   r12, [lr, #16]\n\t"
        "ldrd  r0, r2, [lr]\n\t"
        "mov   r6, r4\n\t"
        "mov   r7, r5\n"
        "2:\n\t"
#define STEP                          \
        "ldm   r0!, {r8-r11}\n\t"     \
        "ldr   r12, [r1], #4\n\t"     \
        "sxtb16 lr, r12\n\t"          \
        "smlad r4, r8, lr, r4\n\t"    \
        "smlad r6, r10, lr, r6\n\t"   \
        "sxtb16 r12, r12, ror #8\n\t" \
        "smlad r4, r9, r12, r4\n\t"   \
        "smlad r6, r11, r12, r6\n\t"  \
        "ldr   r12, [r3], #4\n\t"     \
        "sxtb16 lr, r12\n\t"          \
        "smlad r5, r8, lr, r5\n\t"    \
        "smlad r7, r10, lr, r7\n\t"   \
        "sxtb16 r12, r12, ror #8\n\t" \
        "smlad r5, r9, r12, r5\n\t"   \
        "smlad r7, r11, r12, r7\n\t"
        STEP STEP STEP STEP
        "cmp   r0, r2\n\t"
        "bne   2b\n\t"
#undef STEP
        "ldr   lr, [sp]\n\t"
        "ldrd  r8, r0, [lr, #20]\n\t"         /* mult, y */
        "ldr   r9, [r8], #4\n\t"
        "str   r8, [lr, #20]\n\t"
        "ldrd  r10, r11, [lr, #32]\n\t"       /* cout, zp */
        "lsl   r8, r9, #18\n\t"
        "smmulr r4, r4, r8\n\t"
        "smmulr r6, r6, r8\n\t"
        "lsr   r9, r9, #16\n\t"
        "lsl   r9, r9, #18\n\t"
        "smmulr r5, r5, r9\n\t"
        "smmulr r7, r7, r9\n\t"
        "add   r4, r4, r11\n\t"
        "add   r5, r5, r11\n\t"
        "add   r6, r6, r11\n\t"
        "add   r7, r7, r11\n\t"
        "usat  r4, #8, r4\n\t"
        "usat  r5, #8, r5\n\t"
        "usat  r6, #8, r6\n\t"
        "usat  r7, #8, r7\n\t"
        "orr   r6, r6, r7, lsl #8\n\t"
        "strh  r6, [r0, r10]\n\t"
        "orr   r4, r4, r5, lsl #8\n\t"
        "strh  r4, [r0], #2\n\t"
        "str   r0, [lr, #24]\n\t"
        "mov   r1, r3\n\t"
        "ldr   r12, [lr, #12]\n\t"
        "add   r3, r3, r12\n\t"
        "ldr   r12, [lr, #28]\n\t"
        "cmp   r0, r12\n\t"
        "bne   1b\n\t"
        "pop   {r0, r4-r11, pc}\n\t");
}

/* The same for one frame: r4, r5 sums, r8-r11 eight inputs, r6, r7, r12 weights. */
__attribute__((naked, noinline)) static void rows_of_1(rows *r)
{
    (void)r;
    __asm__ volatile(
        "push  {r0, r4-r11, lr}\n\t"
        "ldrd  r1, r2, [r0, #8]\n\t"
        "add   r3, r1, r2\n"
        "1:\n\t"
        "ldr   lr, [sp]\n\t"
        "ldr   r12, [lr, #16]\n\t"
        "ldrd  r4, r5, [r12], #8\n\t"
        "str   r12, [lr, #16]\n\t"
        "ldrd  r0, r2, [lr]\n"
        "2:\n\t"
#define HALF(pointer, sum)                      \
        "ldrd  r6, r7, [" pointer "], #8\n\t"   \
        "sxtb16 r12, r6\n\t"                    \
        "smlad " sum ", r8, r12, " sum "\n\t"   \
        "sxtb16 r6, r6, ror #8\n\t"             \
        "smlad " sum ", r9, r6, " sum "\n\t"    \
        "sxtb16 r12, r7\n\t"                    \
        "smlad " sum ", r10, r12, " sum "\n\t"  \
        "sxtb16 r7, r7, ror #8\n\t"             \
        "smlad " sum ", r11, r7, " sum "\n\t"
        "ldm   r0!, {r8-r11}\n\t"
        HALF("r1", "r4") HALF("r3", "r5")
        "ldm   r0!, {r8-r11}\n\t"
        HALF("r1", "r4") HALF("r3", "r5")
        "cmp   r0, r2\n\t"
        "bne   2b\n\t"
#undef HALF
        "ldrd  r8, r0, [lr, #20]\n\t"
        "ldr   r9, [r8], #4\n\t"
        "str   r8, [lr, #20]\n\t"
        "ldr   r11, [lr, #36]\n\t"
        "lsl   r8, r9, #18\n\t"
        "smmulr r4, r4, r8\n\t"
        "lsr   r9, r9, #16\n\t"
        "lsl   r9, r9, #18\n\t"
        "smmulr r5, r5, r9\n\t"
        "add   r4, r4, r11\n\t"
        "add   r5, r5, r11\n\t"
        "usat  r4, #8, r4\n\t"
        "usat  r5, #8, r5\n\t"
        "orr   r4, r4, r5, lsl #8\n\t"
        "strh  r4, [r0], #2\n\t"
        "str   r0, [lr, #24]\n\t"
        "mov   r1, r3\n\t"
        "ldr   r12, [lr, #12]\n\t"
        "add   r3, r3, r12\n\t"
        "ldr   r12, [lr, #28]\n\t"
        "cmp   r0, r12\n\t"
        "bne   1b\n\t"
        "pop   {r0, r4-r11, pc}\n\t");
}

#endif
