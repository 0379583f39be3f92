/* The vector kernels, written once. An instruction set defines these and includes this file:
 *
 *     EE_TARGET, EE_NAME(x)     function attribute; a name with the set's suffix
 *     EE_ISA, EE_ORDER          name of the table of kernels; order of the packed weights
 *     EE_NV                     vectors for 16 lanes of int32
 *     EE_MR_MAX, EE_NB_MAX      most frames of a dense tile; most blocks of 16 channels
 *     V, X, W                   sums, prepared input, prepared weights
 *     EE_LOAD_V(p) EE_STORE_V(p, v) EE_ADD_V(a, b) EE_ZERO_V()
 *     EE_LOAD_W(p) EE_BROADCAST4(p) EE_BROADCAST16(p) EE_DOT(acc, x, w)
 *     EE_QUANTIZE(acc[NV], scale, offset)      16 bytes, for EE_STORE(y, b) and EE_TRANSPOSE4(b)
 *     EE_TAPS4(p, stride, taps) EE_TAPS_PART(x, j)      four taps of 16 channels
 *     D                         a vector of doubles: EE_D_SET(v) EE_D_OF(int32 *) EE_D_STORE32(int32 *, d)
 *                               EE_D_MIN(a, b) EE_D_MAX(a, b) EE_D_FLOOR(a) EE_D_FMA(a, b, c)
 *
 * and, where four vectors of sums are narrowed to 64 bytes at once, EE_WIDE with
 *
 *     EE_STORE64                64 channels of a frame
 *     EE_STORE_ROWS             16 or 32 channels of several frames
 *     EE_GROUPED                frames done by a kernel of its own
 *     EE_DEPTHWISE              the same; 0 where it does not apply
 *
 * Requantization runs in binary32, which is exact wherever the result is not saturated (docs/numerics.md section 3). */
#ifndef EE_TARGET_INLINE
#define EE_TARGET_INLINE static inline __attribute__((always_inline)) EE_TARGET
#endif

/* Hides from the compiler where a pointer comes from: it would keep every sum of it with a number of frames, and has no
 * registers for them. */
#define EE_OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* Requantization 1, from 16 sums in packed order. Its products do not fit binary32; in binary64 nothing below 2^53 is
 * rounded, and what lies above saturates anyway. One of the two products is 0. */
static EE_TARGET __attribute__((noinline)) void EE_NAME(affine)(const ee_layer *layer, const V *acc, uint32_t first,
                                                                uint8_t *y)
{
    int32_t sums[16], ordered[16], out[16];
    const int32_t *from = sums, *pos = layer->mult_pos + first, *neg = layer->mult_neg + first,
                  *add = layer->add + first;
    D zero = EE_D_SET(0), top = EE_D_SET(255), half = EE_D_SET(1 << 21), unit = EE_D_SET(1.0 / (1 << 22)),
      zp = EE_D_SET(layer->zp_out);
    for (uint32_t j = 0; j < EE_NV; j++) EE_STORE_V(sums + j * (16 / EE_NV), acc[j]);
    if (layer->groups > 1 && layer->groups < layer->cin) {
        for (uint32_t i = 0; i < 16; i++) ordered[i] = sums[4 * (i % 4) + i / 4]; /* its own inverse */
        from = ordered;
    }
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 16; i += sizeof(D) / 8) {
        D sum = EE_D_OF(from + i);
        D v = EE_D_FMA(EE_D_MIN(sum, zero), EE_D_OF(neg + i), EE_D_OF(add + i) + half);
        v = EE_D_FLOOR(EE_D_FMA(EE_D_MAX(sum, zero), EE_D_OF(pos + i), v) * unit) + zp;
        EE_D_STORE32(out + i, EE_D_MIN(EE_D_MAX(v, zero), top));
    }
    for (uint32_t i = 0; i < 16; i++) y[i] = (uint8_t)out[i];
}

/* Hands over a copy: if their own address left a kernel, its sums would live in memory. */
EE_TARGET_INLINE void EE_NAME(store_affine)(const ee_layer *layer, const V *acc, uint32_t first, uint8_t *y)
{
    V sums[EE_NV];
#pragma GCC unroll 4
    for (uint32_t j = 0; j < EE_NV; j++) sums[j] = acc[j];
    EE_NAME(affine)(layer, sums, first, y);
}

