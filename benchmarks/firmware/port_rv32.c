/* RV32 under qemu-system-riscv32 -machine virt -bios none: start, semihosting, the instret counter (exact with
 * -icount). */
#include <stddef.h>

#include "port.h"

extern uint8_t link_stack_top[], link_stack_bottom[];
extern uint32_t link_bss_start[], link_bss_end[];
int main(void);
void start(void);

static uintptr_t semihost(uintptr_t operation, const void *argument)
{
    register uintptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(
        ".option push\n\t.option norvc\n\t.balign 16\n\tslli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop"
        : "+r"(a0)
        : "r"(a1)
        : "memory");
    return a0;
}

void port_write(const char *text) { semihost(0x04, text); }

void port_exit(int code)
{
    const uintptr_t block[2] = { 0x20026u, (uintptr_t)code };
    semihost(0x20, block);
    for (;;) {}
}

uint32_t port_counter(void)
{
    uint32_t n;
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrr %0, minstret\n\t.option pop" : "=r"(n)::"memory");
    return n;
}
uint32_t port_instructions(uint32_t before, uint32_t after)
{ return (after - before) >> 6; } /* minstret advances by 2^shift */

uint32_t port_stack(uint8_t **lowest)
{
    *lowest = link_stack_bottom;
    return (uint32_t)(link_stack_top - link_stack_bottom);
}

/* What a freestanding compiler may call. */
#define PLAIN __attribute__((used, optimize("no-tree-loop-distribute-patterns")))
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

PLAIN void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

PLAIN void *memset(void *to, int value, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = (uint8_t)value;
    return to;
}

__attribute__((section(".vectors"), naked, used)) void start(void)
{ __asm__ volatile("la sp, link_stack_top\n\tla t0, trap\n\t.option arch, +zicsr\n\tcsrw mtvec, t0\n\tj reset"); }

__attribute__((used, aligned(4))) void trap(void)
{
    port_write("fault\n");
    port_exit(3);
}

__attribute__((used)) void reset(void)
{
    for (volatile uint32_t *to = link_bss_start; to < link_bss_end;) *to++ = 0;
    port_exit(main());
}
