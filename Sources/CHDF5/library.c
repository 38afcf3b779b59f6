// Finding libhdf5 and its functions.
#include <dlfcn.h>
#include <stdio.h>

#include "include/CHDF5.h"

static struct chdf5_library library;
static int is_loaded;

const struct chdf5_library *chdf5_library(void) { return &library; }

// The high-level library brings the other with it. Debian and its kin name it apart from the parallel one.
static const char *const names[] = {
#ifdef __APPLE__
  "libhdf5_hl.dylib", "/opt/homebrew/lib/libhdf5_hl.dylib", "/usr/local/lib/libhdf5_hl.dylib",
  "/opt/local/lib/libhdf5_hl.dylib",
#else
  "libhdf5_serial_hl.so.100", "libhdf5_serial_hl.so.310", "libhdf5_hl.so.100", "libhdf5_hl.so.310",
  "libhdf5_serial_hl.so", "libhdf5_hl.so",
#endif
};

#ifdef __APPLE__
  #define PACKAGE "install it with \"brew install hdf5\""
#else
  #define PACKAGE "install the package libhdf5-dev (Debian, Ubuntu) or hdf5 (Fedora, Arch)"
#endif

static void *open_library(void) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    void *handle = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
    if (handle != NULL) return handle;
  }
  return NULL;
}

static const char *missing;

/// A function. Of one that it has replaced, the library keeps the old form under the name with a 1.
static void *find(void *handle, const char *name, const char *old_name) {
  void *address = dlsym(handle, name);
  if (address == NULL) address = dlsym(handle, old_name);
  if (address == NULL) missing = name;
  return address;
}

static hid_t find_id(void *handle, const char *name) {
  const hid_t *variable = (const hid_t *)find(handle, name, name);
  return variable == NULL ? -1 : *variable;
}

const char *chdf5_load(void) {
  static char problem[256];
  if (is_loaded) return NULL;
#ifndef KCONVERT_HDF5
  return "the program was built without kconvert's trait HDF5";
#endif
  void *handle = open_library();
  if (handle == NULL) return "libhdf5 is not installed, which HDF5 files are read and written with; " PACKAGE;
  missing = NULL;
#define H5_FUNCTION(result, name, parameters) \
  library.name = (result(*) parameters)find(handle, "H5" #name, "H5" #name "1");
#define H5_ID(name)
#include "functions.def"
#undef H5_FUNCTION
#undef H5_ID
  // At the end of the process the library would close what could not be closed for want of room once more, and crashes.
  if (missing == NULL) library.dont_atexit();
  if (missing == NULL && library.open() < 0) return "libhdf5 does not start";
#define H5_FUNCTION(result, name, parameters)
#define H5_ID(name) library.name = find_id(handle, "H5" #name "_g");
#include "functions.def"
  if (missing != NULL) {
    snprintf(problem, sizeof problem, "libhdf5 is not of version 1.10.5 or later: it lacks %s; " PACKAGE, missing);
    return problem;
  }
  is_loaded = 1;
  return NULL;
}
