/* Convolutions in groups of 4 channels for AVX-512: several frames share the weights. Included by avx512vnni.c alone.
 */

/* Lane 4 j + g of frame f. */
EE_BYTES(order_grouped, 16 * (i % 4) + 4 * (i / 16) + i / 4 % 4)

EE_TARGET_INLINE __m512i interleave4(__m512i b)
{
    return _mm512_shuffle_epi8(b, _mm512_broadcast_i32x4(
                                      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
}

/* Groups of 4, MR frames of 64 channels: each input byte is loaded once, and the frames share the weights. */
EE_TARGET_INLINE void grouped64_tile(uint32_t MR, const ee_layer *layer, const ee_packed *p, uint32_t channel,
                                     const uint8_t *x, uint8_t *y)
{
    size_t cin = layer->cin, hop = layer->stride * cin, panel = (size_t)layer->kernel * 64;
    const int8_t *w = p->weights + (size_t)channel * layer->kernel * 4;
    __m512i acc[4][4];
#pragma GCC unroll 4
    for (uint32_t m = 0; m < MR; m++)
#pragma GCC unroll 4
        for (uint32_t j = 0; j < 4; j++) acc[m][j] = EE_LOAD_V(p->bias + channel + 16 * j);
    for (uint32_t t = 0; t < layer->kernel; t++, w += 64)
#pragma GCC unroll 4
        for (uint32_t m = 0; m < MR; m++) {
            __m512i input = EE_LOAD_V(x + m * hop + t * cin + channel);
#pragma GCC unroll 4
            for (uint32_t j = 0; j < 4; j++) acc[m][j] = EE_DOT(acc[m][j], input, EE_LOAD_W(w + j * panel));
        }
#pragma GCC unroll 4
    for (uint32_t m = 0; m < MR; m++)
        _mm512_storeu_si512(y + m * layer->cout + channel,
                            interleave4(quantize64(acc[m], p->scale + channel, (float)layer->zp_out + 0.5f)));
}

static EE_TARGET void grouped64(const ee_layer *layer, const ee_packed *p, uint32_t channel, const uint8_t *x,
                                uint8_t *y, uint32_t n)
{
    uint32_t o = 0;
    size_t hop = (size_t)layer->stride * layer->cin;
    for (; o + 4 <= n; o += 4) grouped64_tile(4, layer, p, channel, x + o * hop, y + (size_t)o * layer->cout);
    for (; o < n; o++) grouped64_tile(1, layer, p, channel, x + o * hop, y + (size_t)o * layer->cout);
}

/* The sums of four frames of 16 NB channels in groups of 4. */
EE_TARGET_INLINE void store_rows_grouped(uint32_t NB, uint8_t *y, size_t cout, __m512i (*acc)[2], const __m512 *scale,
                                         float offset)
{
#pragma GCC unroll 2
    for (uint32_t half = 0; half < NB; half++) {
        __m512i sums[4];
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++) sums[i] = scaled(acc[(4 * half + i) / NB][i % NB], scale[i % NB], offset);
        store_rows(y + 2 * half * cout, cout, NB,
                   _mm512_permutexvar_epi8(order_grouped(), narrow(sums[0], sums[1], sums[2], sums[3])));
    }
}

/* Groups of 4, stride 2, four frames of 16 NB channels at a time: they share the weights, and each row of input is
 * loaded once for all of them. What the loop needs is copied first: compilers think that its stores might change it.
 * Returns how many frames are done. */
EE_TARGET_INLINE uint32_t grouped_rows(uint32_t NB, uint32_t KERNEL, const ee_layer *layer, const ee_packed *p,
                                       uint32_t channel, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t rows = KERNEL + 6;
    const float offset = (float)layer->zp_out + 0.5f;
    size_t cin = layer->cin, cout = layer->cout;
    __m512i w[2][9], bias[2];
    __m512 scale[2];
    uint32_t o = 0;
#pragma GCC unroll 2
    for (uint32_t b = 0; b < NB; b++) {
        bias[b] = EE_LOAD_V(p->bias + channel + 16 * b);
        scale[b] = _mm512_loadu_ps(p->scale + channel + 16 * b);
#pragma GCC unroll 9
        for (uint32_t t = 0; t < KERNEL; t++)
            w[b][t] = EE_LOAD_W(p->weights + ((size_t)channel + 16 * b) * KERNEL * 4 + 64 * t);
    }
    x += channel;
    y += channel;
    for (; o + 4 <= n; o += 4, x += 8 * cin, y += 4 * cout) {
        __m512i acc[4][2];
        const uint8_t *row = x;
#pragma GCC unroll 4
        for (uint32_t m = 0; m < 4; m++)
#pragma GCC unroll 2
            for (uint32_t b = 0; b < NB; b++) acc[m][b] = bias[b];
#pragma GCC unroll 16
        for (uint32_t r = 0; r < rows; r++, row += cin) {
#pragma GCC unroll 2
            for (uint32_t b = 0; b < NB; b++) {
                const __m512i input = EE_BROADCAST16(row + 16 * b);
#pragma GCC unroll 4
                for (uint32_t m = 0; m < 4; m++)
                    if (r >= 2 * m && r - 2 * m < KERNEL) acc[m][b] = EE_DOT(acc[m][b], input, w[b][r - 2 * m]);
            }
        }
        store_rows_grouped(NB, y, cout, acc, scale, offset);
    }
    return o;
}

/* The same for any kernel and stride, 16 channels: rows are loaded for each frame. */
static EE_TARGET uint32_t grouped_any(const ee_layer *layer, const ee_packed *p, uint32_t channel, const uint8_t *x,
                                      uint8_t *y, uint32_t n)
{
    const int8_t *weights = p->weights + (size_t)channel * layer->kernel * 4;
    const __m512 scale = _mm512_loadu_ps(p->scale + channel);
    size_t cin = layer->cin, hop = layer->stride * cin;
    uint32_t o = 0;
    for (; o + 4 <= n; o += 4) {
        __m512i acc[4][2];
#pragma GCC unroll 4
        for (uint32_t m = 0; m < 4; m++) acc[m][0] = EE_LOAD_V(p->bias + channel);
        for (uint32_t t = 0; t < layer->kernel; t++)
#pragma GCC unroll 4
            for (uint32_t m = 0; m < 4; m++)
                acc[m][0] = EE_DOT(acc[m][0], EE_BROADCAST16(x + (o + m) * hop + channel + t * cin),
                                   EE_LOAD_W(weights + t * 64));
        store_rows_grouped(1, y + (size_t)o * layer->cout + channel, layer->cout, acc, &scale,
                           (float)layer->zp_out + 0.5f);
    }
    return o;
}

/* Groups of 4 with requantization 0, *width channels: how many frames are done. */
EE_TARGET_INLINE uint32_t grouped_shared(const ee_layer *layer, const ee_packed *p, uint32_t channel, uint32_t *width,
                                         const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t left = layer->cout - channel, kernel = layer->kernel;
    *width = left >= 64 ? 64 : 16;
    if (left >= 64) {
        grouped64(layer, p, channel, x, y, n);
        return n;
    }
    if (layer->stride != 2 || (kernel != 5 && kernel != 7 && kernel != 9))
        return grouped_any(layer, p, channel, x, y, n);
    *width = left >= 32 ? 32 : 16;
#define EE_ROWS(KERNEL)                                               \
    (left >= 32 ? grouped_rows(2, KERNEL, layer, p, channel, x, y, n) \
                : grouped_rows(1, KERNEL, layer, p, channel, x, y, n))
    return kernel == 5 ? EE_ROWS(5) : kernel == 7 ? EE_ROWS(7) : EE_ROWS(9);
}
