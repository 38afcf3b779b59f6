// Threads of the system, one spelling for every platform.
#pragma once

/// Starts a thread of its own that calls `body(context)` and ends with it; 0 when the system has no thread to give.
int ck_thread_start(void (*body)(void *context), void *context);

/// Where threads meet; all zeros at first.
typedef struct {
  int arrived, meeting;
} ck_barrier;

/// Returns when `count` threads have called it. Waits by spinning, because meetings are microseconds apart, and gives the
/// processor away when that takes long: another of the threads may need it.
void ck_barrier_wait(ck_barrier *barrier, int count);
