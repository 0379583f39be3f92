/* What the two aarch64 instruction sets share: 4 lanes, four vectors for 16 channels, inputs offset to signed bytes. */
#include <arm_neon.h>

#define EE_ORDER  EE_PACKED_SIGNED
#define EE_NV     4u
#define EE_NB_MAX 1u
#define EE_MR_MAX 6u
typedef int32x4_t V;
typedef int8x16_t X, W;
typedef struct XT4 {
    X part[4];
} XT4;

#define EE_LOAD_V(p)                    vld1q_s32(p)
#define EE_STORE_V(p, v)                vst1q_s32(p, v)
#define EE_ADD_V(a, b)                  vaddq_s32(a, b)
#define EE_ZERO_V()                     vdupq_n_s32(0)
#define EE_LOAD_W(p)                    vld1q_s8(p)
#define EE_BROADCAST4(p)                offset_x(vreinterpretq_u8_s32(vdupq_n_s32(ee_load32(p))))
#define EE_BROADCAST16(p)               offset_x(vld1q_u8(p))
#define EE_STORE(y, b)                  vst1q_u8(y, b)
#define EE_TRANSPOSE4(b)                transpose4(b)
#define EE_QUANTIZE(acc, scale, offset) quantize(acc, scale, offset)
#define EE_TAPS4(p, stride, taps)       taps4(p, stride, taps)
#define EE_TAPS_PART(x, j)              ((x).part[j])
#define EE_DOT(acc, x, w)               dot(acc, x, w)

typedef float64x2_t D;
#define EE_D_SET(v)        vdupq_n_f64(v)
#define EE_D_OF(p)         vcvtq_f64_s64(vmovl_s32(vld1_s32(p)))
#define EE_D_STORE32(p, d) vst1_s32(p, vmovn_s64(vcvtq_s64_f64(d)))
#define EE_D_MIN(a, b)     vminq_f64(a, b)
#define EE_D_MAX(a, b)     vmaxq_f64(a, b)
#define EE_D_FLOOR(a)      vrndmq_f64(a)
#define EE_D_FMA(a, b, c)  vfmaq_f64(c, a, b)

#define EE_TARGET_INLINE static inline __attribute__((always_inline)) EE_TARGET

EE_TARGET_INLINE int8x16_t offset_x(uint8x16_t x) { return vreinterpretq_s8_u8(veorq_u8(x, vdupq_n_u8(128))); }

EE_TARGET_INLINE int16x4_t quantize4(int32x4_t acc, const float *scale, float offset)
{ return vqmovn_s32(vcvtmq_s32_f32(vfmaq_f32(vdupq_n_f32(offset), vcvtq_f32_s32(acc), vld1q_f32(scale)))); }

EE_TARGET_INLINE uint8x16_t quantize(const int32x4_t *acc, const float *scale, float offset)
{
    int16x8_t lo = vcombine_s16(quantize4(acc[0], scale, offset), quantize4(acc[1], scale + 4, offset));
    int16x8_t hi = vcombine_s16(quantize4(acc[2], scale + 8, offset), quantize4(acc[3], scale + 12, offset));
    return vcombine_u8(vqmovun_s16(lo), vqmovun_s16(hi));
}

EE_TARGET_INLINE uint8x16_t transpose4(uint8x16_t b)
{
    static const uint8_t order[16] = { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 };
    return vqtbl1q_u8(b, vld1q_u8(order));
}

/* Lane c: bytes of frames 0 .. 3 at channel c; frames beyond the kernel are not read. */
EE_TARGET_INLINE XT4 taps4(const uint8_t *p, size_t stride, uint32_t taps)
{
    int8x16_t zero = vdupq_n_s8(0), a = offset_x(vld1q_u8(p));
    int8x16_t b = taps > 1 ? offset_x(vld1q_u8(p + stride)) : zero;
    int8x16_t c = taps > 2 ? offset_x(vld1q_u8(p + 2 * stride)) : zero;
    int8x16_t d = taps > 3 ? offset_x(vld1q_u8(p + 3 * stride)) : zero;
    int16x8_t ab_lo = vreinterpretq_s16_s8(vzip1q_s8(a, b)), ab_hi = vreinterpretq_s16_s8(vzip2q_s8(a, b));
    int16x8_t cd_lo = vreinterpretq_s16_s8(vzip1q_s8(c, d)), cd_hi = vreinterpretq_s16_s8(vzip2q_s8(c, d));
    XT4 x = { { vreinterpretq_s8_s16(vzip1q_s16(ab_lo, cd_lo)), vreinterpretq_s8_s16(vzip2q_s16(ab_lo, cd_lo)),
                vreinterpretq_s8_s16(vzip1q_s16(ab_hi, cd_hi)), vreinterpretq_s8_s16(vzip2q_s16(ab_hi, cd_hi)) } };
    return x;
}
