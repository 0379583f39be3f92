/* A program of newlib on a Cortex-M55 under qemu-system-arm: vectors, FPU and MVE on, and a heap that has no end. */
#include <stdint.h>

extern char end[];
extern const char stack_top[];
void _start(void);
void reset(void);
void *_sbrk(int bytes);

__attribute__((naked)) void reset(void)
{ __asm__("ldr r0, =0xE000ED88\n\tldr r1, [r0]\n\torr r1, r1, #0xF00000\n\tstr r1, [r0]\n\tdsb\n\tisb\n\tb _start"); }

__attribute__((section(".vectors"), used)) static const void *const vectors[4] = { stack_top, (const void *)reset,
                                                                                   (const void *)reset,
                                                                                   (const void *)reset };

void *_sbrk(int bytes)
{
    static char *at = end;
    char *before = at;
    at += bytes;
    return before;
}
