#include "avx2.h"

#if defined(__x86_64__)

// Both laws are small floating-point formats: three bits of segment, four of step. For encoding, the conversion to a
// float finds the segment. For decoding, a multiplication by a power of two replaces the shift; a shuffle looks the
// power up.

/// Segment and step of 16 values 0...32767: 16 * (floor(log2 v) - 7) + the four bits after the leading one. Negative
/// below 128.
static inline TALKPATH_AVX2 __m256i segment_and_step(__m256i values) {
    const __m256i zero = _mm256_setzero_si256();
    // Unpacking and packing both work within the halves of a register, so the order stays.
    const __m256 low = _mm256_cvtepi32_ps(_mm256_unpacklo_epi16(values, zero));
    const __m256 high = _mm256_cvtepi32_ps(_mm256_unpackhi_epi16(values, zero));
    const __m256i packed = _mm256_packs_epi32(
        _mm256_srli_epi32(_mm256_castps_si256(low), 19), _mm256_srli_epi32(_mm256_castps_si256(high), 19));
    return _mm256_sub_epi16(packed, _mm256_set1_epi16((127 + 7) << 4));
}

static inline TALKPATH_AVX2 void store_codes(uint8_t *target, __m256i codes) {
    store128(target, _mm_packus_epi16(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1)));
}

TALKPATH_AVX2 size_t talkpath_avx2_encode_mulaw(const int16_t *source, uint8_t *target, size_t count) {
    size_t index = 0;
    for (; index + 16 <= count; index += 16) {
        const __m256i samples = load256(source + index);
        const __m256i sign = _mm256_and_si256(_mm256_srai_epi16(samples, 15), _mm256_set1_epi16(0x80));
        // Unsigned, because the magnitude of -32768 is 32768.
        const __m256i magnitude = _mm256_min_epu16(_mm256_abs_epi16(samples), _mm256_set1_epi16(32635));
        const __m256i code = segment_and_step(_mm256_add_epi16(magnitude, _mm256_set1_epi16(132)));
        store_codes(target + index, _mm256_xor_si256(_mm256_or_si256(code, sign), _mm256_set1_epi16(0xFF)));
    }
    return index;
}

TALKPATH_AVX2 size_t talkpath_avx2_encode_alaw(const int16_t *source, uint8_t *target, size_t count) {
    size_t index = 0;
    for (; index + 16 <= count; index += 16) {
        const __m256i samples = load256(source + index);
        const __m256i sign = _mm256_srai_epi16(samples, 15);
        const __m256i magnitude = _mm256_xor_si256(samples, sign);
        // The lowest segment is linear. Below 256 the plain shift is the larger of both; from 256 on the other is.
        const __m256i linear = _mm256_srli_epi16(_mm256_min_epi16(magnitude, _mm256_set1_epi16(255)), 4);
        const __m256i code = _mm256_max_epi16(segment_and_step(magnitude), linear);
        const __m256i mask = _mm256_xor_si256(
            _mm256_and_si256(sign, _mm256_set1_epi16(0x80)), _mm256_set1_epi16(0x80 ^ 0x55));
        store_codes(target + index, _mm256_xor_si256(code, mask));
    }
    return index;
}

/// `values << segment`, where bits 4...6 of `bits` are the segment and `powers` lists the factor of each segment.
static inline TALKPATH_AVX2 __m256i shifted(__m256i values, __m256i bits, __m256i powers) {
    // The upper byte of each lane selects place 0x80, which the shuffle turns into zero.
    const __m256i segment = _mm256_and_si256(_mm256_srli_epi16(bits, 4), _mm256_set1_epi16(0x07));
    const __m256i place = _mm256_or_si256(segment, _mm256_set1_epi16((short)0x8000));
    return _mm256_mullo_epi16(values, _mm256_shuffle_epi8(powers, place));
}

TALKPATH_AVX2 size_t talkpath_avx2_decode_mulaw(const uint8_t *source, int16_t *target, size_t count) {
    const __m256i powers = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0));
    size_t index = 0;
    for (; index + 16 <= count; index += 16) {
        const __m256i codes = _mm256_cvtepu8_epi16(load128(source + index));
        const __m256i bits = _mm256_xor_si256(codes, _mm256_set1_epi16(0xFF));
        const __m256i step = _mm256_slli_epi16(_mm256_and_si256(bits, _mm256_set1_epi16(0x0F)), 3);
        const __m256i biased = shifted(_mm256_add_epi16(step, _mm256_set1_epi16(132)), bits, powers);
        const __m256i magnitude = _mm256_sub_epi16(biased, _mm256_set1_epi16(132));
        // All ones where the sign bit is set.
        const __m256i sign = _mm256_srai_epi16(_mm256_slli_epi16(bits, 8), 15);
        store256(target + index, _mm256_sub_epi16(_mm256_xor_si256(magnitude, sign), sign));
    }
    return index;
}

TALKPATH_AVX2 size_t talkpath_avx2_decode_alaw(const uint8_t *source, int16_t *target, size_t count) {
    const __m256i powers = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 1, 2, 4, 8, 16, 32, 64, 0, 0, 0, 0, 0, 0, 0, 0));
    size_t index = 0;
    for (; index + 16 <= count; index += 16) {
        const __m256i codes = _mm256_cvtepu8_epi16(load128(source + index));
        const __m256i bits = _mm256_xor_si256(codes, _mm256_set1_epi16(0x55));
        const __m256i step = _mm256_slli_epi16(_mm256_and_si256(bits, _mm256_set1_epi16(0x0F)), 4);
        // All segments but the lowest have a leading one bit.
        const __m256i lowest =
            _mm256_cmpeq_epi16(_mm256_and_si256(bits, _mm256_set1_epi16(0x70)), _mm256_setzero_si256());
        const __m256i leading = _mm256_andnot_si256(lowest, _mm256_set1_epi16(256));
        const __m256i value = _mm256_add_epi16(_mm256_add_epi16(step, _mm256_set1_epi16(8)), leading);
        const __m256i magnitude = shifted(value, bits, powers);
        // A-law's sign bit is set for positive values.
        const __m256i sign = _mm256_cmpeq_epi16(
            _mm256_and_si256(bits, _mm256_set1_epi16(0x80)), _mm256_setzero_si256());
        store256(target + index, _mm256_sub_epi16(_mm256_xor_si256(magnitude, sign), sign));
    }
    return index;
}

#endif
