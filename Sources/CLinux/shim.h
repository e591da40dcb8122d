// Linux functions that lanes and the bench's fleet of callers need and that Swift's module of the C library does not expose.
#if defined(__linux__)
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

// Under other names, because the C library declares these to GNU programs only.
void *linux_memmem(const void *text, size_t text_size, const void *needle, size_t needle_size) __asm__("memmem");
int linux_setaffinity(int thread, size_t size, const void *set) __asm__("sched_setaffinity");
int linux_getaffinity(int thread, size_t size, void *set) __asm__("sched_getaffinity");

// The processor time that the calling thread has had; 0 if it is not known.
static inline long long linux_thread_nanoseconds(void) {
    struct timespec time;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return 0;
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}
#endif
