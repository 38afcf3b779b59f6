// The library as it is loaded, and what its primitives are to this package: shared by the files of this target alone.
#pragma once
#include "include/shim.h"

#if defined(KCONVERT_ONEDNN) && __has_include(<oneapi/dnnl/dnnl.h>)
  #include <oneapi/dnnl/dnnl.h>
  #if DNNL_VERSION_MAJOR == 2
    #define HAS_ONEDNN 1
  #endif
#endif

#if HAS_ONEDNN

#define FUNCTIONS(X) \
  X(dnnl_engine_create) \
  X(dnnl_stream_create) \
  X(dnnl_memory_desc_init_by_strides) \
  X(dnnl_memory_desc_init_by_tag) \
  X(dnnl_memory_desc_get_size) \
  X(dnnl_memory_desc_equal) \
  X(dnnl_memory_create) \
  X(dnnl_memory_destroy) \
  X(dnnl_primitive_desc_create) \
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
  X(dnnl_dilated_convolution_forward_desc_init) \
  X(dnnl_dilated_deconvolution_forward_desc_init) \
  X(dnnl_pooling_v2_forward_desc_init) \
  X(dnnl_matmul_desc_init) \
  X(dnnl_reorder_primitive_desc_create) \
  X(dnnl_eltwise_forward_desc_init) \
  X(dnnl_binary_desc_init) \
  X(dnnl_softmax_v2_forward_desc_init) \
  X(dnnl_layer_normalization_forward_desc_init) \
  X(dnnl_lstm_forward_desc_init) \
  X(dnnl_gru_forward_desc_init) \
  X(dnnl_lbr_gru_forward_desc_init) \
  X(dnnl_sgemm)

struct kdnn_library {
  #define X(name) __typeof__(&name) name;
  FUNCTIONS(X)
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

static inline const dnnl_memory_desc_t *descriptor(const kdnn_layout *layout) { return (const dnnl_memory_desc_t *)layout; }

struct kdnn_step {
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive;
  /// What the arguments of `kdnn_step_run` are to the primitive; 0: it has none.
  int x, kernel, bias, y;
  dnnl_memory_desc_t layouts[4];
  /// What follows them: operands of posts, weights and states of a recurrent layer.
  int other_count;
  struct {
    int argument;
    dnnl_memory_desc_t layout;
  } others[KDNN_MAX_OTHERS];
  dnnl_memory_desc_t scratch;
  size_t scratch_byte_count;
};

/// The library's names of functions of one element.
extern const dnnl_alg_kind_t kdnn_functions[kdnn_function_count];

/// The primitive of an operation's descriptor, with its posts and with scratch memory given by the caller; NULL when the
/// library cannot do it.
kdnn_step *kdnn_create(const_dnnl_op_desc_t operation, const kdnn_posts *posts);

/// Makes the primitive and notes the layouts it has chosen for what the arguments of `kdnn_step_run` are to it.
kdnn_step *kdnn_finish(kdnn_step *step, int x, int kernel, int bias, int y);

#endif
