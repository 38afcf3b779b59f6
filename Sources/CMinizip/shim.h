// minizip for the directory of zip archives, zlib for their data. What minizip reads through, and what Swift does not
// see of zlib because it is a macro, is here as inline functions.

#ifdef KCONVERT_NO_SYSTEM_LIBRARIES
#error "a part that should do without system libraries includes this one"
#endif
#ifndef CMINIZIP_SHIM_H
#define CMINIZIP_SHIM_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if __has_include(<minizip/unzip.h>)
#include <minizip/unzip.h>
#include <minizip/zip.h>
#else
#include <unzip.h>
#include <zip.h>
#endif
#include <zlib.h>

/// Starts inflating: data of a zip member has no wrapping (`window_bits` -15), that of an HDF5 chunk zlib's (15).
static inline int cminizip_inflate_init(z_stream *stream, int window_bits) {
  memset(stream, 0, sizeof *stream);
  return inflateInit2(stream, window_bits);
}

/// A range of memory that minizip reads like a file.
struct cminizip_memory {
  const uint8_t *bytes;
  uint64_t count;
  uint64_t position;
};

static inline voidpf cminizip_memory_open(voidpf opaque, const void *name, int mode) {
  (void)name;
  (void)mode;
  return opaque;
}

static inline uLong cminizip_memory_read(voidpf opaque, voidpf stream, void *buffer, uLong size) {
  struct cminizip_memory *memory = (struct cminizip_memory *)stream;
  (void)opaque;
  uint64_t left = memory->position < memory->count ? memory->count - memory->position : 0;
  uint64_t count = size < left ? size : left;
  if (count > 0) memcpy(buffer, memory->bytes + memory->position, count);
  memory->position += count;
  return (uLong)count;
}

static inline ZPOS64_T cminizip_memory_tell(voidpf opaque, voidpf stream) {
  (void)opaque;
  return ((struct cminizip_memory *)stream)->position;
}

static inline long cminizip_memory_seek(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin) {
  struct cminizip_memory *memory = (struct cminizip_memory *)stream;
  (void)opaque;
  uint64_t base = 0;
  if (origin == ZLIB_FILEFUNC_SEEK_CUR) base = memory->position;
  if (origin == ZLIB_FILEFUNC_SEEK_END) base = memory->count;
  if (offset > memory->count || base > memory->count - offset) return -1;
  memory->position = base + offset;
  return 0;
}

static inline int cminizip_memory_close(voidpf opaque, voidpf stream) {
  (void)opaque;
  (void)stream;
  return 0;
}

/// Opens an archive in memory; `memory` and its bytes must outlive the result.
static inline unzFile cminizip_open(struct cminizip_memory *memory) {
  zlib_filefunc64_def functions;
  memset(&functions, 0, sizeof functions);
  functions.zopen64_file = cminizip_memory_open;
  functions.zread_file = cminizip_memory_read;
  functions.ztell64_file = cminizip_memory_tell;
  functions.zseek64_file = cminizip_memory_seek;
  functions.zclose_file = cminizip_memory_close;
  functions.zerror_file = cminizip_memory_close;
  functions.opaque = memory;
  return unzOpen2_64("", &functions);
}

#endif
