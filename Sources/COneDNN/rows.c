// Steps for what this package has kernels of its own for.
#include "library.h"

#if HAS_ONEDNN

kdnn_step *kdnn_unary_create(kdnn_function function, float alpha, float beta, const kdnn_layout *x) {
  if (!kdnn_load()) return NULL;
  dnnl_eltwise_desc_t operation;
  if (kdnn_lib.dnnl_eltwise_forward_desc_init(
          &operation, dnnl_forward_inference, kdnn_functions[function], descriptor(x), alpha, beta) != dnnl_success) {
    return NULL;
  }
  return kdnn_finish(kdnn_create(&operation, NULL), DNNL_ARG_SRC, 0, 0, DNNL_ARG_DST);
}

kdnn_step *kdnn_binary_create(
    kdnn_binary_function function, const kdnn_layout *x, const kdnn_layout *y, const kdnn_layout *z) {
  static const dnnl_alg_kind_t algorithms[] = {
      [kdnn_add] = dnnl_binary_add,
      [kdnn_subtract] = dnnl_binary_sub,
      [kdnn_multiply] = dnnl_binary_mul,
      [kdnn_divide] = dnnl_binary_div,
  };
  if (!kdnn_load()) return NULL;
  dnnl_binary_desc_t operation;
  if (kdnn_lib.dnnl_binary_desc_init(&operation, algorithms[function], descriptor(x), descriptor(y), descriptor(z)) !=
      dnnl_success) {
    return NULL;
  }
  return kdnn_finish(kdnn_create(&operation, NULL), DNNL_ARG_SRC_0, DNNL_ARG_SRC_1, 0, DNNL_ARG_DST);
}

kdnn_step *kdnn_softmax_create(const kdnn_layout *x, int axis) {
  if (!kdnn_load()) return NULL;
  dnnl_softmax_v2_desc_t operation;
  if (kdnn_lib.dnnl_softmax_v2_forward_desc_init(
          &operation, dnnl_forward_inference, dnnl_softmax_accurate, descriptor(x), descriptor(x), axis) !=
      dnnl_success) {
    return NULL;
  }
  return kdnn_finish(kdnn_create(&operation, NULL), DNNL_ARG_SRC, 0, 0, DNNL_ARG_DST);
}

kdnn_step *kdnn_layer_norm_create(const kdnn_layout *x, const kdnn_layout *statistics, float epsilon) {
  if (!kdnn_load()) return NULL;
  dnnl_layer_normalization_desc_t operation;
  if (kdnn_lib.dnnl_layer_normalization_forward_desc_init(
          &operation, dnnl_forward_inference, descriptor(x), descriptor(statistics), epsilon,
          dnnl_use_scale | dnnl_use_shift) != dnnl_success) {
    return NULL;
  }
  return kdnn_finish(kdnn_create(&operation, NULL), DNNL_ARG_SRC, DNNL_ARG_SCALE, DNNL_ARG_SHIFT, DNNL_ARG_DST);
}

static dnnl_status_t describe(dnnl_rnn_desc_t *operation, const kdnn_recurrent *r) {
  dnnl_rnn_direction_t direction = r->is_reversed ? dnnl_unidirectional_right2left : dnnl_unidirectional_left2right;
  const dnnl_memory_desc_t *x = descriptor(&r->x), *kernel = descriptor(&r->kernel), *bias = descriptor(&r->bias);
  const dnnl_memory_desc_t *recurrent = descriptor(&r->recurrent_kernel), *y = descriptor(&r->y);
  const dnnl_memory_desc_t *last = descriptor(&r->state), *first = r->has_states ? last : NULL;
  switch (r->cell) {
    case kdnn_lstm:
      return kdnn_lib.dnnl_lstm_forward_desc_init(
          operation, dnnl_forward_inference, direction, x, first, first, kernel, recurrent, bias, y, last, last, 0);
    case kdnn_gru:
      return kdnn_lib.dnnl_gru_forward_desc_init(
          operation, dnnl_forward_inference, direction, x, first, kernel, recurrent, bias, y, last, 0);
    case kdnn_gru_reset_after:
      return kdnn_lib.dnnl_lbr_gru_forward_desc_init(
          operation, dnnl_forward_inference, direction, x, first, kernel, recurrent, bias, y, last, 0);
  }
  return dnnl_invalid_arguments;
}

static void add_other(kdnn_step *step, int argument) {
  step->others[step->other_count].argument = argument;
  step->others[step->other_count++].layout =
      *kdnn_lib.dnnl_primitive_desc_query_md(step->description, dnnl_query_exec_arg_md, argument);
}

kdnn_step *kdnn_recurrent_create(const kdnn_recurrent *r) {
  if (!kdnn_load()) return NULL;
  dnnl_rnn_desc_t operation;
  if (describe(&operation, r) != dnnl_success) return NULL;
  kdnn_step *step = kdnn_create(&operation, NULL);
  if (!step) return NULL;
  add_other(step, DNNL_ARG_WEIGHTS_ITER);
  add_other(step, DNNL_ARG_DST_ITER);
  if (r->cell == kdnn_lstm) add_other(step, DNNL_ARG_DST_ITER_C);
  if (r->has_states) add_other(step, DNNL_ARG_SRC_ITER);
  if (r->has_states && r->cell == kdnn_lstm) add_other(step, DNNL_ARG_SRC_ITER_C);
  return kdnn_finish(step, DNNL_ARG_SRC_LAYER, DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_BIAS, DNNL_ARG_DST_LAYER);
}

#endif
