#include "CTalkpathKernels.h"

#include <stdlib.h>
#include <string.h>

bool talkpath_has_avx2(void) {
#if defined(__x86_64__)
    // Also checks that the operating system supports the wide registers.
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul");
#else
    return false;
#endif
}

bool talkpath_prefers_portable(void) {
    const char *value = getenv("TALKPATH_SIMD");
    return value != NULL && strcmp(value, "portable") == 0;
}
