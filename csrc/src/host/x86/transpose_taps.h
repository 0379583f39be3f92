/* Four taps of 16 channels for vpdpbusd: lane c holds the bytes of frames 0 .. 3 at channel c; channels 0 .. 7 and 8
 * .. 15. Frames beyond the kernel are not read. */
static inline __attribute__((always_inline)) EE_TARGET void transpose_taps(const uint8_t *p, size_t stride,
                                                                           uint32_t taps, __m256i out[2])
{
    __m128i zero = _mm_setzero_si128();
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i b = taps > 1 ? _mm_loadu_si128((const __m128i *)(const void *)(p + stride)) : zero;
    __m128i c = taps > 2 ? _mm_loadu_si128((const __m128i *)(const void *)(p + 2 * stride)) : zero;
    __m128i d = taps > 3 ? _mm_loadu_si128((const __m128i *)(const void *)(p + 3 * stride)) : zero;
    __m128i ab_lo = _mm_unpacklo_epi8(a, b), ab_hi = _mm_unpackhi_epi8(a, b);
    __m128i cd_lo = _mm_unpacklo_epi8(c, d), cd_hi = _mm_unpackhi_epi8(c, d);
    out[0] = _mm256_set_m128i(_mm_unpackhi_epi16(ab_lo, cd_lo), _mm_unpacklo_epi16(ab_lo, cd_lo));
    out[1] = _mm256_set_m128i(_mm_unpackhi_epi16(ab_hi, cd_hi), _mm_unpacklo_epi16(ab_hi, cd_hi));
}
