/* Which kernels run: a model takes one table, once, when it is viewed. */
#include "../core/kernels.h"

#ifndef EE_NO_HOST /* a device has one instruction set, known to the compiler */

#ifdef __x86_64__
#include <cpuid.h>
extern const ee_kernels ee_kernels_avx512vnni, ee_kernels_avxvnni, ee_kernels_avx2;

static int has_avx512vnni(void)
{
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vbmi");
}
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int has_avxvnni(void) /* asked of the processor: older compilers do not know its name */
{
    unsigned a = 0, b, c, d;
    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif

#if defined(__aarch64__)
extern const ee_kernels ee_kernels_dotprod, ee_kernels_neon;
#if defined(__linux__)
#include <sys/auxv.h>
static int has_dotprod(void) { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; } /* HWCAP_ASIMDDP */
#elif defined(__ARM_FEATURE_DOTPROD)
static int has_dotprod(void) { return 1; }
#else
static int has_dotprod(void) { return 0; }
#endif
#endif

static int always(void) { return 1; }

/* The best first. */
static const struct choice {
    const ee_kernels *kernels;
    int (*runs_here)(void);
} choices[] = {
#ifdef __x86_64__
    { &ee_kernels_avx512vnni, has_avx512vnni },
    { &ee_kernels_avxvnni, has_avxvnni },
    { &ee_kernels_avx2, has_avx2 },
#endif
#if defined(__aarch64__)
    { &ee_kernels_dotprod, has_dotprod },
    { &ee_kernels_neon, always },
#endif
    { &ee_kernels_scalar, always },
};

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

const ee_kernels *ee_kernels_named(const char *name)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if ((!name || same(name, choices[i].kernels->name)) && choices[i].runs_here()) return choices[i].kernels;
    return NULL;
}

const ee_kernels *ee_kernels_default(void) { return ee_kernels_named(NULL); }

int ee_choose_kernels(ee_model *model, const char *name)
{
    const ee_kernels *kernels = ee_kernels_named(name);
    if (!kernels) return 0;
    model->kernels = kernels;
    model->packed = NULL;
    return 1;
}

const char *ee_kernels_name(const ee_model *model) { return ((const ee_kernels *)model->kernels)->name; }
#endif
