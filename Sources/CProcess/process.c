#include "process.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/// Lowers a limit; one that is lower already stays.
static int lower(int resource, rlim_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return -1;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > value) limit.rlim_cur = value;
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value) limit.rlim_max = value;
  return setrlimit(resource, &limit);
}

int cprocess_confine(uint64_t memory_bytes, uint64_t seconds, int parent) {
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return -1;
#endif
  if (getppid() != parent) return -1;
  // Not the address space: mapped files are no memory of this process, and threads reserve more than they use.
  if (lower(RLIMIT_DATA, memory_bytes) != 0) return -1;
  if (lower(RLIMIT_CPU, seconds) != 0) return -1;
  return lower(RLIMIT_CORE, 0);
}
