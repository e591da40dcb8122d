#include "avx2.h"

#if defined(__x86_64__)

#define TALKPATH_BYTES(value) _mm256_set1_epi8((char)(value))

// -- Base64

/// Maps 32 values 0...63 to their characters: the distance from value to character changes between the alphabet's
/// parts.
static inline TALKPATH_AVX2 __m256i characters(__m256i values) {
    const __m256i above_upper = _mm256_cmpgt_epi8(values, TALKPATH_BYTES(25));
    const __m256i above_lower = _mm256_cmpgt_epi8(values, TALKPATH_BYTES(51));
    const __m256i above_digits = _mm256_cmpgt_epi8(values, TALKPATH_BYTES(61));
    const __m256i slash = _mm256_cmpgt_epi8(values, TALKPATH_BYTES(62));
    const __m256i letters = _mm256_add_epi8(
        _mm256_add_epi8(values, TALKPATH_BYTES('A')), _mm256_and_si256(above_upper, TALKPATH_BYTES('a' - 'A' - 26)));
    const __m256i signs = _mm256_add_epi8(
        _mm256_and_si256(above_digits, TALKPATH_BYTES('+' - 62 - ('0' - 52))),
        _mm256_and_si256(slash, TALKPATH_BYTES('/' - '+' - 1)));
    const __m256i digits = _mm256_and_si256(above_lower, TALKPATH_BYTES('0' - 52 - ('a' - 26)));
    return _mm256_add_epi8(letters, _mm256_add_epi8(digits, signs));
}

TALKPATH_AVX2 size_t talkpath_avx2_encode_base64(const uint8_t *source, uint8_t *target, size_t count) {
    // Three bytes become the low 24 bits of a word, the first byte uppermost.
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1));
    size_t done = 0;
    // Each half loads 16 bytes and uses 12 of them.
    for (; done + 28 <= count; done += 24) {
        const __m256i bytes = _mm256_inserti128_si256(
            _mm256_castsi128_si256(load128(source + done)), load128(source + done + 12), 1);
        const __m256i words = _mm256_shuffle_epi8(bytes, order);
        // The first six bits go to the first byte in memory, which is the lowest of the word.
        const __m256i first = _mm256_srli_epi32(words, 18);
        const __m256i second = _mm256_and_si256(_mm256_srli_epi32(words, 4), _mm256_set1_epi32(0x3F00));
        const __m256i third = _mm256_and_si256(_mm256_slli_epi32(words, 10), _mm256_set1_epi32(0x3F0000));
        const __m256i fourth = _mm256_and_si256(_mm256_slli_epi32(words, 24), _mm256_set1_epi32(0x3F000000));
        const __m256i values = _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, fourth));
        store256(target + done / 3 * 4, characters(values));
    }
    return done;
}

/// All ones where a character is in the range `first` to `last`.
static inline TALKPATH_AVX2 __m256i within(__m256i text, char first, char last) {
    return _mm256_and_si256(
        _mm256_cmpgt_epi8(text, TALKPATH_BYTES(first - 1)), _mm256_cmpgt_epi8(TALKPATH_BYTES(last + 1), text));
}

