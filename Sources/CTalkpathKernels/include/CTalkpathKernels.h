// The few inner loops for which it pays to use more than the baseline of x86-64: AVX2, without fused
// multiply-add, so that every result is the same bit for bit as that of the portable form in Swift.
//
// Each function is compiled for AVX2 by an attribute of its own: the package needs no compiler flags, and a
// machine without AVX2 runs everything else. Ask `talkpath_has_avx2` before calling any of them. On other
// architectures only that question exists.
//
// None of them allocates, keeps state or may fail. Unless said otherwise, memory need not be aligned, nothing
// is read or written beyond what the counts say, and a count may be zero.

#ifndef CTALKPATHKERNELS_H
#define CTALKPATHKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether this machine and its operating system can run the functions below: AVX2, and carry-less multiplication,
/// which is older and which only a hypervisor could be without.
bool talkpath_has_avx2(void);

/// Whether the environment variable TALKPATH_SIMD is `portable`, which asks to leave the functions below alone.
bool talkpath_prefers_portable(void);

#if defined(__x86_64__)

// -- Resampling

/// `target[i] = sum over t of coefficients[t] * source[offsets[t] + i]`, added up in the order of the taps.
/// Reads and writes up to 7 lanes beyond `count`.
void talkpath_avx2_convolve(
    const float *_Nonnull source, const float *_Nonnull coefficients, const ptrdiff_t *_Nonnull offsets, size_t taps,
    float *_Nonnull target, size_t count);

/// Samples to floats of the same value.
void talkpath_avx2_widen(const int16_t *_Nonnull source, float *_Nonnull target, size_t count);

/// Deals out samples: the first of each pair to `even`, the second to `odd`.
void talkpath_avx2_widen_pairs(
    const int16_t *_Nonnull source, float *_Nonnull even, float *_Nonnull odd, size_t pairs);

/// Deals out samples to three rows that lie `stride` floats apart.
void talkpath_avx2_widen_triples(
    const int16_t *_Nonnull source, float *_Nonnull rows, size_t stride, size_t triples);

/// Floats to samples: nearest integer, ties to even, saturated. For values up to 2^22 in size.
void talkpath_avx2_narrow(const float *_Nonnull source, int16_t *_Nonnull target, size_t count);

/// As `talkpath_avx2_narrow`, taking samples by turns from two rows.
void talkpath_avx2_narrow_pairs(
    const float *_Nonnull even, const float *_Nonnull odd, int16_t *_Nonnull target, size_t pairs);

/// As `talkpath_avx2_narrow`, taking samples by turns from three rows that lie `stride` floats apart.
void talkpath_avx2_narrow_triples(
    const float *_Nonnull rows, size_t stride, int16_t *_Nonnull target, size_t triples);

// -- G.711: whole blocks of 16 only; each returns how many samples it did, the caller does the rest.

size_t talkpath_avx2_encode_mulaw(const int16_t *_Nonnull source, uint8_t *_Nonnull target, size_t count);
size_t talkpath_avx2_decode_mulaw(const uint8_t *_Nonnull source, int16_t *_Nonnull target, size_t count);
size_t talkpath_avx2_encode_alaw(const int16_t *_Nonnull source, uint8_t *_Nonnull target, size_t count);
size_t talkpath_avx2_decode_alaw(const uint8_t *_Nonnull source, int16_t *_Nonnull target, size_t count);

// -- Bytes of the wire: whole blocks only; each returns how much of `source` it did, the caller does the rest.

/// Base64 without padding: 24 bytes to 32 characters at a time. Reads up to 4 bytes beyond a block, within `count`.
size_t talkpath_avx2_encode_base64(const uint8_t *_Nonnull source, uint8_t *_Nonnull target, size_t count);

/// Base64, standard or URL-safe alphabet: 32 characters to 24 bytes at a time. Stops before a block that has any other
/// character, padding too, and before one for which fewer than 28 bytes of `room` are left.
size_t talkpath_avx2_decode_base64(
    const uint8_t *_Nonnull source, uint8_t *_Nonnull target, size_t count, size_t room);

/// `target[i] = source[i] ^ key[i % 4]`, the key's bytes in the order of memory: 32 bytes at a time. Both may be the
/// same memory.
size_t talkpath_avx2_mask(const uint8_t *_Nonnull source, uint8_t *_Nonnull target, size_t count, uint32_t key);

/// Goes on with a CRC-32 (of Ethernet, zip and PNG) over whole blocks of 16 bytes, at least four of them; of fewer it
/// does none. `crc` is the register's content: inverted neither before nor after.
size_t talkpath_avx2_crc32(const uint8_t *_Nonnull source, size_t count, uint32_t *_Nonnull crc);

#endif

#endif
