// Counts this process' heap allocations, on glibc: a benchmark then tells how many its measured part makes.

#ifndef CALLOCATIONCOUNTER_H
#define CALLOCATIONCOUNTER_H

#include <stdint.h>

/// Allocations since the process began, all threads together; always 0 where they cannot be counted.
uint64_t talkpath_allocation_count(void);

#endif
