/* What the runner needs of a machine: text out, an exit, a count of executed instructions. */
#ifndef PORT_H
#define PORT_H

#include <stdint.h>

void port_write(const char *text);
void port_exit(int code);
/* Runs freely; port_instructions() turns the difference of two readings into instructions. */
uint32_t port_counter(void);
uint32_t port_instructions(uint32_t before, uint32_t after);
/* The lowest byte of the stack and its size, so that a watermark can be laid; size 0 where it is not known. */
uint32_t port_stack(uint8_t **lowest);

static inline const uint8_t *port_stack_pointer(void)
{
    const uint8_t *here;
#if defined(__riscv)
    __asm__ volatile("mv %0, sp" : "=r"(here));
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("mov %0, sp" : "=r"(here));
#else
    here = (const uint8_t *)__builtin_frame_address(0);
#endif
    return here;
}

#endif
