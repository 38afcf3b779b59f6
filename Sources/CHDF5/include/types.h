// The types of libhdf5's binary interface, under their names there, with the cases that are used. The library's own headers
// are not needed, and would bring the library in at every start.
#pragma once

#include <stdint.h>
#include <time.h>

typedef int herr_t;
typedef int64_t hid_t;
typedef unsigned long long hsize_t;
typedef uint64_t haddr_t;

typedef enum { H5_INDEX_UNKNOWN = -1, H5_INDEX_NAME = 0 } H5_index_t;
typedef enum { H5_ITER_UNKNOWN = -1, H5_ITER_INC = 0 } H5_iter_order_t;
typedef enum {
  H5D_ALLOC_TIME_ERROR = -1, H5D_ALLOC_TIME_EARLY = 1
} H5D_alloc_time_t;
typedef enum { H5D_FILL_TIME_ERROR = -1, H5D_FILL_TIME_NEVER = 1 } H5D_fill_time_t;
typedef enum { H5D_FILL_VALUE_ERROR = -1, H5D_FILL_VALUE_USER_DEFINED = 2 } H5D_fill_value_t;
typedef enum {
  H5D_LAYOUT_ERROR = -1, H5D_COMPACT = 0, H5D_CONTIGUOUS = 1, H5D_CHUNKED = 2, H5D_VIRTUAL = 3
} H5D_layout_t;
typedef enum { H5D_SPACE_STATUS_ERROR = -1, H5D_SPACE_STATUS_ALLOCATED = 2 } H5D_space_status_t;
typedef enum { H5E_WALK_UPWARD = 0 } H5E_direction_t;
typedef enum { H5F_SCOPE_GLOBAL = 1 } H5F_scope_t;
typedef enum {
  H5L_TYPE_ERROR = -1, H5L_TYPE_HARD = 0, H5L_TYPE_SOFT = 1, H5L_TYPE_EXTERNAL = 64
} H5L_type_t;
typedef enum {
  H5O_TYPE_UNKNOWN = -1, H5O_TYPE_GROUP = 0, H5O_TYPE_DATASET = 1, H5O_TYPE_NAMED_DATATYPE = 2
} H5O_type_t;
typedef enum { H5S_NO_CLASS = -1, H5S_SCALAR = 0, H5S_SIMPLE = 1 } H5S_class_t;
typedef enum {
  H5T_NO_CLASS = -1, H5T_INTEGER = 0, H5T_FLOAT = 1, H5T_STRING = 3, H5T_OPAQUE = 5, H5T_COMPOUND = 6,
  H5T_REFERENCE = 7, H5T_ENUM = 8, H5T_VLEN = 9, H5T_ARRAY = 10
} H5T_class_t;
typedef enum { H5T_CSET_ERROR = -1, H5T_CSET_UTF8 = 1 } H5T_cset_t;
typedef enum { H5T_NORM_ERROR = -1, H5T_NORM_IMPLIED = 0 } H5T_norm_t;
typedef enum { H5T_ORDER_ERROR = -1, H5T_ORDER_LE = 0, H5T_ORDER_BE = 1 } H5T_order_t;
typedef enum { H5T_SGN_ERROR = -1, H5T_SGN_NONE = 0 } H5T_sign_t;
typedef enum { H5T_STR_ERROR = -1, H5T_STR_NULLTERM = 0, H5T_STR_SPACEPAD = 2 } H5T_str_t;

/// What `H5Oget_info2` fills in, of which only the fields asked for are set. 1.12 calls it `H5O_info1_t`.
typedef struct {
  unsigned long fileno;
  haddr_t addr;
  H5O_type_t type;
  unsigned rc;
  time_t atime, mtime, ctime, btime;
  hsize_t num_attrs;
  uint64_t header_and_sizes[12];
} H5O_info_t;

/// What is told of a link: a hard one's value is the address of an object, another's the size of what it holds. 1.12 calls it `H5L_info1_t`.
typedef struct {
  H5L_type_t type;
  _Bool corder_valid;
  int64_t corder;
  H5T_cset_t cset;
  union {
    haddr_t address;
    size_t size;
  } value;
} H5L_info_t;

/// An entry of the library's error stack.
typedef struct {
  hid_t cls_id, maj_num, min_num;
  unsigned line;
  const char *func_name, *file_name, *desc;
} H5E_error2_t;

typedef herr_t (*H5A_operator2_t)(hid_t object, const char *name, const void *info, void *context);
typedef herr_t (*H5L_iterate_t)(hid_t group, const char *name, const H5L_info_t *info, void *context);
typedef herr_t (*H5E_auto2_t)(hid_t stack, void *context);
typedef herr_t (*H5E_walk2_t)(unsigned number, const H5E_error2_t *error, void *context);
