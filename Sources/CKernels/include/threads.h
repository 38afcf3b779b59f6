// Threads of the system, one spelling for every platform.
#pragma once

/// Starts a thread of its own that calls `body(context)` and ends with it; 0 when the system has no thread to give.
int ck_thread_start(void (*body)(void *context), void *context);
