// Swift does not see macros that hold an expression, nor functions that are macros for one of several versions.
// What is needed of them is repeated here as inline functions, the same for HDF5 1.10 (Debian) and 1.14 (Homebrew).

#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H

#include <fcntl.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <stdint.h>
#include <string.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <unistd.h>

static inline int64_t chdf5_default_properties(void) { return H5P_DEFAULT; }
static inline int64_t chdf5_whole_dataspace(void) { return H5S_ALL; }
static inline uint64_t chdf5_undefined_address(void) { return HADDR_UNDEF; }
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }
static inline hid_t chdf5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t chdf5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline size_t chdf5_variable_size(void) { return H5T_VARIABLE; }

static inline hid_t chdf5_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t chdf5_float64(void) { return H5T_IEEE_F64LE; }

/// The little-endian integer type of a size in bytes.
static inline hid_t chdf5_integer(int size, int is_signed) {
  switch (size) {
    case 1: return is_signed ? H5T_STD_I8LE : H5T_STD_U8LE;
    case 2: return is_signed ? H5T_STD_I16LE : H5T_STD_U16LE;
    case 4: return is_signed ? H5T_STD_I32LE : H5T_STD_U32LE;
    default: return is_signed ? H5T_STD_I64LE : H5T_STD_U64LE;
  }
}

/// IEEE's 16-bit type, which the library does not predefine. To be closed.
static inline hid_t chdf5_float16(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

/// The enumeration that h5py writes for NumPy's bool. To be closed.
static inline hid_t chdf5_bool(void) {
  signed char no = 0, yes = 1;
  hid_t type = H5Tenum_create(H5T_STD_I8LE);
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

/// Elements of a size without meaning to the library. To be closed.
static inline hid_t chdf5_opaque(size_t size) {
  hid_t type = H5Tcreate(H5T_OPAQUE, size);
  H5Tset_tag(type, "");
  return type;
}

static inline hid_t chdf5_create_file(const char *path) {
  return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

/// Properties of groups without a date, so that files are the same whenever they are written. To be closed.
static inline hid_t chdf5_group_properties(void) {
  hid_t properties = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_obj_track_times(properties, 0);
  return properties;
}

/// Properties of links whose missing groups are made. To be closed.
static inline hid_t chdf5_link_properties(void) {
  hid_t properties = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(properties, 1);
  return properties;
}

/// Properties of a dataset that gets its place in the file at once, and neither values nor a date. To be closed.
static inline hid_t chdf5_early_properties(void) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  H5Pset_obj_track_times(properties, 0);
  return properties;
}

/// Adds an attribute that is one string of variable length, in UTF-8.
static inline herr_t chdf5_write_string(hid_t object, const char *name, const char *value) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  herr_t status = attribute < 0 ? -1 : H5Awrite(attribute, type, &value);
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
  return status;
}

/// Opens a file image where it is: nothing is copied, and closing the file frees nothing.
static inline hid_t chdf5_open_image(const void *bytes, size_t count) {
  return H5LTopen_file_image((void *)bytes, count, H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE);
}

/// Keeps the library from printing its errors; they stay on its error stack.
static inline void chdf5_mute(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

/// The kind of the object behind an identifier: 0 group, 1 dataset, 2 named datatype, -1 unknown. Negative results
/// of the function are errors. `address` tells objects of one file apart.
static inline int chdf5_object(hid_t object, uint64_t *address, int *kind, uint64_t *attribute_count) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  herr_t status = H5Oget_info3(object, &info, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS);
  if (status < 0) return status;
  memcpy(address, &info.token, sizeof *address);
#else
  H5O_info_t info;
  herr_t status = H5Oget_info2(object, &info, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS);
  if (status < 0) return status;
  *address = info.addr;
#endif
  *attribute_count = info.num_attrs;
  switch (info.type) {
    case H5O_TYPE_GROUP: *kind = 0; break;
    case H5O_TYPE_DATASET: *kind = 1; break;
    case H5O_TYPE_NAMED_DATATYPE: *kind = 2; break;
    default: *kind = -1;
  }
  return 0;
}

/// Called for each link of a group. `kind`: 0 hard, 1 soft, 2 external, 3 other. Returning other than 0 stops.
typedef int (*chdf5_link_visitor)(const char *name, int kind, void *context);

struct chdf5_link_visit {
  chdf5_link_visitor visitor;
  void *context;
};

static inline herr_t chdf5_visit_link(
  hid_t group, const char *name, const H5L_info_t *info, void *data) {
  struct chdf5_link_visit *visit = (struct chdf5_link_visit *)data;
  int kind = 3;
  if (info->type == H5L_TYPE_HARD) kind = 0;
  if (info->type == H5L_TYPE_SOFT) kind = 1;
  if (info->type == H5L_TYPE_EXTERNAL) kind = 2;
  (void)group;
  return visit->visitor(name, kind, visit->context);
}

static inline int chdf5_links(hid_t group, chdf5_link_visitor visitor, void *context) {
  struct chdf5_link_visit visit = {visitor, context};
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, chdf5_visit_link, &visit);
}

/// A copy of this process with only the calling thread; Swift does not offer it.
static inline int chdf5_fork(void) { return (int)fork(); }

static inline int chdf5_poll(struct pollfd *descriptor, int milliseconds) {
  return poll(descriptor, 1, milliseconds);
}

/// A pipe that no program started meanwhile inherits.
static inline int chdf5_pipe(int ends[2]) {
  if (pipe(ends) != 0) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
}

/// The bytes of address space that this process uses; 0 where the system does not tell.
static inline uint64_t chdf5_address_space(void) {
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
static inline int chdf5_lower(int what, uint64_t value) {
  struct rlimit limit;
  if (getrlimit(what, &limit) != 0) return -1;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > value) limit.rlim_cur = value;
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value) limit.rlim_max = value;
  return setrlimit(what, &limit);
}

/// Prepares a child for work on a file that nobody trusts: memory beyond what it has and processor time are limited, it
/// leaves no core file, opens and writes nothing but `answer`, prints nothing, and ends when its parent does. Returns
/// other than 0 when any of that cannot be had.
static inline int chdf5_confine(uint64_t memory_bytes, uint64_t seconds, int parent) {
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return -1;
  if (getppid() != parent) return -1;
#else
  (void)parent;
#endif
  if (chdf5_lower(RLIMIT_AS, chdf5_address_space() + memory_bytes) != 0) return -1;
  if (chdf5_lower(RLIMIT_CPU, seconds) != 0) return -1;
  if (chdf5_lower(RLIMIT_CORE, 0) != 0) return -1;
  if (chdf5_lower(RLIMIT_FSIZE, 0) != 0) return -1;
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0 || dup2(nowhere, 1) < 0 || dup2(nowhere, 2) < 0) return -1;
  if (nowhere > 2) close(nowhere);
  // Every file that the work needs is open already.
  return chdf5_lower(RLIMIT_NOFILE, 0);
}

/// The most specific message of the library's error stack.
static inline herr_t chdf5_copy_message(unsigned n, const H5E_error2_t *error, void *data) {
  char *message = (char *)data;
  if (n == 0 && error->desc) {
    strncpy(message, error->desc, 255);
    message[255] = 0;
  }
  return 0;
}

static inline void chdf5_message(char message[256]) {
  message[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, chdf5_copy_message, message);
}

#endif
