#include "include/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/// What a main thread has; other threads of some systems get a sixteenth of it.
enum { stack_byte_count = 8 << 20 };

struct start {
  void (*body)(void *);
  void *context;
};

static void *run(void *data) {
  struct start start = *(struct start *)data;
  free(data);
  start.body(start.context);
  return NULL;
}

int ck_thread_start(void (*body)(void *context), void *context) {
  pthread_attr_t attributes;
  struct start *start = malloc(sizeof *start);
  if (!start) return 0;
  *start = (struct start){body, context};
  if (pthread_attr_init(&attributes)) {
    free(start);
    return 0;
  }
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, stack_byte_count);
  pthread_t thread;
  int failed = pthread_create(&thread, &attributes, run, start);
  pthread_attr_destroy(&attributes);
  if (failed) free(start);
  return !failed;
}

static void rest(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void ck_barrier_wait(ck_barrier *barrier, int count) {
  int meeting = __atomic_load_n(&barrier->meeting, __ATOMIC_RELAXED);
  if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == count) {
    __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&barrier->meeting, meeting + 1, __ATOMIC_RELEASE);
    return;
  }
  for (int turn = 0; __atomic_load_n(&barrier->meeting, __ATOMIC_ACQUIRE) == meeting; turn++) {
    if (turn < 100) rest();
    else sched_yield();
  }
}
