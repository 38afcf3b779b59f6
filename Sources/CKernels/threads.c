#include "include/threads.h"

#include <pthread.h>
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
