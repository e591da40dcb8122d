// Definitions that the AVX2 files share. Only they include this header.

#ifndef TALKPATH_AVX2_H
#define TALKPATH_AVX2_H

#if defined(__x86_64__)

#include "CTalkpathKernels.h"

#include <immintrin.h>

// AVX2 without FMA: multiply and add then round twice, as in the portable form.
#define TALKPATH_AVX2 __attribute__((target("avx2")))

static inline TALKPATH_AVX2 __m128i load128(const void *place) { return _mm_loadu_si128((const __m128i *)place); }
static inline TALKPATH_AVX2 __m256i load256(const void *place) { return _mm256_loadu_si256((const __m256i *)place); }
static inline TALKPATH_AVX2 void store128(void *place, __m128i value) { _mm_storeu_si128((__m128i *)place, value); }
static inline TALKPATH_AVX2 void store256(void *place, __m256i value) {
    _mm256_storeu_si256((__m256i *)place, value);
}

#endif

#endif
