/* What an application calls: its image tells how much of the core is linked. Not run. */
#include "model_0.h"
#include "port.h"

static uint64_t memory[(MODEL_0_STATE_SIZE + 7) / 8];

int main(void)
{
    static const ee_config config = MODEL_0_CONFIG;
    ee_stream *s = ee_init(&model_0, &config, memory, MODEL_0_STATE_SIZE);
    int16_t x = 0;
    size_t used = 0;
    while (s && used == 0)
        if (ee_push_i16(s, &x, 1, &used)) port_exit(ee_get_result(s).embedding8[0]);
    return s ? ee_flush(s) : 1;
}