/* The sums of MR frames by NB blocks become bytes. */
EE_TARGET_INLINE void EE_NAME(store_tile)(uint32_t MR, uint32_t NB, const ee_layer *layer, V (*acc)[EE_NB_MAX * EE_NV],
                                          const float *scale, uint32_t channel, uint8_t *y)
{
    size_t cout = layer->cout;
    float offset = (float)layer->zp_out + 0.5f;
    uint32_t rows = 0, first = 0; /* so many frames of the blocks from `first` on are stored */
    if (layer->requant) {
#pragma GCC unroll 24
        for (uint32_t m = 0; m < MR; m++)
#pragma GCC unroll 24
            for (uint32_t b = 0; b < NB; b++)
                EE_NAME(store_affine)(layer, acc[m] + b * EE_NV, channel + 16 * b, y + m * cout + 16 * b);
        return;
    }
#ifdef EE_WIDE
    for (first = 0; first + 4 <= NB; first += 4)
#pragma GCC unroll 24
        for (uint32_t m = 0; m < MR; m++)
            EE_STORE64(y + m * cout + 16 * first, acc[m] + first, scale + 16 * first, offset);
    uint32_t rest = NB - first, at_once = rest == 2 ? 2 : 4;
    if (rest == 1 || rest == 2)
#pragma GCC unroll 24
        for (; rows + at_once <= MR; rows += at_once) {
            V sums[4];
#pragma GCC unroll 4
            for (uint32_t i = 0; i < 4; i++) sums[i] = acc[rows + i / rest][first + i % rest];
            EE_STORE_ROWS(y + rows * cout + 16 * first, cout, rest, sums, scale + 16 * first, offset);
        }
#endif
#pragma GCC unroll 24
    for (uint32_t m = rows; m < MR; m++)
#pragma GCC unroll 24
        for (uint32_t b = first; b < NB; b++)
            EE_STORE(y + m * cout + 16 * b, EE_QUANTIZE(acc[m] + b * EE_NV, scale + 16 * b, offset));
}

/* Four bytes of each of MR frames meet their weights. */
EE_TARGET_INLINE void EE_NAME(step)(uint32_t MR, uint32_t NB, V (*acc)[EE_NB_MAX * EE_NV], const int8_t *w,
                                    size_t panel, const uint8_t **third, size_t hop)
{
    W weights[EE_NB_MAX * EE_NV];
#pragma GCC unroll 24
    for (uint32_t j = 0; j < NB * EE_NV; j++)
        weights[j] = EE_LOAD_W(w + (j / EE_NV) * panel + (j % EE_NV) * (64 / EE_NV));
#pragma GCC unroll 24
    for (uint32_t m = 0; m < MR; m++) {
        X input = EE_BROADCAST4(third[m / 3] + m % 3 * hop);
#pragma GCC unroll 24
        for (uint32_t j = 0; j < NB * EE_NV; j++) acc[m][j] = EE_DOT(acc[m][j], input, weights[j]);
    }
#pragma GCC unroll 24
    for (uint32_t m = 0; m < MR; m += 3) third[m / 3] += 4;
}

/* MR frames by NB blocks of 16 channels; MR and NB are constants where this is inlined, and so is STEPS, the number of
 * steps, or 0. */
