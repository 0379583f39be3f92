/* Prints the range tables of the model reader, a row a line: table, offset, width, minimum, maximum, status; then
 * the limits of arrays. The tests compare them with docs/format.md. */
#include <stdio.h>

#include "../src/model_file/model_ranges.h"

static void print(const char *name, const ee_range *range, size_t n)
{
    for (; n; n--, range++)
        printf("%s %u %u %lu %lu %u\n", name, range->offset, range->width, (unsigned long)range->minimum,
               (unsigned long)range->maximum, range->status);
}

#define PRINT(table) print(#table, table, sizeof table / sizeof *table)

int main(void)
{
    PRINT(header_ranges);
    PRINT(front_ranges);
    PRINT(front_kind_0_ranges);
    PRINT(front_kind_1_ranges);
    PRINT(layer_ranges);
    PRINT(layer_conv_ranges);
    PRINT(layer_plain_ranges);
    PRINT(layer_add_ranges);
    PRINT(layer_max_pool_ranges);
    PRINT(head_ranges);
    PRINT(head_without_mean_ranges);
    printf("BIAS_MAX %ld\nMULT_MAX %ld\nMULT32_MAX %ld\nMAX_STRIDE %ld\n", (long)EE_BIAS_MAX, (long)EE_MULT_MAX,
           (long)EE_MULT32_MAX, (long)EE_MAX_STRIDE);
    return 0;
}
