// Steps for what this package has kernels of its own for.
#include "library.h"

#if HAS_ONEDNN

kdnn_step *kdnn_unary_create(kdnn_function function, float alpha, float beta, const kdnn_layout *x) {
  kdnn_step *step = kdnn_begin(NULL);
  if (!step) return NULL;
  return kdnn_finish(step, kdnn_choose_unary(step, function, alpha, beta, x), DNNL_ARG_SRC, 0, 0, DNNL_ARG_DST);
}

kdnn_step *kdnn_binary_create(
    kdnn_binary_function function, const kdnn_layout *x, const kdnn_layout *y, const kdnn_layout *z) {
  static const dnnl_alg_kind_t algorithms[] = {
      [kdnn_add] = dnnl_binary_add,
      [kdnn_subtract] = dnnl_binary_sub,
      [kdnn_multiply] = dnnl_binary_mul,
      [kdnn_divide] = dnnl_binary_div,
  };
  kdnn_step *step = kdnn_begin(NULL);
  if (!step) return NULL;
  return kdnn_finish(
      step, kdnn_choose_binary(step, algorithms[function], x, y, z), DNNL_ARG_SRC_0, DNNL_ARG_SRC_1, 0, DNNL_ARG_DST);
}

kdnn_step *kdnn_softmax_create(const kdnn_layout *x, int axis) {
  kdnn_step *step = kdnn_begin(NULL);
  return step ? kdnn_finish(step, kdnn_choose_softmax(step, x, axis), DNNL_ARG_SRC, 0, 0, DNNL_ARG_DST) : NULL;
}

kdnn_step *kdnn_layer_norm_create(const kdnn_layout *x, const kdnn_layout *statistics, float epsilon) {
  kdnn_step *step = kdnn_begin(NULL);
  if (!step) return NULL;
  return kdnn_finish(
      step, kdnn_choose_layer_norm(step, x, statistics, epsilon), DNNL_ARG_SRC, DNNL_ARG_SCALE, DNNL_ARG_SHIFT,
      DNNL_ARG_DST);
}

static void add_other(kdnn_step *step, int argument) {
  step->others[step->other_count].argument = argument;
  kdnn_set_layout(
      &step->others[step->other_count++].layout,
      kdnn_lib.dnnl_primitive_desc_query_md(step->description, dnnl_query_exec_arg_md, argument));
}

kdnn_step *kdnn_recurrent_create(const kdnn_recurrent *r) {
  kdnn_step *step = kdnn_begin(NULL);
  if (!step) return NULL;
  dnnl_status_t chosen = kdnn_choose_recurrent(step, r);
  if (chosen == dnnl_success) {
    add_other(step, DNNL_ARG_WEIGHTS_ITER);
    add_other(step, DNNL_ARG_DST_ITER);
    if (r->cell == kdnn_lstm) add_other(step, DNNL_ARG_DST_ITER_C);
    if (r->has_states) add_other(step, DNNL_ARG_SRC_ITER);
    if (r->has_states && r->cell == kdnn_lstm) add_other(step, DNNL_ARG_SRC_ITER_C);
  }
  return kdnn_finish(step, chosen, DNNL_ARG_SRC_LAYER, DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_BIAS, DNNL_ARG_DST_LAYER);
}

#endif
