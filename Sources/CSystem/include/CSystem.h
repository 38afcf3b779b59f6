// What Swift cannot call of the system: what is variadic, Linux's alone, or loaded at run time. Each has an answer for
// systems that lack it.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Files.

/// Gives a range of a file its place on the disk. 0, or the reason why there is no room; a system that cannot do it in
/// advance does it as bytes are written.
int cs_reserve(int descriptor, int64_t offset, int64_t count);

/// Copies a range from one file to another without passing it through this process; returns how many bytes, at least 1, or
/// -1 where that cannot be done.
int64_t cs_copy(int source, int64_t source_offset, int target, int64_t target_offset, int64_t count);

// Processes.

/// A pipe that no program started meanwhile inherits; systems other than Linux mark it a moment after it is there.
int cs_pipe(int ends[2]);

/// A file without a name that holds these bytes, in memory where the system has such; -1 when there is no room.
int cs_memory_file(const void *bytes, size_t count);

/// Starts a program with two descriptors as its standard input and output, no signal blocked, ignored or handled, and this
/// process's standard error and environment. 0, or the reason why it cannot be started.
int cs_spawn(const char *path, char *const arguments[], int input, int output, int *child);

/// Closes every descriptor of this process from one on.
void cs_close_from(int first);

/// Confines the calling process: memory it may write to, processor time, no core file. On Linux it also ends when its
/// parent does. Returns other than 0 when that cannot be had or `parent` is gone already.
int cs_confine(uint64_t memory_bytes, uint64_t seconds, int parent);

/// Lets INT, TERM and HUP call `handler`, those that are ignored excepted.
void cs_on_ending_signals(void (*handler)(int));

/// Prepares a child for work on a file that nobody trusts: memory beyond what it has and processor time are limited, it
/// leaves no core file, opens and writes nothing but what is open, prints nothing, and ends when its parent does. Returns
/// other than 0 when any of that cannot be had.
int cs_confine_reader(uint64_t memory_bytes, uint64_t seconds, int parent);

// SHA-256 of OpenSSL's libcrypto, which is loaded when the first is begun, so that nothing else waits for it.

typedef struct cs_sha256 cs_sha256;

/// Begins a digest; NULL where there is no libcrypto.
cs_sha256 *cs_sha256_begin(void);
/// Adds bytes; 0, or -1.
int cs_sha256_add(cs_sha256 *hash, const void *bytes, size_t count);
/// Puts the digest's 32 bytes in place; 0, or -1.
int cs_sha256_end(cs_sha256 *hash, uint8_t digest[32]);
/// Frees what `cs_sha256_begin` gave.
void cs_sha256_free(cs_sha256 *hash);