EE_TARGET_INLINE void EE_NAME(tile)(uint32_t MR, uint32_t NB, uint32_t STEPS, const ee_layer *layer, const int8_t *w,
                                    uint32_t steps, const uint8_t *x, size_t hop, const ee_packed *p, uint32_t channel,
                                    uint8_t *y)
{
    V acc[EE_MR_MAX][EE_NB_MAX * EE_NV];
    const uint8_t *third[(EE_MR_MAX + 2) / 3]; /* every third frame: the two behind it lie at hop and 2 hop */
    size_t panel = (size_t)steps * 64;
#pragma GCC unroll 24
    for (uint32_t m = 0; m < MR; m += 3) {
        third[m / 3] = x + m * hop;
        EE_OPAQUE(third[m / 3]);
    }
#pragma GCC unroll 24
    for (uint32_t m = 0; m < MR; m++)
#pragma GCC unroll 24
        for (uint32_t j = 0; j < NB * EE_NV; j++) acc[m][j] = EE_LOAD_V(p->bias + channel + j * (16 / EE_NV));
#pragma GCC unroll 8
    for (uint32_t k = 0; k < STEPS; k++) EE_NAME(step)(MR, NB, acc, w + 64 * k, panel, third, hop);
    for (uint32_t k = STEPS; k < steps; k++) EE_NAME(step)(MR, NB, acc, w + (size_t)64 * k, panel, third, hop);
    EE_NAME(store_tile)(MR, NB, layer, acc, p->scale + channel, channel, y);
}

/* All frames of NB blocks: full tiles of MR frames, then the rest four and one at a time. 8 are 4 and 4, not 6 and 1
 * and 1. */
EE_TARGET_INLINE void EE_NAME(panel_of)(uint32_t MR, uint32_t NB, uint32_t STEPS, const ee_layer *layer,
                                        const ee_packed *p, uint32_t channel, uint32_t runtime_steps, const uint8_t *x,
                                        size_t hop, uint8_t *y, uint32_t n)
{
    const uint32_t steps = STEPS ? STEPS : runtime_steps;
    const int8_t *w = p->weights + (size_t)channel * steps * 4;
    size_t cout = layer->cout;
    uint32_t o = 0;
    y += channel;
    for (; o + MR <= n && (MR != 6 || n - o != 8); o += MR)
        EE_NAME(tile)(MR, NB, STEPS, layer, w, steps, x + o * hop, hop, p, channel, y + o * cout);
    if (MR > 4)
        for (; o + 4 <= n; o += 4)
            EE_NAME(tile)(4, NB, STEPS, layer, w, steps, x + o * hop, hop, p, channel, y + o * cout);
    for (; o < n; o++) EE_NAME(tile)(1, NB, STEPS, layer, w, steps, x + o * hop, hop, p, channel, y + o * cout);
}

/* Layers of few steps are compiled for their number: the weights of a block stay in registers. */
EE_TARGET_INLINE void EE_NAME(panel)(uint32_t MR, uint32_t NB, const ee_layer *layer, const ee_packed *p,
                                     uint32_t channel, uint32_t steps, const uint8_t *x, size_t hop, uint8_t *y,
                                     uint32_t n)
{
#ifdef EE_WIDE
    if (NB <= 2 && steps == 2) EE_NAME(panel_of)(MR, NB, 2, layer, p, channel, 2, x, hop, y, n);
    else if (NB <= 2 && steps == 3) EE_NAME(panel_of)(MR, NB, 3, layer, p, channel, 3, x, hop, y, n);
    else if (NB == 2 && steps == 4) EE_NAME(panel_of)(MR, NB, 4, layer, p, channel, 4, x, hop, y, n);
    else if (NB == 4 && steps == 8) EE_NAME(panel_of)(MR, NB, 8, layer, p, channel, 8, x, hop, y, n);
    else
#endif
        EE_NAME(panel_of)(MR, NB, 0, layer, p, channel, steps, x, hop, y, n);
}

static EE_TARGET void EE_NAME(dense)(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y,
                                     uint32_t n)
{
    uint32_t steps = ee_steps_of(layer), blocks = layer->cout / 16u, b = 0;
    size_t hop = (size_t)layer->stride * layer->cin;
#if EE_NB_MAX >= 6
    for (; blocks - b == 6; b += 6) EE_NAME(panel)(4, 6, layer, p, 16 * b, steps, x, hop, y, n);
#endif
#if EE_NB_MAX >= 4
    for (; blocks - b >= 4; b += 4) EE_NAME(panel)(6, 4, layer, p, 16 * b, steps, x, hop, y, n);
    for (; blocks - b >= 2; b += 2) EE_NAME(panel)(12, 2, layer, p, 16 * b, steps, x, hop, y, n);
#endif
    for (; b < blocks; b++) EE_NAME(panel)(EE_MR_MAX, 1, layer, p, 16 * b, steps, x, hop, y, n);
}

