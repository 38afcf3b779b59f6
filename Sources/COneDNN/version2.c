// The interface of version 2 of the library: layouts are structs, operations are described first.
#include "library.h"

#include <string.h>

#if HAS_ONEDNN && DNNL_VERSION_MAJOR == 2

#define LAYOUT(layout) kdnn_descriptor_of(layout)

_Static_assert(sizeof(dnnl_memory_desc_t) <= sizeof(kdnn_layout), "a layout holds a descriptor");

kdnn_descriptor kdnn_descriptor_of(const kdnn_layout *layout) { return (kdnn_descriptor)layout; }

void kdnn_set_layout(kdnn_layout *layout, kdnn_descriptor value) {
  memset(layout, 0, sizeof *layout);
  memcpy(layout, value, sizeof *value);
}

dnnl_status_t kdnn_make_layout(kdnn_layout *layout, int rank, const int64_t *sizes, const int64_t *strides) {
  dnnl_memory_desc_t made;
  memset(&made, 0, sizeof made);
  dnnl_status_t status =
      strides ? kdnn_lib.dnnl_memory_desc_init_by_strides(&made, rank, sizes, dnnl_f32, strides)
              : kdnn_lib.dnnl_memory_desc_init_by_tag(&made, rank, sizes, dnnl_f32, dnnl_format_tag_any);
  kdnn_set_layout(layout, &made);
  return status;
}

dnnl_status_t kdnn_append_function(dnnl_post_ops_t posts, kdnn_function function, float alpha, float beta) {
  return kdnn_lib.dnnl_post_ops_append_eltwise(posts, 1, kdnn_functions[function], alpha, beta);
}

dnnl_status_t kdnn_append_accumulation(dnnl_post_ops_t posts) { return kdnn_lib.dnnl_post_ops_append_sum(posts, 1); }

// MARK: - Primitives

static dnnl_status_t choose(kdnn_step *step, dnnl_status_t described, const_dnnl_op_desc_t operation) {
  if (described != dnnl_success) return described;
  return kdnn_lib.dnnl_primitive_desc_create(&step->description, operation, step->attributes, kdnn_lib.engine, NULL);
}

dnnl_status_t kdnn_choose_convolution(kdnn_step *step, const kdnn_convolution *c) {
  dnnl_convolution_desc_t operation;
  kdnn_descriptor x = LAYOUT(&c->x), kernel = LAYOUT(&c->kernel), bias = c->has_bias ? LAYOUT(&c->bias) : NULL;
  if (c->is_transposed) {
    dnnl_status_t status = kdnn_lib.dnnl_dilated_deconvolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_deconvolution_direct, x, kernel, bias, LAYOUT(&c->y), c->strides,
        c->dilations, c->before, c->after);
    return choose(step, status, &operation);
  }
  dnnl_alg_kind_t algorithm = c->is_winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
  dnnl_status_t status = kdnn_lib.dnnl_dilated_convolution_forward_desc_init(
      &operation, dnnl_forward_inference, algorithm, x, kernel, bias, LAYOUT(&c->y), c->strides, c->dilations, c->before,
      c->after);
  return choose(step, status, &operation);
}

dnnl_status_t kdnn_choose_pooling(kdnn_step *step, const kdnn_pooling *p) {
  dnnl_pooling_v2_desc_t operation;
  const dnnl_dims_t dilations = {0};
  dnnl_alg_kind_t algorithm = p->is_maximum ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
  dnnl_status_t status = kdnn_lib.dnnl_pooling_v2_forward_desc_init(
      &operation, dnnl_forward_inference, algorithm, LAYOUT(&p->x), LAYOUT(&p->y), p->strides, p->kernel, dilations,
      p->before, p->after);
  return choose(step, status, &operation);
}

dnnl_status_t kdnn_choose_product(kdnn_step *step, const kdnn_product *p) {
  dnnl_matmul_desc_t operation;
  kdnn_descriptor bias = p->has_bias ? LAYOUT(&p->bias) : NULL;
  dnnl_status_t status =
      kdnn_lib.dnnl_matmul_desc_init(&operation, LAYOUT(&p->a), LAYOUT(&p->b), bias, LAYOUT(&p->y));
  return choose(step, status, &operation);
}

dnnl_status_t kdnn_choose_unary(
    kdnn_step *step, kdnn_function function, float alpha, float beta, const kdnn_layout *x) {
  dnnl_eltwise_desc_t operation;
  dnnl_status_t status = kdnn_lib.dnnl_eltwise_forward_desc_init(
      &operation, dnnl_forward_inference, kdnn_functions[function], LAYOUT(x), alpha, beta);
  return choose(step, status, &operation);
}

dnnl_status_t kdnn_choose_binary(
    kdnn_step *step, dnnl_alg_kind_t function, const kdnn_layout *x, const kdnn_layout *y, const kdnn_layout *z) {
  dnnl_binary_desc_t operation;
  return choose(step, kdnn_lib.dnnl_binary_desc_init(&operation, function, LAYOUT(x), LAYOUT(y), LAYOUT(z)), &operation);
}

dnnl_status_t kdnn_choose_softmax(kdnn_step *step, const kdnn_layout *x, int axis) {
  dnnl_softmax_v2_desc_t operation;
  dnnl_status_t status = kdnn_lib.dnnl_softmax_v2_forward_desc_init(
      &operation, dnnl_forward_inference, dnnl_softmax_accurate, LAYOUT(x), LAYOUT(x), axis);
  return choose(step, status, &operation);
}

dnnl_status_t kdnn_choose_layer_norm(
    kdnn_step *step, const kdnn_layout *x, const kdnn_layout *statistics, float epsilon) {
  dnnl_layer_normalization_desc_t operation;
  dnnl_status_t status = kdnn_lib.dnnl_layer_normalization_forward_desc_init(
      &operation, dnnl_forward_inference, LAYOUT(x), LAYOUT(statistics), epsilon, dnnl_use_scale | dnnl_use_shift);
  return choose(step, status, &operation);
}

dnnl_status_t kdnn_choose_recurrent(kdnn_step *step, const kdnn_recurrent *r) {
  dnnl_rnn_desc_t operation;
  dnnl_prop_kind_t kind = dnnl_forward_inference;
  dnnl_rnn_direction_t direction = r->is_reversed ? dnnl_unidirectional_right2left : dnnl_unidirectional_left2right;
  kdnn_descriptor x = LAYOUT(&r->x), kernel = LAYOUT(&r->kernel), recurrent = LAYOUT(&r->recurrent_kernel);
  kdnn_descriptor bias = LAYOUT(&r->bias), y = LAYOUT(&r->y), last = LAYOUT(&r->state);
  kdnn_descriptor first = r->has_states ? last : NULL;
  dnnl_status_t status = dnnl_invalid_arguments;
  switch (r->cell) {
    case kdnn_lstm:
      status = kdnn_lib.dnnl_lstm_forward_desc_init(
          &operation, kind, direction, x, first, first, kernel, recurrent, bias, y, last, last, 0);
      break;
    case kdnn_gru:
      status = kdnn_lib.dnnl_gru_forward_desc_init(
          &operation, kind, direction, x, first, kernel, recurrent, bias, y, last, 0);
      break;
    case kdnn_gru_reset_after:
      status = kdnn_lib.dnnl_lbr_gru_forward_desc_init(
          &operation, kind, direction, x, first, kernel, recurrent, bias, y, last, 0);
      break;
  }
  return choose(step, status, &operation);
}

#endif
