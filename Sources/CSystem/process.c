// Processes that may use only so much.
#ifdef __linux__
  #define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#ifdef __APPLE__
  #include <crt_externs.h>
  #define environ (*_NSGetEnviron())
#else
extern char **environ;
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

/// An empty file that nobody else can open.
static int nameless_file(void) {
#ifdef __linux__
  return memfd_create("kconvert", MFD_CLOEXEC);
#else
  char path[] = "/tmp/kconvert-XXXXXX";
  int file = mkstemp(path);
  if (file < 0) return -1;
  unlink(path);
  fcntl(file, F_SETFD, FD_CLOEXEC);
  return file;
#endif
}

int cs_memory_file(const void *bytes, size_t count) {
  int file = nameless_file();
  if (file < 0) return -1;
  for (size_t done = 0; done < count;) {
    ssize_t written = write(file, (const char *)bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      int reason = errno;
      close(file);
      errno = reason;
      return -1;
    }
    done += (size_t)written;
  }
  return file;
}

/// Signals as a new process of a shell has them.
static int fresh_signals(posix_spawnattr_t *attributes) {
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
  flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
  int reason = posix_spawnattr_setsigdefault(attributes, &all);
  if (reason == 0) reason = posix_spawnattr_setsigmask(attributes, &none);
  return reason != 0 ? reason : posix_spawnattr_setflags(attributes, flags);
}

/// A new process's standard input and output.
static int streams(posix_spawn_file_actions_t *actions, int input, int output) {
  int reason = posix_spawn_file_actions_adddup2(actions, input, 0);
  if (reason == 0) reason = posix_spawn_file_actions_adddup2(actions, output, 1);
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
  if (reason == 0) reason = posix_spawn_file_actions_addinherit_np(actions, 2);
#endif
  return reason;
}

int cs_spawn(const char *path, char *const arguments[], int input, int output, int *child) {
  // Standard input comes first, and would take its place.
  int lifted = output == 0 ? fcntl(output, F_DUPFD_CLOEXEC, 3) : output;
  if (lifted < 0) return errno;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  int reason = streams(&actions, input, lifted);
  if (reason == 0) reason = fresh_signals(&attributes);
  pid_t process = -1;
  if (reason == 0) reason = posix_spawn(&process, path, &actions, &attributes, arguments, environ);
  *child = (int)process;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (lifted != output) close(lifted);
  return reason;
}

void cs_close_from(int first) {
#if defined(__linux__) && defined(SYS_close_range)
  if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0) return;
#endif
  long end = sysconf(_SC_OPEN_MAX);
  if (end < 0 || end > 1 << 20) end = 1 << 20;
  for (int descriptor = first; descriptor < end; descriptor++) close(descriptor);
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
