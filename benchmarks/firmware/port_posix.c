/* aarch64 and armhf Linux under qemu-user, or the host: no instruction count, no watermark. */
#include <stdio.h>
#include <stdlib.h>

#include "port.h"

void port_write(const char *text) { fputs(text, stdout); }
void port_exit(int code) { exit(code); }
uint32_t port_counter(void) { return 0; }
uint32_t port_instructions(uint32_t before, uint32_t after) { return after - before; }
uint32_t port_stack(uint8_t **lowest)
{
    *lowest = NULL;
    return 0;
}
