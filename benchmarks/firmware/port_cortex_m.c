/* Cortex-M under QEMU: vector table, reset, semihosting, SysTick as the instruction counter.
 *
 * With `-icount shift=6,align=off,sleep=off` QEMU lets virtual time advance by 64 ns an instruction, and the boards'
 * SysTick ticks once a clock period of PORT_CLOCK_MHZ: instructions = ticks * 1000 / (64 * PORT_CLOCK_MHZ), to half an
 * instruction a reading. 24 bits last for 8 million instructions between two readings. */
#include "port.h"

extern uint32_t link_stack_top[], link_stack_bottom[], link_data_start[], link_data_end[], link_data_load[],
    link_bss_start[], link_bss_end[];
int main(void);
void reset(void);

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define SYSTICK_CONTROL   REGISTER(0xE000E010u)
#define SYSTICK_RELOAD    REGISTER(0xE000E014u)
#define SYSTICK_VALUE     REGISTER(0xE000E018u)
#define CPACR             REGISTER(0xE000ED88u)

static uint32_t semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void port_write(const char *text) { semihost(0x04, text); } /* SYS_WRITE0 */

void port_exit(int code)
{
    const uint32_t block[2] = { 0x20026u, (uint32_t)code }; /* ADP_Stopped_ApplicationExit */
    semihost(0x20, block);                                  /* SYS_EXIT_EXTENDED */
    for (;;) {}
}

uint32_t port_counter(void) { return SYSTICK_VALUE; }
uint32_t port_instructions(uint32_t before, uint32_t after)
{ return ((before - after) & 0xFFFFFFu) * 125u / (8u * PORT_CLOCK_MHZ); }

uint32_t port_stack(uint8_t **lowest)
{
    *lowest = (uint8_t *)link_stack_bottom;
    return (uint32_t)((uintptr_t)link_stack_top - (uintptr_t)link_stack_bottom);
}

static void fault(void)
{
    port_write("fault\n");
    port_exit(3);
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)link_stack_top, (uintptr_t)reset, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,          (uintptr_t)fault, (uintptr_t)fault,
};

void reset(void)
{
#if __ARM_ARCH >= 7 && (defined(__ARM_FP) || defined(__ARM_FEATURE_MVE))
    CPACR |= 0xFu << 20; /* FPU and MVE on */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    for (volatile uint32_t *to = link_data_start, *from = link_data_load; to < link_data_end;) *to++ = *from++;
    for (volatile uint32_t *to = link_bss_start; to < link_bss_end;) *to++ = 0;
    SYSTICK_RELOAD = 0xFFFFFFu;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 5u; /* core clock, no interrupt */
    port_exit(main());
}
