// A process that reads a file nobody trusts.
#include <fcntl.h>
#include <stdio.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "include/CHDF5.h"

int chdf5_pipe(int ends[2]) {
  if (pipe(ends) != 0) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
}

/// The bytes of address space that this process uses; 0 where the system does not tell.
static uint64_t chdf5_address_space(void) {
  unsigned long pages = 0;
#ifdef __linux__
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL) return 0;
  if (fscanf(file, "%lu", &pages) != 1) pages = 0;
  fclose(file);
#endif
  return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/// Lowers a limit of this process; a lower one that is there already stays.
static int chdf5_lower(int what, uint64_t value) {
  struct rlimit limit;
  if (getrlimit(what, &limit) != 0) return -1;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > value) limit.rlim_cur = value;
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value) limit.rlim_max = value;
  return setrlimit(what, &limit);
}

int chdf5_confine(uint64_t memory_bytes, uint64_t seconds, int parent) {
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return -1;
  if (getppid() != parent) return -1;
#else
  (void)parent;
#endif
  if (chdf5_lower(RLIMIT_AS, chdf5_address_space() + memory_bytes) != 0) return -1;
  if (chdf5_lower(RLIMIT_CPU, seconds) != 0) return -1;
  if (chdf5_lower(RLIMIT_CORE, 0) != 0) return -1;
  if (chdf5_lower(RLIMIT_FSIZE, 0) != 0) return -1;
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0 || dup2(nowhere, 1) < 0 || dup2(nowhere, 2) < 0) return -1;
  if (nowhere > 2) close(nowhere);
  // Every file that the work needs is open already.
  return chdf5_lower(RLIMIT_NOFILE, 0);
}
