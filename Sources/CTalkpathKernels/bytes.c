#include "avx2.h"

#if defined(__x86_64__)

#define TALKPATH_BYTES(value) _mm256_set1_epi8((char)(value))

// -- Base64

/// 32 values 0...63 to their characters: the distance to the value changes at the borders of the alphabet's parts.
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
    // Three bytes become the low 24 bits of a word, the first of them on top.
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1));
    size_t done = 0;
    // Each half loads 16 bytes and uses 12 of them.
    for (; done + 28 <= count; done += 24) {
        const __m256i bytes = _mm256_inserti128_si256(
            _mm256_castsi128_si256(load128(source + done)), load128(source + done + 12), 1);
        const __m256i words = _mm256_shuffle_epi8(bytes, order);
        // The first six bits go to the first byte in memory, which is the lowest.
        const __m256i first = _mm256_srli_epi32(words, 18);
        const __m256i second = _mm256_and_si256(_mm256_srli_epi32(words, 4), _mm256_set1_epi32(0x3F00));
        const __m256i third = _mm256_and_si256(_mm256_slli_epi32(words, 10), _mm256_set1_epi32(0x3F0000));
        const __m256i fourth = _mm256_and_si256(_mm256_slli_epi32(words, 24), _mm256_set1_epi32(0x3F000000));
        const __m256i values = _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, fourth));
        store256(target + done / 3 * 4, characters(values));
    }
    return done;
}

/// All ones where a character is one of `first` to `last`.
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
        // Characters from 128 on count as negative and lie in no range.
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
        // Pairs: 64 * first + second. Pairs of pairs: 4096 * first + second, the 24 bits of three bytes.
        const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0140));
        const __m256i words = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        const __m256i bytes = _mm256_shuffle_epi8(words, order);
        // Each half has 12 bytes and stores 16: the second half and then the next block go over the rest.
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

#endif
