// The library as it is loaded, and what its primitives are to this package: shared by the files of this target alone.
#pragma once
#include "include/shim.h"

#if defined(KCONVERT_ONEDNN) && __has_include(<oneapi/dnnl/dnnl.h>)
  #include <oneapi/dnnl/dnnl.h>
  #if DNNL_VERSION_MAJOR == 2 || DNNL_VERSION_MAJOR == 3
    #define HAS_ONEDNN 1
  #endif
#endif

#if HAS_ONEDNN

// What both versions have under one name.
#define FUNCTIONS(X) \
  X(dnnl_engine_create) \
  X(dnnl_stream_create) \
  X(dnnl_memory_desc_get_size) \
  X(dnnl_memory_desc_equal) \
  X(dnnl_memory_create) \
  X(dnnl_memory_destroy) \
  X(dnnl_primitive_desc_destroy) \
  X(dnnl_primitive_desc_query) \
  X(dnnl_primitive_desc_query_md) \
  X(dnnl_primitive_create) \
  X(dnnl_primitive_destroy) \
  X(dnnl_primitive_execute) \
  X(dnnl_primitive_attr_create) \
  X(dnnl_primitive_attr_destroy) \
  X(dnnl_primitive_attr_set_post_ops) \
  X(dnnl_primitive_attr_set_scratchpad_mode) \
  X(dnnl_post_ops_create) \
  X(dnnl_post_ops_destroy) \
  X(dnnl_post_ops_append_eltwise) \
  X(dnnl_post_ops_append_sum) \
  X(dnnl_post_ops_append_binary) \
  X(dnnl_reorder_primitive_desc_create) \
  X(dnnl_sgemm)

#if DNNL_VERSION_MAJOR == 2
  // A layout is a plain struct, and an operation is described before a primitive is chosen for it.
  #define VERSION_FUNCTIONS(X) \
    X(dnnl_memory_desc_init_by_strides) \
    X(dnnl_memory_desc_init_by_tag) \
    X(dnnl_primitive_desc_create) \
    X(dnnl_dilated_convolution_forward_desc_init) \
    X(dnnl_dilated_deconvolution_forward_desc_init) \
    X(dnnl_pooling_v2_forward_desc_init) \
    X(dnnl_matmul_desc_init) \
    X(dnnl_eltwise_forward_desc_init) \
    X(dnnl_binary_desc_init) \
    X(dnnl_softmax_v2_forward_desc_init) \
    X(dnnl_layer_normalization_forward_desc_init) \
    X(dnnl_lstm_forward_desc_init) \
    X(dnnl_gru_forward_desc_init) \
    X(dnnl_lbr_gru_forward_desc_init)
typedef const dnnl_memory_desc_t *kdnn_descriptor;
#else
  #define VERSION_FUNCTIONS(X) \
    X(dnnl_memory_desc_create_with_strides) \
    X(dnnl_memory_desc_create_with_tag) \
    X(dnnl_memory_desc_clone) \
    X(dnnl_memory_desc_destroy) \
    X(dnnl_convolution_forward_primitive_desc_create) \
    X(dnnl_deconvolution_forward_primitive_desc_create) \
    X(dnnl_pooling_forward_primitive_desc_create) \
    X(dnnl_matmul_primitive_desc_create) \
    X(dnnl_eltwise_forward_primitive_desc_create) \
    X(dnnl_binary_primitive_desc_create) \
    X(dnnl_softmax_forward_primitive_desc_create) \
    X(dnnl_layer_normalization_forward_primitive_desc_create) \
    X(dnnl_lstm_forward_primitive_desc_create) \
    X(dnnl_gru_forward_primitive_desc_create) \
    X(dnnl_lbr_gru_forward_primitive_desc_create)
typedef const_dnnl_memory_desc_t kdnn_descriptor;
#endif

struct kdnn_library {
  #define X(name) __typeof__(&name) name;
  FUNCTIONS(X)
  VERSION_FUNCTIONS(X)
  #undef X
  void (*omp_set_num_threads)(int);
  int (*omp_get_max_threads)(void);
  int (*omp_get_thread_num)(void);
  int (*omp_get_num_threads)(void);
  void (*GOMP_parallel)(void (*)(void *), void *, unsigned, unsigned);
  dnnl_engine_t engine;
  int is_loaded;
};
extern struct kdnn_library kdnn_lib;

struct kdnn_step {
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive;
  /// Until the primitive is made.
  dnnl_primitive_attr_t attributes;
  /// What the arguments of `kdnn_step_run` are to the primitive; 0: it has none.
  int x, kernel, bias, y;
  kdnn_layout layouts[4];
  /// What follows them: operands of posts, weights and states of a recurrent layer.
  int other_count;
  struct {
    int argument;
    kdnn_layout layout;
  } others[KDNN_MAX_OTHERS];
  kdnn_layout scratch;
  size_t scratch_byte_count;
};

/// The library's names of functions of one element.
extern const dnnl_alg_kind_t kdnn_functions[kdnn_function_count];

/// A step whose primitive has these posts and takes scratch memory from the caller; NULL when the library cannot do it.
kdnn_step *kdnn_begin(const kdnn_posts *posts);

/// Makes the primitive that was chosen and notes its layouts of what the arguments of `kdnn_step_run` are to it; gives up the
/// step when none was.
kdnn_step *kdnn_finish(kdnn_step *step, dnnl_status_t chosen, int x, int kernel, int bias, int y);

// MARK: - What the two versions of the library's interface say differently, each in its file

/// The library's own name of a layout, valid as long as the layout.
kdnn_descriptor kdnn_descriptor_of(const kdnn_layout *layout);
void kdnn_set_layout(kdnn_layout *layout, kdnn_descriptor value);
/// `strides` NULL: whatever a primitive likes best.
dnnl_status_t kdnn_make_layout(kdnn_layout *layout, int rank, const int64_t *sizes, const int64_t *strides);

dnnl_status_t kdnn_append_function(dnnl_post_ops_t posts, kdnn_function function, float alpha, float beta);
dnnl_status_t kdnn_append_accumulation(dnnl_post_ops_t posts);

// Choose the primitive of a step.
dnnl_status_t kdnn_choose_convolution(kdnn_step *step, const kdnn_convolution *convolution);
dnnl_status_t kdnn_choose_pooling(kdnn_step *step, const kdnn_pooling *pooling);
dnnl_status_t kdnn_choose_product(kdnn_step *step, const kdnn_product *product);
dnnl_status_t kdnn_choose_unary(
    kdnn_step *step, kdnn_function function, float alpha, float beta, const kdnn_layout *x);
dnnl_status_t kdnn_choose_binary(
    kdnn_step *step, dnnl_alg_kind_t function, const kdnn_layout *x, const kdnn_layout *y, const kdnn_layout *z);
dnnl_status_t kdnn_choose_softmax(kdnn_step *step, const kdnn_layout *x, int axis);
dnnl_status_t kdnn_choose_layer_norm(
    kdnn_step *step, const kdnn_layout *x, const kdnn_layout *statistics, float epsilon);
dnnl_status_t kdnn_choose_recurrent(kdnn_step *step, const kdnn_recurrent *recurrent);

#endif