TALKPATH_AVX2 size_t talkpath_avx2_decode_base64(
    const uint8_t *source, uint8_t *target, size_t count, size_t room) {
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    size_t done = 0;
    size_t written = 0;
    for (; done + 32 <= count && written + 28 <= room; done += 32, written += 24) {
        const __m256i text = load256(source + done);
        // As signed bytes, characters from 128 on are negative and lie in no range.
        const __m256i upper = within(text, 'A', 'Z');
        const __m256i lower = within(text, 'a', 'z');
        const __m256i digit = within(text, '0', '9');
        const __m256i plus = _mm256_cmpeq_epi8(text, TALKPATH_BYTES('+'));
        const __m256i minus = _mm256_cmpeq_epi8(text, TALKPATH_BYTES('-'));
        const __m256i slash = _mm256_cmpeq_epi8(text, TALKPATH_BYTES('/'));
        const __m256i underscore = _mm256_cmpeq_epi8(text, TALKPATH_BYTES('_'));
        const __m256i alphanumeric = _mm256_or_si256(_mm256_or_si256(upper, lower), digit);
        const __m256i sign = _mm256_or_si256(_mm256_or_si256(plus, minus), _mm256_or_si256(slash, underscore));
        if (_mm256_movemask_epi8(_mm256_or_si256(alphanumeric, sign)) != -1) break;
        __m256i distance = _mm256_and_si256(upper, TALKPATH_BYTES(-'A'));
        distance = _mm256_or_si256(distance, _mm256_and_si256(lower, TALKPATH_BYTES(26 - 'a')));
        distance = _mm256_or_si256(distance, _mm256_and_si256(digit, TALKPATH_BYTES(52 - '0')));
        distance = _mm256_or_si256(distance, _mm256_and_si256(plus, TALKPATH_BYTES(62 - '+')));
        distance = _mm256_or_si256(distance, _mm256_and_si256(minus, TALKPATH_BYTES(62 - '-')));
        distance = _mm256_or_si256(distance, _mm256_and_si256(slash, TALKPATH_BYTES(63 - '/')));
        distance = _mm256_or_si256(distance, _mm256_and_si256(underscore, TALKPATH_BYTES(63 - '_')));
        const __m256i values = _mm256_add_epi8(text, distance);
        // Pairs: 64 * first + second. Pairs of pairs: 4096 * first + second, which is the 24 bits of three bytes.
        const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0140));
        const __m256i words = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        const __m256i bytes = _mm256_shuffle_epi8(words, order);
        // Each half has 12 bytes and stores 16; the second half and then the next block overwrite the surplus.
        store128(target + written, _mm256_castsi256_si128(bytes));
        store128(target + written + 12, _mm256_extracti128_si256(bytes, 1));
    }
    return done;
}

// -- WebSocket masking (RFC 6455, section 5.3)

TALKPATH_AVX2 size_t talkpath_avx2_mask(const uint8_t *source, uint8_t *target, size_t count, uint32_t key) {
    const __m256i keys = _mm256_set1_epi32((int)key);
    size_t done = 0;
    for (; done + 64 <= count; done += 64) {
        const __m256i first = _mm256_xor_si256(load256(source + done), keys);
        const __m256i second = _mm256_xor_si256(load256(source + done + 32), keys);
        store256(target + done, first);
        store256(target + done + 32, second);
    }
    for (; done + 32 <= count; done += 32) store256(target + done, _mm256_xor_si256(load256(source + done), keys));
    return done;
}

// -- Checksums

/// Moves 128 bits of the register forward by the distance that `distance` encodes, and adds the bits that are `there`.
static inline __attribute__((target("avx2,pclmul"))) __m128i fold(__m128i value, __m128i distance, __m128i there) {
    const __m128i low = _mm_clmulepi64_si128(value, distance, 0x00);
    const __m128i high = _mm_clmulepi64_si128(value, distance, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

// V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009. The
// constants are powers of x modulo the polynomial, bits reflected, shifted left by one.
__attribute__((target("avx2,pclmul"))) size_t talkpath_avx2_crc32(
    const uint8_t *source, size_t count, uint32_t *crc) {
    if (count < 64) return 0;
    const __m128i by_512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    const __m128i by_64 = _mm_set_epi64x(0, 0x163cd6124);
    // The polynomial, and its inverse for the final division (Barrett's method).
    const __m128i polynomial = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    const __m128i low_words = _mm_setr_epi32(-1, 0, -1, 0);
    __m128i first = _mm_xor_si128(load128(source), _mm_cvtsi32_si128((int)*crc));
    __m128i second = load128(source + 16);
    __m128i third = load128(source + 32);
    __m128i fourth = load128(source + 48);
    size_t done = 64;
    for (; done + 64 <= count; done += 64) {
        first = fold(first, by_512, load128(source + done));
        second = fold(second, by_512, load128(source + done + 16));
        third = fold(third, by_512, load128(source + done + 32));
        fourth = fold(fourth, by_512, load128(source + done + 48));
    }
    first = fold(fold(fold(first, by_128, second), by_128, third), by_128, fourth);
    for (; done + 16 <= count; done += 16) first = fold(first, by_128, load128(source + done));
    // Reduces 128 bits to 64, then to 32.
    __m128i rest = _mm_xor_si128(_mm_srli_si128(first, 8), _mm_clmulepi64_si128(first, by_128, 0x10));
    rest = _mm_xor_si128(
        _mm_srli_si128(rest, 4), _mm_clmulepi64_si128(_mm_and_si128(rest, low_words), by_64, 0x00));
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(rest, low_words), polynomial, 0x10);
    quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_words), polynomial, 0x00);
    *crc = (uint32_t)_mm_extract_epi32(_mm_xor_si128(rest, quotient), 1);
    return done;
}

#endif
