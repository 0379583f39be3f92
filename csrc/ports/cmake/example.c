/* Reads samples (integers, @gain@ ADC units per millivolt, @fs@ a second) from the standard input and prints a line for each window:
 * start in seconds, quality flags, then @dim@ numbers. On a device, replace next_sample() by the ADC and print_result() by the radio. */
#include <stdio.h>

#include "edgeecg.h"
#include "@name@.h"

static uint64_t memory[(@NAME@_STATE_SIZE + 7) / 8];     /* all that the stream ever uses */

static int next_sample(int16_t *x)
{
    long value;
    if (scanf("%ld", &value) != 1) return 0;
    *x = (int16_t)value;
    return 1;
}

static void print_result(const ee_stream *stream)
{
    ee_result result = ee_get_result(stream);
    printf("%.3f %u", (double)result.start / EE_RATE, (unsigned)result.quality);
    for (unsigned i = 0; i < @NAME@_DIM; i++) printf(" %.9g", (double)result.embedding[i] / (double)(1ul << @NAME@_EXPONENT));
    printf("\n");
}

int main(void)
{
    const ee_config config = @NAME@_CONFIG;
    ee_stream *stream = ee_init(&@name@, &config, memory, @NAME@_STATE_SIZE);
    if (!stream) return 2;
    int16_t x;
    while (next_sample(&x)) {
        size_t used = 0;
        while (!used)
            if (ee_push_i16(stream, &x, 1, &used)) print_result(stream);
    }
    while (ee_flush(stream)) print_result(stream);
    return 0;
}
