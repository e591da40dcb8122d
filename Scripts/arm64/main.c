// probe resample FROM TO PROFILE BLOCK | encode LAW | decode LAW: standard input to standard output, as `talkpath audio`.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ptrdiff_t probe_resample(
    ptrdiff_t from, ptrdiff_t to, ptrdiff_t profile, ptrdiff_t block, const int16_t *input, ptrdiff_t count,
    int16_t *output, ptrdiff_t room);
void probe_encode(bool is_alaw, const int16_t *input, ptrdiff_t count, uint8_t *output);
void probe_decode(bool is_alaw, const void *input, ptrdiff_t count, int16_t *output);

static int16_t input[1 << 20];
static int16_t output[1 << 23];

int main(int count, char **words) {
    if (count < 3) return 64;
    const size_t bytes = fread(input, 1, sizeof input, stdin);
    const bool is_alaw = strcmp(words[2], "alaw") == 0;
    ptrdiff_t made = 0;
    if (strcmp(words[1], "resample") == 0 && count == 6) {
        const ptrdiff_t samples = probe_resample(
            atol(words[2]), atol(words[3]), atol(words[4]), atol(words[5]), input, (ptrdiff_t)bytes / 2, output,
            sizeof output / sizeof *output);
        if (samples < 0) return 1;
        made = 2 * samples;
    } else if (strcmp(words[1], "encode") == 0) {
        made = (ptrdiff_t)bytes / 2;
        probe_encode(is_alaw, input, made, (uint8_t *)output);
    } else if (strcmp(words[1], "decode") == 0) {
        probe_decode(is_alaw, input, (ptrdiff_t)bytes, output);
        made = 2 * (ptrdiff_t)bytes;
    } else {
        return 64;
    }
    return fwrite(output, 1, (size_t)made, stdout) == (size_t)made ? 0 : 74;
}
