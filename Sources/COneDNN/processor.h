// On which processor a thread runs.
#pragma once

/// The processor that this thread runs on; -1 where the system does not tell.
int kdnn_processor(void);

/// Moves this thread to another of the processors that it may use if it runs on this one. It may go back.
void kdnn_leave_processor(int processor);
