#include "avx2.h"

#if defined(__x86_64__)

// Each register holds eight lanes. Several registers of sums run at once, because each addition waits for the one
// before it: with one register alone this would be slower than the portable form. The step is a macro, because only
// named sums stay in registers in every build.

#define TALKPATH_STEP(number) \
    sum##number = _mm256_add_ps(sum##number, _mm256_mul_ps(coefficient, _mm256_loadu_ps(place + 8 * number)));

TALKPATH_AVX2 void talkpath_avx2_convolve(
    const float *source, const float *coefficients, const ptrdiff_t *offsets, size_t taps, float *target,
    size_t count) {
    size_t index = 0;
    for (; index + 57 <= count; index += 64) {
        __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        __m256 sum4 = sum0, sum5 = sum0, sum6 = sum0, sum7 = sum0;
        for (size_t tap = 0; tap < taps; tap++) {
            const __m256 coefficient = _mm256_broadcast_ss(coefficients + tap);
            const float *place = source + offsets[tap] + index;
            TALKPATH_STEP(0) TALKPATH_STEP(1) TALKPATH_STEP(2) TALKPATH_STEP(3)
            TALKPATH_STEP(4) TALKPATH_STEP(5) TALKPATH_STEP(6) TALKPATH_STEP(7)
        }
        _mm256_storeu_ps(target + index, sum0);
        _mm256_storeu_ps(target + index + 8, sum1);
        _mm256_storeu_ps(target + index + 16, sum2);
        _mm256_storeu_ps(target + index + 24, sum3);
        _mm256_storeu_ps(target + index + 32, sum4);
        _mm256_storeu_ps(target + index + 40, sum5);
        _mm256_storeu_ps(target + index + 48, sum6);
        _mm256_storeu_ps(target + index + 56, sum7);
    }
    for (; index + 25 <= count; index += 32) {
        __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (size_t tap = 0; tap < taps; tap++) {
            const __m256 coefficient = _mm256_broadcast_ss(coefficients + tap);
            const float *place = source + offsets[tap] + index;
            TALKPATH_STEP(0) TALKPATH_STEP(1) TALKPATH_STEP(2) TALKPATH_STEP(3)
        }
        _mm256_storeu_ps(target + index, sum0);
        _mm256_storeu_ps(target + index + 8, sum1);
        _mm256_storeu_ps(target + index + 16, sum2);
        _mm256_storeu_ps(target + index + 24, sum3);
    }
    for (; index < count; index += 8) {
        __m256 sum0 = _mm256_setzero_ps();
        for (size_t tap = 0; tap < taps; tap++) {
            const __m256 coefficient = _mm256_broadcast_ss(coefficients + tap);
            const float *place = source + offsets[tap] + index;
            TALKPATH_STEP(0)
        }
        _mm256_storeu_ps(target + index, sum0);
    }
}

// -- Samples to floats

static inline TALKPATH_AVX2 __m256 widened(__m128i samples) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(samples));
}

TALKPATH_AVX2 void talkpath_avx2_widen(const int16_t *source, float *target, size_t count) {
    size_t index = 0;
    for (; index + 8 <= count; index += 8) {
        _mm256_storeu_ps(target + index, widened(load128(source + index)));
    }
    for (; index < count; index++) target[index] = source[index];
}

TALKPATH_AVX2 void talkpath_avx2_widen_pairs(const int16_t *source, float *even, float *odd, size_t pairs) {
    size_t index = 0;
    for (; index + 8 <= pairs; index += 8) {
        const __m256i both = load256(source + 2 * index);
        _mm256_storeu_ps(even + index, _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(both, 16), 16)));
        _mm256_storeu_ps(odd + index, _mm256_cvtepi32_ps(_mm256_srai_epi32(both, 16)));
    }
    for (; index < pairs; index++) {
        even[index] = source[2 * index];
        odd[index] = source[2 * index + 1];
    }
}

// Eight triples are three registers of eight samples. Sample i of a row is at place 3i (+ 1, + 2) of the 24, and 3i
// modulo 8 differs for each i. So two blends gather a row, each place from the register that has it, and one shuffle
// puts it in order. The opposite direction works the same way.

#define TALKPATH_LANES(a, b, c, d, e, f, g, h)                                                            \
    _mm_setr_epi8(                                                                                        \
        2 * a, 2 * a + 1, 2 * b, 2 * b + 1, 2 * c, 2 * c + 1, 2 * d, 2 * d + 1, 2 * e, 2 * e + 1, 2 * f, 2 * f + 1, \
        2 * g, 2 * g + 1, 2 * h, 2 * h + 1)

