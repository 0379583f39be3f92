/* The int8 multiply-accumulate peak of one core: dot-product instructions on registers alone, nothing read or written.
 * Prints one JSON line: {"instruction": "...", "gmacs": ...} for each instruction set that this processor has.
 * Times are the thread's processor time, so that other programs do not count. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Twelve independent sums hide the latency of 4 to 6 cycles at two a cycle; `asm` keeps them from being folded. */
#define SUMS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define KEEP(i) __asm__ volatile("" : "+x"(s##i));

__attribute__((target("avx512f,avx512vnni"))) static double zmm_vnni(long n)
{
    __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
    double start;
#define DECLARE(i) __m512i s##i = _mm512_setzero_si512();
#define STEP(i)    s##i = _mm512_dpbusd_epi32(s##i, a, b);
#define KEEPZ(i)   __asm__ volatile("" : "+v"(s##i));
    SUMS(DECLARE)
    start = now();
    for (long r = 0; r < n; r++) { SUMS(STEP) SUMS(KEEPZ) }
    return now() - start;
#undef DECLARE
#undef STEP
}

__attribute__((target("avx2,avxvnni"))) static double ymm_vnni(long n)
{
    __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
    double start;
#define DECLARE(i) __m256i s##i = _mm256_setzero_si256();
#define STEP(i)    s##i = _mm256_dpbusd_avx_epi32(s##i, a, b);
    SUMS(DECLARE)
    start = now();
    for (long r = 0; r < n; r++) { SUMS(STEP) SUMS(KEEP) }
    return now() - start;
#undef STEP
}

/* Without VNNI: bytes widened to 16 bits, an exact multiply-add of pairs and an add. The widening is not counted. */
__attribute__((target("avx2"))) static double ymm_madd(long n)
{
    __m256i a = _mm256_set1_epi16(3), b = _mm256_set1_epi16(5);
    double start;
#define STEP(i)                                                 \
    {                                                           \
        __m256i p = a;                                          \
        __asm__ volatile("" : "+x"(p));                         \
        s##i = _mm256_add_epi32(s##i, _mm256_madd_epi16(p, b)); \
    }
    SUMS(DECLARE)
    start = now();
    for (long r = 0; r < n; r++) { SUMS(STEP) SUMS(KEEP) }
    return now() - start;
}
#endif

static void report(const char *name, double (*run)(long), double macs)
{
    const long n = 2000000;
    double best = 1e9;
    run(n);
    for (int i = 0; i < 5; i++) {
        double t = run(n);
        if (t < best) best = t;
    }
    printf("{\"instruction\": \"%s\", \"gmacs\": %.1f}\n", name, 12.0 * macs * (double)n / best / 1e9);
}

int main(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni")) report("vpdpbusd zmm", zmm_vnni, 64);
    if (__builtin_cpu_supports("avxvnni")) report("vpdpbusd ymm", ymm_vnni, 32);
    if (__builtin_cpu_supports("avx2")) report("vpmaddwd ymm", ymm_madd, 16);
#else
    (void)report;
    (void)now;
#endif
    return 0;
}
