// Linux functions that lanes, the server and the bench's fleet of callers need and that Swift's module of the C library
// does not expose.
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

#if defined(__GLIBC__)
#include <malloc.h>
#if __GLIBC_PREREQ(2, 33)
#define LINUX_KNOWS_FREED_MEMORY 1
#endif
#endif

// The bytes that the process has allocated and not freed; 0 if that is not known.
static inline size_t linux_used_memory(void) {
#if defined(LINUX_KNOWS_FREED_MEMORY)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

// Gives whole pages of freed memory back to the system. Holds up threads that allocate meanwhile, for milliseconds.
static inline void linux_release_freed_memory(void) {
#if defined(LINUX_KNOWS_FREED_MEMORY)
    malloc_trim(0);
#endif
}
#endif