/* Groups of 4 channels: 16 input bytes of a tap, repeated, meet the weights of 16 outputs. KERNEL 0: not a constant. */
EE_TARGET_INLINE void EE_NAME(grouped_block)(uint32_t KERNEL, const ee_layer *layer, const ee_packed *p,
                                             uint32_t channel, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t kernel = KERNEL ? KERNEL : layer->kernel, cin = layer->cin;
    const int8_t *w = p->weights + (size_t)channel * kernel * 4;
    size_t hop = (size_t)layer->stride * cin;
    float offset = (float)layer->zp_out + 0.5f;
    for (uint32_t o = 0; o < n; o++) {
        const uint8_t *frame = x + o * hop + channel;
        V acc[EE_NV];
        for (uint32_t j = 0; j < EE_NV; j++) acc[j] = EE_LOAD_V(p->bias + channel + j * (16 / EE_NV));
#pragma GCC unroll 16
        for (uint32_t t = 0; t < kernel; t++) {
            X input = EE_BROADCAST16(frame + (size_t)t * cin);
            for (uint32_t j = 0; j < EE_NV; j++)
                acc[j] = EE_DOT(acc[j], input, EE_LOAD_W(w + t * 64 + j * (64 / EE_NV)));
        }
        uint8_t *out = y + (size_t)o * layer->cout + channel;
        if (layer->requant) EE_NAME(store_affine)(layer, acc, channel, out);
        else EE_STORE(out, EE_TRANSPOSE4(EE_QUANTIZE(acc, p->scale + channel, offset)));
    }
}

static EE_TARGET void EE_NAME(grouped)(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y,
                                       uint32_t n)
{
    for (uint32_t first = 0, width = 16; first < layer->cout; first += width) {
        uint32_t done = 0;
#ifdef EE_WIDE
        if (!layer->requant) done = EE_GROUPED(layer, p, first, &width, x, y, n);
#endif
        const uint8_t *from = x + (size_t)done * layer->stride * layer->cin;
        uint8_t *to = y + (size_t)done * layer->cout;
        for (uint32_t c = first; done < n && c < first + width; c += 16) {
            if (layer->kernel == 5) EE_NAME(grouped_block)(5, layer, p, c, from, to, n - done);
            else if (layer->kernel == 7) EE_NAME(grouped_block)(7, layer, p, c, from, to, n - done);
            else if (layer->kernel == 9) EE_NAME(grouped_block)(9, layer, p, c, from, to, n - done);
            else EE_NAME(grouped_block)(0, layer, p, c, from, to, n - done);
        }
    }
}

/* Four taps of 16 channels are one transposed vector. */
static EE_TARGET void EE_NAME(depthwise)(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y,
                                         uint32_t n)
{
    uint32_t steps = ee_steps_of(layer), cin = layer->cin;
    size_t hop = (size_t)layer->stride * cin;
    float offset = (float)layer->zp_out + 0.5f;
#ifdef EE_WIDE
    if (EE_DEPTHWISE(layer, p, x, y, n)) return;
#endif
    for (uint32_t c = 0; c < layer->cout; c += 16) {
        const int8_t *w = p->weights + (size_t)c * steps * 4;
        for (uint32_t o = 0; o < n; o++) {
            const uint8_t *frame = x + o * hop + c;
            V acc[EE_NV];
            for (uint32_t j = 0; j < EE_NV; j++) acc[j] = EE_LOAD_V(p->bias + c + j * (16 / EE_NV));
            for (uint32_t k = 0; k < steps; k++, frame += 4 * (size_t)cin) {
                XT4 input = EE_TAPS4(frame, cin, layer->kernel - 4 * k);
                for (uint32_t j = 0; j < EE_NV; j++)
                    acc[j] = EE_DOT(acc[j], EE_TAPS_PART(input, j), EE_LOAD_W(w + k * 64 + j * (64 / EE_NV)));
            }
            if (layer->requant) EE_NAME(store_affine)(layer, acc, c, y + (size_t)o * layer->cout + c);
            else EE_STORE(y + (size_t)o * layer->cout + c, EE_QUANTIZE(acc, p->scale + c, offset));
        }
    }
}

