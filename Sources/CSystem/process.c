// Processes that may use only so much.
#ifdef __linux__
  #define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "include/CSystem.h"

int cs_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}

void cs_on_ending_signals(void (*handler)(int)) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (int i = 0; i < 3; i++) {
    if (signal(signals[i], handler) == SIG_IGN) signal(signals[i], SIG_IGN);
  }
}

/// The bytes of address space that this process uses; 0 where the system does not tell.
static uint64_t address_space(void) {
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
static int lower(int what, uint64_t value) {
  struct rlimit limit;
  if (getrlimit(what, &limit) != 0) return -1;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > value) limit.rlim_cur = value;
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value) limit.rlim_max = value;
  return setrlimit(what, &limit);
}

/// Lets the process end with its parent, for so much processor time, without a core file.
static int bind_to(int parent, uint64_t seconds) {
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return -1;
#endif
  if (getppid() != parent) return -1;
  if (lower(RLIMIT_CPU, seconds) != 0) return -1;
  return lower(RLIMIT_CORE, 0);
}

int cs_confine(uint64_t memory_bytes, uint64_t seconds, int parent) {
  if (bind_to(parent, seconds) != 0) return -1;
  // Not the address space: mapped files are no memory of this process, and threads reserve more than they use.
  return lower(RLIMIT_DATA, memory_bytes);
}

int cs_confine_reader(uint64_t memory_bytes, uint64_t seconds, int parent) {
  if (bind_to(parent, seconds) != 0) return -1;
  if (lower(RLIMIT_AS, address_space() + memory_bytes) != 0) return -1;
  if (lower(RLIMIT_FSIZE, 0) != 0) return -1;
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0 || dup2(nowhere, 1) < 0 || dup2(nowhere, 2) < 0) return -1;
  if (nowhere > 2) close(nowhere);
  // Every file that the work needs is open already.
  return lower(RLIMIT_NOFILE, 0);
}
