// libhdf5, loaded when it is first needed: at every start it and the forty libraries behind it would cost more than all
// else. `chdf5_load` comes before anything else of the library.
#pragma once

#include <signal.h>
#include <stddef.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "types.h"

// Only what is always there once the library is loaded says so.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#pragma clang diagnostic ignored "-Wnullability-completeness-on-arrays"

/// The library's functions and identifiers by their names without "H5".
struct chdf5_library {
#define H5_FUNCTION(result, name, parameters) result(*_Nonnull name) parameters;
#define H5_ID(name) hid_t name;
#include "../functions.def"
#undef H5_FUNCTION
#undef H5_ID
};

/// Loads the library unless that is done. Not to be called by two threads at once.
/// \returns NULL, or why it cannot be loaded.
const char *_Nullable chdf5_load(void);

/// The library, valid once `chdf5_load` has returned NULL.
const struct chdf5_library *_Nonnull chdf5_library(void);

// What takes several calls, or values that are macros in the library's headers.

static inline int64_t chdf5_default_properties(void) { return 0; }
static inline int64_t chdf5_whole_dataspace(void) { return 0; }
static inline uint64_t chdf5_undefined_address(void) { return UINT64_MAX; }
static inline size_t chdf5_variable_size(void) { return SIZE_MAX; }

/// IEEE's 16-bit type, which the library does not predefine. To be closed.
hid_t chdf5_float16(void);
/// The enumeration that h5py writes for NumPy's bool. To be closed.
hid_t chdf5_bool(void);
/// Elements of a size without meaning to the library. To be closed.
hid_t chdf5_opaque(size_t size);

hid_t chdf5_create_file(const char *path);
/// Properties of groups without a date, so that files are the same whenever they are written. To be closed.
hid_t chdf5_group_properties(void);
/// Properties of links whose missing groups are made. To be closed.
hid_t chdf5_link_properties(void);
/// Properties of a dataset that gets its place in the file at once, and neither values nor a date. To be closed.
hid_t chdf5_early_properties(void);
/// Adds an attribute that is one string of variable length, in UTF-8.
herr_t chdf5_write_string(hid_t object, const char *name, const char *value);

/// Opens a file image where it is: nothing is copied, and closing the file frees nothing.
hid_t chdf5_open_image(const void *bytes, size_t count);
/// Keeps the library from printing its errors; they stay on its error stack.
void chdf5_mute(void);
/// The most specific message of the library's error stack.
void chdf5_message(char message[256]);

/// The kind of the object behind an identifier: 0 group, 1 dataset, 2 named datatype, -1 unknown. Negative results
/// of the function are errors. `address` tells objects of one file apart.
int chdf5_object(hid_t object, uint64_t *address, int *kind, uint64_t *attribute_count);

/// Called for each link of a group. `kind`: 0 hard, to the object at the address `value`, 1 soft, 2 external, 3 other,
/// which hold `value` bytes. Returning other than 0 stops.
typedef int (*chdf5_link_visitor)(const char *name, int kind, uint64_t value, void *context);
int chdf5_links(hid_t group, chdf5_link_visitor visitor, void *context);
/// The same of one link by its name. Negative when there is none.
int chdf5_link(hid_t group, const char *name, int *kind, uint64_t *value);

// The process apart.

/// A copy of this process with only the calling thread; Swift does not offer it.
static inline int chdf5_fork(void) { return (int)fork(); }
static inline int chdf5_poll(struct pollfd *descriptor, int milliseconds) {
  return poll(descriptor, 1, milliseconds);
}

#pragma clang diagnostic pop