TALKPATH_AVX2 void talkpath_avx2_widen_triples(
    const int16_t *source, float *rows, size_t stride, size_t triples) {
    const __m128i order_first = TALKPATH_LANES(0, 3, 6, 1, 4, 7, 2, 5);
    const __m128i order_second = TALKPATH_LANES(1, 4, 7, 2, 5, 0, 3, 6);
    const __m128i order_third = TALKPATH_LANES(2, 5, 0, 3, 6, 1, 4, 7);
    size_t index = 0;
    for (; index + 8 <= triples; index += 8) {
        const __m128i x = load128(source + 3 * index);
        const __m128i y = load128(source + 3 * index + 8);
        const __m128i z = load128(source + 3 * index + 16);
        // Bit n of a mask takes lane n from the later register.
        const __m128i first = _mm_blend_epi16(_mm_blend_epi16(x, y, 0x92), z, 0x24);
        const __m128i second = _mm_blend_epi16(_mm_blend_epi16(x, y, 0x24), z, 0x49);
        const __m128i third = _mm_blend_epi16(_mm_blend_epi16(x, y, 0x49), z, 0x92);
        _mm256_storeu_ps(rows + index, widened(_mm_shuffle_epi8(first, order_first)));
        _mm256_storeu_ps(rows + stride + index, widened(_mm_shuffle_epi8(second, order_second)));
        _mm256_storeu_ps(rows + 2 * stride + index, widened(_mm_shuffle_epi8(third, order_third)));
    }
    for (; index < triples; index++) {
        rows[index] = source[3 * index];
        rows[stride + index] = source[3 * index + 1];
        rows[2 * stride + index] = source[3 * index + 2];
    }
}

// -- Floats to samples

static inline TALKPATH_AVX2 __m128i narrowed(const float *source) {
    const __m256i words = _mm256_cvtps_epi32(_mm256_loadu_ps(source));
    return _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

static inline TALKPATH_AVX2 int16_t narrowed_one(float value) {
    const __m128i word = _mm_cvtps_epi32(_mm_set_ss(value));
    return (int16_t)_mm_extract_epi16(_mm_packs_epi32(word, word), 0);
}

TALKPATH_AVX2 void talkpath_avx2_narrow(const float *source, int16_t *target, size_t count) {
    size_t index = 0;
    for (; index + 8 <= count; index += 8) store128(target + index, narrowed(source + index));
    for (; index < count; index++) target[index] = narrowed_one(source[index]);
}

TALKPATH_AVX2 void talkpath_avx2_narrow_pairs(const float *even, const float *odd, int16_t *target, size_t pairs) {
    size_t index = 0;
    for (; index + 8 <= pairs; index += 8) {
        const __m128i low = narrowed(even + index);
        const __m128i high = narrowed(odd + index);
        store128(target + 2 * index, _mm_unpacklo_epi16(low, high));
        store128(target + 2 * index + 8, _mm_unpackhi_epi16(low, high));
    }
    for (; index < pairs; index++) {
        target[2 * index] = narrowed_one(even[index]);
        target[2 * index + 1] = narrowed_one(odd[index]);
    }
}

TALKPATH_AVX2 void talkpath_avx2_narrow_triples(
    const float *rows, size_t stride, int16_t *target, size_t triples) {
    const __m128i order_first = TALKPATH_LANES(0, 3, 6, 1, 4, 7, 2, 5);
    const __m128i order_second = TALKPATH_LANES(5, 0, 3, 6, 1, 4, 7, 2);
    const __m128i order_third = TALKPATH_LANES(2, 5, 0, 3, 6, 1, 4, 7);
    size_t index = 0;
    for (; index + 8 <= triples; index += 8) {
        const __m128i first = _mm_shuffle_epi8(narrowed(rows + index), order_first);
        const __m128i second = _mm_shuffle_epi8(narrowed(rows + stride + index), order_second);
        const __m128i third = _mm_shuffle_epi8(narrowed(rows + 2 * stride + index), order_third);
        store128(target + 3 * index, _mm_blend_epi16(_mm_blend_epi16(first, second, 0x92), third, 0x24));
        store128(target + 3 * index + 8, _mm_blend_epi16(_mm_blend_epi16(first, second, 0x24), third, 0x49));
        store128(target + 3 * index + 16, _mm_blend_epi16(_mm_blend_epi16(first, second, 0x49), third, 0x92));
    }
    for (; index < triples; index++) {
        target[3 * index] = narrowed_one(rows[index]);
        target[3 * index + 1] = narrowed_one(rows[stride + index]);
        target[3 * index + 2] = narrowed_one(rows[2 * stride + index]);
    }
}

#endif
