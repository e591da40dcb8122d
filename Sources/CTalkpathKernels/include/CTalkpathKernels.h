// The few inner loops for which instructions beyond the baseline of x86-64 pay: AVX2, without fused multiply-add, so
// that every result equals the portable Swift form's bit for bit.
//
// Attributes compile each function for AVX2, so the package needs no compiler flags, and a machine without AVX2 runs
// everything else. Ask `talkpath_has_avx2` before calling any of them. On other architectures the functions do not
// exist; only the two questions do.
//
// No function allocates, keeps state or can fail. Unless stated otherwise, memory need not be aligned, a function reads
// and writes nothing beyond the stated counts, and a count may be zero.

#ifndef CTALKPATHKERNELS_H
#define CTALKPATHKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// True if this machine and its operating system can run the functions below: AVX2, and carry-less multiplication, an
/// older extension that only a hypervisor can hide.
bool talkpath_has_avx2(void);

/// True if the environment variable TALKPATH_SIMD is `portable`, which asks callers not to use the functions below.
bool talkpath_prefers_portable(void);

#if defined(__x86_64__)

// -- Resampling

/// `target[i] = sum over t of coefficients[t] * source[offsets[t] + i]`, added up in the order of the taps.
/// Reads and writes up to 7 lanes beyond `count`.
void talkpath_avx2_convolve(
    const float *_Nonnull source, const float *_Nonnull coefficients, const ptrdiff_t *_Nonnull offsets, size_t taps,
    float *_Nonnull target, size_t count);

/// Converts samples to floats of the same value.
void talkpath_avx2_widen(const int16_t *_Nonnull source, float *_Nonnull target, size_t count);

/// Splits pairs of samples: the first of each pair goes to `even`, the second to `odd`.
void talkpath_avx2_widen_pairs(
    const int16_t *_Nonnull source, float *_Nonnull even, float *_Nonnull odd, size_t pairs);

/// Splits triples of samples into three rows that lie `stride` floats apart.
void talkpath_avx2_widen_triples(
    const int16_t *_Nonnull source, float *_Nonnull rows, size_t stride, size_t triples);

/// Converts floats to samples: nearest integer, ties to even, saturated. For values of magnitude up to 2^22.
void talkpath_avx2_narrow(const float *_Nonnull source, int16_t *_Nonnull target, size_t count);

/// Interleaves two rows into samples, which it converts as `talkpath_avx2_narrow` does.
void talkpath_avx2_narrow_pairs(
    const float *_Nonnull even, const float *_Nonnull odd, int16_t *_Nonnull target, size_t pairs);

/// Interleaves three rows that lie `stride` floats apart into samples, converted as by `talkpath_avx2_narrow`.
void talkpath_avx2_narrow_triples(
    const float *_Nonnull rows, size_t stride, int16_t *_Nonnull target, size_t triples);

// -- G.711: whole blocks of 16 only; each function returns the number of samples done, the caller does the rest.

size_t talkpath_avx2_encode_mulaw(const int16_t *_Nonnull source, uint8_t *_Nonnull target, size_t count);
size_t talkpath_avx2_decode_mulaw(const uint8_t *_Nonnull source, int16_t *_Nonnull target, size_t count);
size_t talkpath_avx2_encode_alaw(const int16_t *_Nonnull source, uint8_t *_Nonnull target, size_t count);
size_t talkpath_avx2_decode_alaw(const uint8_t *_Nonnull source, int16_t *_Nonnull target, size_t count);

// -- The wire's bytes: whole blocks only; each function returns the number of `source` bytes done, the caller does the
// rest.

/// Encodes Base64 without padding: 24 bytes to 32 characters at a time. Reads up to 4 bytes beyond a block, within
/// `count`.
size_t talkpath_avx2_encode_base64(const uint8_t *_Nonnull source, uint8_t *_Nonnull target, size_t count);

/// Decodes Base64, standard or URL-safe alphabet: 32 characters to 24 bytes at a time. Stops before a block with any
/// other character, padding included, and before a block for which fewer than 28 bytes of `room` are left.
size_t talkpath_avx2_decode_base64(
    const uint8_t *_Nonnull source, uint8_t *_Nonnull target, size_t count, size_t room);

/// `target[i] = source[i] ^ key[i % 4]`, the key's bytes in memory order: 32 bytes at a time. `source` and `target` may
/// be the same memory.
size_t talkpath_avx2_mask(const uint8_t *_Nonnull source, uint8_t *_Nonnull target, size_t count, uint32_t key);

/// Continues a CRC-32 (of Ethernet, zip and PNG) over whole blocks of 16 bytes. Processes nothing if `count` is below
/// 64. `crc` is the register's content, not inverted before or after.
size_t talkpath_avx2_crc32(const uint8_t *_Nonnull source, size_t count, uint32_t *_Nonnull crc);

#endif

#endif
