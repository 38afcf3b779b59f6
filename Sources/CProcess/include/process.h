/// What Swift cannot call of the system's processes, because it is variadic or Linux's alone.
#ifndef CPROCESS_H
#define CPROCESS_H

#include <stdint.h>

/// Confines the calling process: memory it may write to, processor time, no core file. On Linux it also ends when its
/// parent does.
/// Returns 0, or -1 when that cannot be had or `parent` is gone already.
int cprocess_confine(uint64_t memory_bytes, uint64_t seconds, int parent);

#endif
