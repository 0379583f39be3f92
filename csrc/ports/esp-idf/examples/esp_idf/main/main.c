/* One task reads samples and pushes them: an embedding every @hop@ s. */
#include <stdio.h>

#include "edgeecg.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "@name@.h"

static uint64_t memory[(@NAME@_STATE_SIZE + 7) / 8];

static int16_t read_adc(void) { return 0; }              /* @gain@ units per millivolt */

void app_main(void)
{
    const ee_config config = @NAME@_CONFIG;
    ee_stream *stream = ee_init(&@name@, &config, memory, @NAME@_STATE_SIZE);
    for (TickType_t wake = xTaskGetTickCount(); stream; vTaskDelayUntil(&wake, configTICK_RATE_HZ * 1000 / @fs_mhz@)) {
        int16_t x = read_adc();                          /* needs CONFIG_FREERTOS_HZ to be a multiple of the rate */
        size_t used = 0;
        while (!used)
            if (ee_push_i16(stream, &x, 1, &used)) {
                ee_result result = ee_get_result(stream);
                printf("window at %u s, quality %u, first number %d\n", (unsigned)(result.start / EE_RATE), (unsigned)result.quality,
                       result.embedding[0]);
            }
    }
}
