/* Any convolution at all: for layers that the other kernels of an instruction set do not take. Who includes this file
 * defines EE_DOT(x, w, n, acc), acc and the sum of n products in a row, and EE_PUT(layer, c, acc, y), which stores
 * channel c. */
EE_NOINLINE static void grouped(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t width = layer->cin / layer->groups, per_group = layer->cout / layer->groups, kernel = layer->kernel;
    for (uint32_t o = 0; o < n; o++, x += (size_t)layer->stride * layer->cin, y += layer->cout) {
        const int8_t *w = layer->weights;
        for (uint32_t c = 0; c < layer->cout; c++) {
            const uint8_t *frame = x + c / per_group * width;
            int32_t acc = layer->bias[c];
            for (uint32_t t = 0; t < kernel; t++, frame += layer->cin, w += width) acc = EE_DOT(frame, w, width, acc);
            EE_PUT(layer, c, acc, y);
        }
    }
}
