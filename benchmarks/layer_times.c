/* Times of each part of one window: layer_times MODEL [KERNELS] prints JSON lines. Built by benchmarks/layers.py. */
#include "../csrc/src/host/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 300, MAX_FILE = 16 << 20, ROOM = 8 << 20 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *aligned(size_t bytes) { return aligned_alloc(64, (bytes + 127) & ~(size_t)63); }

static void run(const ee_kernels *kernels, const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    if (layer->op == EE_CONV) kernels->conv(layer, x, y, n);
    else if (layer->op == EE_MAX_POOL)
        kernels->max_pool(x, y, n, layer->kernel, (size_t)layer->stride * layer->cin, layer->cin);
    else kernels->add(layer, x, x + ROOM / 2, y, n * layer->cout);
}

/* What the arithmetic of 16 vectors of 16 sums takes, in seconds: `steps` dot products each, from registers,
 * requantized and stored. Loads of inputs and weights, shuffles and loops are not included. */
static double least(uint32_t steps)
{
    double best = 0;
#if defined(__x86_64__)
    static uint8_t y[256] __attribute__((aligned(64)));
    if (!__builtin_cpu_supports("avx512vnni")) return 0;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        for (int i = 0; i < 64; i++) {
            uint32_t k = steps;
            __asm__ volatile(
                ".irp a,25,26,27,28,31\n vpxord %%zmm\\a,%%zmm\\a,%%zmm\\a\n .endr\n"
                ".irp a,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovdqa64 %%zmm28,%%zmm\\a\n .endr\n"
                "1:\n .irp a,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vpdpbusd %%zmm31,%%zmm31,%%zmm\\a\n .endr\n"
                "dec %0\n jnz 1b\n"
                ".irp a,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vcvtdq2ps %%zmm\\a,%%zmm\\a\n vfmadd213ps "
                "%%zmm26,%%zmm27,%%zmm\\a\n"
                " vcvtps2dq %%zmm\\a,%%zmm\\a\n .endr\n"
#define NARROW(a, b, c, d, at)                                                                                    \
    "vpackssdw %%zmm" #b ",%%zmm" #a ",%%zmm" #a "\n vpackssdw %%zmm" #d ",%%zmm" #c ",%%zmm" #c "\n"             \
    "vpackuswb %%zmm" #c ",%%zmm" #a ",%%zmm" #a "\n vpermd %%zmm" #a ",%%zmm25,%%zmm" #a "\n vmovdqu64 %%zmm" #a \
    "," #at "(%1)\n"
                NARROW(0, 1, 2, 3, 0) NARROW(4, 5, 6, 7, 64) NARROW(8, 9, 10, 11, 128) NARROW(12, 13, 14, 15, 192)
                : "+r"(k)
                : "r"(y)
                : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                  "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
        }
        const double each = (now() - start) / 64;
        best = !round || each < best ? each : best;
    }
#else
    (void)steps;
#endif
    return best;
}

static double layers(const ee_model *model, const uint8_t *x, uint8_t *y)
{
    static const char *const names[] = { "", "conv", "add", "max pool" };
    const ee_kernels *kernels = (const ee_kernels *)model->kernels;
    uint32_t strides[EE_MAX_LAYERS + 1] = { 1 };
    double total = 0;
    for (uint32_t i = 0; i < model->n_layers; i++) {
        ee_layer layer;
        ee_layer_view(model, i, &layer);
        strides[i + 1] = strides[layer.src_a] * layer.stride;
        uint32_t n = model->window / strides[i + 1];
        double best = 1,
               macs = layer.op == EE_CONV ? (double)n * layer.cout * layer.kernel * (layer.cin / layer.groups) : 0;
        for (int round = 0; round < ROUNDS; round++) {
            double start = now();
            for (int i = 0; i < 4; i++) run(kernels, &layer, x, y, n);
            double each = (now() - start) / 4;
            best = each < best ? each : best;
        }
        total += best;
        const double alone =
            layer.packed && kernels->packed == EE_PACKED_WIDE ? least(ee_steps_of(&layer)) * n * layer.cout / 256 : 0;
        printf("{\"layer\": %u, \"op\": \"%s\", \"cin\": %u, \"cout\": %u, \"kernel\": %u, \"stride\": %u, \"groups\": "
               "%u, \"frames\": %u, \"us\": %.3f, \"macs\": %.0f, \"least_us\": %.3f}\n",
               i, names[layer.op], layer.cin, layer.cout, layer.kernel, layer.stride, layer.groups, n, best * 1e6, macs,
               alone * 1e6);
    }
    return total;
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    ee_model model;
    uint8_t *bytes = aligned(MAX_FILE), *x = aligned(ROOM), *y = aligned(ROOM);
    if (!file || ee_model_view(&model, bytes, fread(bytes, 1, MAX_FILE, file)) != EE_OK) return 1;
    if (argc > 2 && !ee_choose_kernels(&model, argv[2])) return 2;
    size_t packed = ee_pack_size(&model);
    if (packed) ee_pack(&model, aligned(packed));
    for (size_t i = 0; i < ROOM; i++) x[i] = (uint8_t)rand();
    double trunk = layers(&model, x, y), whole = 1, front = 1;

    ee_config config = { 128000, model.window, model.window, 0, 0, EE_CACHE_TAPS };
    size_t size = ee_state_size(&model, &config);
    ee_stream *stream = ee_init(&model, &config, aligned(size), size);
    float *signal = malloc(model.window * sizeof *signal);
    for (uint32_t i = 0; i < model.window; i++) signal[i] = (float)(rand() % 2000 - 1000) / 1000.0f;
    ee_source source = { signal, sizeof *signal, EE_F32, 8000 };
    ee_windows none = { 0, NULL, NULL, NULL, NULL };
    for (int round = 0; round < 4 * ROUNDS; round++) {
        double start = now();
        ee_run(stream, &source, model.window, &none);
        double middle = now();
        ee_reset(stream);
        ee_front_end(stream, &source, model.window, y, model.window);
        double end = now();
        whole = middle - start < whole ? middle - start : whole;
        front = end - middle < front ? end - middle : front;
    }
    printf("{\"kernels\": \"%s\", \"trunk_us\": %.2f, \"front_end_us\": %.2f, \"window_us\": %.2f}\n",
           ee_kernels_name(&model), trunk * 1e6, front * 1e6, whole * 1e6);
    return 0;
}