static EE_TARGET void EE_NAME(run)(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y, uint32_t n)
{
    switch (ee_shape_of(layer)) {
    case EE_SHAPE_DENSE: EE_NAME(dense)(layer, p, x, y, n); break;
    case EE_SHAPE_GROUPED: EE_NAME(grouped)(layer, p, x, y, n); break;
    default: EE_NAME(depthwise)(layer, p, x, y, n);
    }
}

/* A number of channels that does not fill its vectors: frames of whole vectors are made, and the layer's channels are
 * kept of them. */
static EE_TARGET void EE_NAME(run_part)(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y,
                                        uint32_t n)
{
    uint8_t frames[EE_PART_BYTES];
    ee_layer whole = *layer;
    whole.cout = (uint16_t)ee_whole_lanes(layer->cout);
    for (uint32_t some; n; n -= some) {
        const uint8_t *from = frames;
        some = ee_min(n, EE_PART_BYTES / whole.cout);
        if (layer->groups == 1) EE_NAME(dense)(&whole, p, x, frames, some);
        else EE_NAME(grouped)(&whole, p, x, frames, some);
        x += (size_t)some * layer->stride * layer->cin;
        for (uint32_t left = some; left; left--, from += whole.cout, y += layer->cout)
            if (left * layer->cout >= whole.cout) /* the next frames go over what is too much */
                for (uint32_t c = 0; c < whole.cout; c += EE_LANES) __builtin_memcpy(y + c, from + c, EE_LANES);
            else ee_copy(y, from, layer->cout);
    }
}

static EE_TARGET void EE_NAME(conv)(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    if (!layer->packed) {
        ee_kernels_scalar.conv(layer, x, y, n);
        return;
    }
    ee_packed p = ee_packed_at(layer->packed, ee_whole_lanes(layer->cout));
    if (layer->cout % EE_LANES) EE_NAME(run_part)(layer, &p, x, y, n);
    else EE_NAME(run)(layer, &p, x, y, n);
}

static EE_TARGET void EE_NAME(linear)(const ee_head *head, const uint8_t *u, int32_t *out)
{
    if (!head->packed) {
        ee_kernels_scalar.linear(head, u, out);
        return;
    }
    ee_packed p = ee_packed_at(head->packed, ee_whole_lanes(head->dim));
    uint32_t steps = (head->features + 3u) / 4u;
    const int8_t *w = p.weights;
    for (uint32_t c = 0; c < head->dim; c += 16, w += (size_t)steps * 64) {
        V acc[4][EE_NV]; /* four chains hide the latency of the dot product */
        for (uint32_t i = 0; i < 4; i++)
            for (uint32_t j = 0; j < EE_NV; j++) acc[i][j] = i ? EE_ZERO_V() : EE_LOAD_V(p.bias + c + j * (16 / EE_NV));
        uint32_t k = 0;
        for (; k + 4 <= steps; k += 4)
#pragma GCC unroll 4
            for (uint32_t i = 0; i < 4; i++)
                for (uint32_t j = 0; j < EE_NV; j++)
                    acc[i][j] = EE_DOT(acc[i][j], EE_BROADCAST4(u + 4 * (k + i)),
                                       EE_LOAD_W(w + (k + i) * 64 + j * (64 / EE_NV)));
        for (; k < steps; k++)
            for (uint32_t j = 0; j < EE_NV; j++)
                acc[0][j] = EE_DOT(acc[0][j], EE_BROADCAST4(u + 4 * k), EE_LOAD_W(w + k * 64 + j * (64 / EE_NV)));
        for (uint32_t j = 0; j < EE_NV; j++)
            EE_STORE_V(out + c + j * (16 / EE_NV),
                       EE_ADD_V(EE_ADD_V(acc[0][j], acc[1][j]), EE_ADD_V(acc[2][j], acc[3][j])));
    }
}

#include "../core/kernel_loops.h"

const ee_kernels EE_NAME(ee_kernels) = { EE_ISA, EE_ORDER, EE_NAME(conv), EE_NAME(linear), EE_LOOPS };
