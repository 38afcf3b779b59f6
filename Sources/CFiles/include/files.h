// What Swift does not see of the system's calls on files, each with an answer for systems that lack it.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Gives a range of a file its place on the disk. 0, or the reason why there is no room; a system that cannot do it in
/// advance does it as bytes are written.
int cf_reserve(int descriptor, int64_t offset, int64_t count);

/// Copies a range from one file to another without passing it through this process; returns how many bytes, at least 1, or
/// -1 where that cannot be done.
int64_t cf_copy(int source, int64_t source_offset, int target, int64_t target_offset, int64_t count);
