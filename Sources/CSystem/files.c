#ifdef __linux__
  #define _GNU_SOURCE
#endif
#include "include/CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int cs_reserve(int descriptor, int64_t offset, int64_t count) {
#ifdef __linux__
  if (count > 0 && fallocate(descriptor, 0, offset, count) != 0 && errno == ENOSPC) return ENOSPC;
#else
  (void)descriptor, (void)offset, (void)count;
#endif
  return 0;
}

int64_t cs_copy(int source, int64_t source_offset, int target, int64_t target_offset, int64_t count) {
#ifdef __linux__
  off_t from = source_offset, to = target_offset;
  ssize_t copied = copy_file_range(source, &from, target, &to, (size_t)count, 0);
  return copied > 0 ? copied : -1;
#else
  (void)source, (void)source_offset, (void)target, (void)target_offset, (void)count;
  return -1;
#endif
}
