/* Depthwise convolutions for AVX-512: transposed frames serve several outputs. Included by avx512vnni.c alone. */

/* Four rows of 16 bytes, transposed. */
EE_BYTES(order_taps, 16 * (i % 4) + i / 4)
/* Of four rows of 32 bytes the first halves, and the second ones. */
EE_BYTES(order_taps_low, 32 * (i % 4) + i / 4)
EE_BYTES(order_taps_high, 32 * (i % 4) + 16 + i / 4)

/* Four frames of 16 NB channels: lane c of vector b holds their bytes at channel 16 b + c; of 64 channels, in the order
 * of pack.c, which narrowing undoes. */
EE_TARGET_INLINE void transposed(uint32_t NB, const uint8_t *p, size_t stride, __m512i *out)
{
#define EE_ROW(t)  _mm_loadu_si128((const __m128i *)(const void *)(p + (t) * stride))
#define EE_HALF(t) _mm256_loadu_si256((const __m256i *)(const void *)(p + (t) * stride))
    if (NB == 1) {
        __m512i rows = _mm512_loadu_si512(p);
        if (stride != 16)
            rows = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(EE_ROW(1), EE_ROW(0))),
                                      _mm256_set_m128i(EE_ROW(3), EE_ROW(2)), 1);
        out[0] = _mm512_permutexvar_epi8(order_taps(), rows);
    } else if (NB == 2) {
        __m512i first = _mm512_loadu_si512(p), second = _mm512_loadu_si512(p + 64);
        if (stride != 32) {
            first = _mm512_inserti64x4(_mm512_castsi256_si512(EE_HALF(0)), EE_HALF(1), 1);
            second = _mm512_inserti64x4(_mm512_castsi256_si512(EE_HALF(2)), EE_HALF(3), 1);
        }
        out[0] = _mm512_permutex2var_epi8(first, order_taps_low(), second);
        out[1] = _mm512_permutex2var_epi8(first, order_taps_high(), second);
    } else {
        __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + stride);
        __m512i c = _mm512_loadu_si512(p + 2 * stride), d = _mm512_loadu_si512(p + 3 * stride);
        __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
        out[0] = _mm512_unpacklo_epi16(ab, cd);
        out[1] = _mm512_unpackhi_epi16(ab, cd);
        ab = _mm512_unpackhi_epi8(a, b), cd = _mm512_unpackhi_epi8(c, d);
        out[2] = _mm512_unpacklo_epi16(ab, cd);
        out[3] = _mm512_unpackhi_epi16(ab, cd);
    }
}

/* Depthwise with a stride that divides 4, 16 NB channels: four transposed frames serve STEPS outputs, which lie 4 /
 * stride frames apart. 4 / NB outputs are narrowed at once. Frames behind the last window meet weights of 0, or
 * belong to outputs that nobody asked for. */
EE_TARGET_INLINE void depthwise_chain(uint32_t NB, uint32_t STEPS, const ee_layer *layer, const ee_packed *p,
                                      uint32_t channel, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t G = 4 / NB;
    size_t cin = layer->cin, cout = (size_t)(4u / layer->stride) * cin;
    float offset = (float)layer->zp_out + 0.5f;
    __m512i w[3][4], bias[4], rows[4 + 3][4], acc[4];
    __m512 scale[4];
#pragma GCC unroll 4
    for (uint32_t b = 0; b < NB; b++) {
        bias[b] = EE_LOAD_V(p->bias + channel + 16 * b);
        scale[b] = _mm512_loadu_ps(p->scale + channel + 16 * b);
#pragma GCC unroll 4
        for (uint32_t k = 0; k < STEPS; k++)
            w[k][b] = EE_LOAD_W(p->weights + ((size_t)channel + 16 * b) * STEPS * 4 + 64 * k);
    }
#pragma GCC unroll 4
    for (uint32_t k = 0; k + 1 < STEPS; k++) transposed(NB, x + 4 * k * cin, cin, rows[k]);
    for (uint32_t o = 0; o < n; o += G, x += 4 * G * cin, y += G * cout) {
#pragma GCC unroll 4
        for (uint32_t i = 0; i < G; i++) {
            transposed(NB, x + 4 * (i + STEPS - 1) * cin, cin, rows[i + STEPS - 1]);
#pragma GCC unroll 4
            for (uint32_t b = 0; b < NB; b++) {
                acc[i * NB + b] = bias[b];
#pragma GCC unroll 4
                for (uint32_t k = 0; k < STEPS; k++) acc[i * NB + b] = EE_DOT(acc[i * NB + b], rows[i + k][b], w[k][b]);
            }
        }
        __m512i bytes = narrow(scaled(acc[0], scale[0], offset), scaled(acc[1], scale[1 % NB], offset),
                               scaled(acc[2], scale[2 % NB], offset), scaled(acc[3], scale[3 % NB], offset));
        if (NB == 4) _mm512_storeu_si512(y, bytes);
        else if (n - o >= G) store_rows(y, cout, NB, in_rows(bytes));
        else store_some(y, cout, 16 * NB, n - o, in_rows(bytes));
#pragma GCC unroll 4
        for (uint32_t k = 0; k + 1 < STEPS; k++)
#pragma GCC unroll 4
            for (uint32_t b = 0; b < NB; b++) rows[k][b] = rows[k + G][b];
    }
}

static EE_TARGET int depthwise_shared(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y,
                                      uint32_t n)
{
    uint32_t steps = ee_steps_of(layer), chains = 4u / layer->stride;
    if (!ee_in_chains(layer)) return 0;
    for (uint32_t c = 0, width; c < layer->cout; c += width) {
        width = layer->cout - c >= 64 ? 64 : layer->cout - c >= 32 ? 32 : 16;
        for (uint32_t chain = 0; chain < chains && chain < n; chain++) {
            const uint8_t *from = x + (size_t)chain * layer->stride * layer->cin + c;
            uint8_t *to = y + (size_t)chain * layer->cout + c;
            uint32_t count = (n - chain + chains - 1) / chains;
#define EE_CHAIN(NB)                                                     \
    (steps == 1   ? depthwise_chain(NB, 1, layer, p, c, from, to, count) \
     : steps == 2 ? depthwise_chain(NB, 2, layer, p, c, from, to, count) \
                  : depthwise_chain(NB, 3, layer, p, c, from, to, count))
            if (width == 64) EE_CHAIN(4);
            else if (width == 32) EE_CHAIN(2);
            else EE_CHAIN(1);
        }
    }
    return 1;
}
