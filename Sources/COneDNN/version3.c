// The interface of version 3 of the library: layouts are objects, a primitive is chosen in one call.
#include "library.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if HAS_ONEDNN && DNNL_VERSION_MAJOR == 3

#define LAYOUT(layout) kdnn_descriptor_of(layout)

// MARK: - Layouts

/// Every layout that was ever asked for, once: equal ones have equal bytes, as in version 2, and nobody has to give one
/// back. A layout takes about a kilobyte, and a plan has a few for each of its steps.
static struct {
  pthread_mutex_t mutex;
  dnnl_memory_desc_t *items;
  size_t count, room;
} known = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static dnnl_memory_desc_t find_or_add(kdnn_descriptor value) {
  // From the end: the steps of a plan ask for each other's layouts.
  for (size_t i = known.count; i > 0; i--) {
    if (kdnn_lib.dnnl_memory_desc_equal(known.items[i - 1], value)) return known.items[i - 1];
  }
  if (known.count == known.room) {
    size_t room = known.room ? 2 * known.room : 64;
    dnnl_memory_desc_t *items = realloc(known.items, room * sizeof *items);
    if (!items) return NULL;
    known.items = items;
    known.room = room;
  }
  dnnl_memory_desc_t made = NULL;
  if (kdnn_lib.dnnl_memory_desc_clone(&made, value) != dnnl_success) return NULL;
  return known.items[known.count++] = made;
}

kdnn_descriptor kdnn_descriptor_of(const kdnn_layout *layout) { return (kdnn_descriptor)(uintptr_t)layout->words[0]; }

void kdnn_set_layout(kdnn_layout *layout, kdnn_descriptor value) {
  memset(layout, 0, sizeof *layout);
  if (!value) return;
  pthread_mutex_lock(&known.mutex);
  layout->words[0] = (uintptr_t)find_or_add(value);
  pthread_mutex_unlock(&known.mutex);
}

dnnl_status_t kdnn_make_layout(kdnn_layout *layout, int rank, const int64_t *sizes, const int64_t *strides) {
  dnnl_memory_desc_t made = NULL;
  dnnl_status_t status =
      strides ? kdnn_lib.dnnl_memory_desc_create_with_strides(&made, rank, sizes, dnnl_f32, strides)
              : kdnn_lib.dnnl_memory_desc_create_with_tag(&made, rank, sizes, dnnl_f32, dnnl_format_tag_any);
  kdnn_set_layout(layout, made);
  if (made) kdnn_lib.dnnl_memory_desc_destroy(made);
  return status == dnnl_success && !layout->words[0] ? dnnl_out_of_memory : status;
}

// MARK: - Posts

/// Version 3 asks for what version 2 knew of hardswish: x * min(max(x / 6 + 1 / 2, 0), 1).
static void complete(kdnn_function function, float *alpha, float *beta) {
  if (function != kdnn_hardswish) return;
  *alpha = 1.0f / 6;
  *beta = 0.5f;
}

dnnl_status_t kdnn_append_function(dnnl_post_ops_t posts, kdnn_function function, float alpha, float beta) {
  complete(function, &alpha, &beta);
  return kdnn_lib.dnnl_post_ops_append_eltwise(posts, kdnn_functions[function], alpha, beta);
}

dnnl_status_t kdnn_append_accumulation(dnnl_post_ops_t posts) {
  return kdnn_lib.dnnl_post_ops_append_sum(posts, 1, 0, dnnl_data_type_undef);
}

// MARK: - Primitives

dnnl_status_t kdnn_choose_convolution(kdnn_step *step, const kdnn_convolution *c) {
  kdnn_descriptor x = LAYOUT(&c->x), kernel = LAYOUT(&c->kernel), bias = c->has_bias ? LAYOUT(&c->bias) : NULL;
  if (c->is_transposed) {
    return kdnn_lib.dnnl_deconvolution_forward_primitive_desc_create(
        &step->description, kdnn_lib.engine, dnnl_forward_inference, dnnl_deconvolution_direct, x, kernel, bias,
        LAYOUT(&c->y), c->strides, c->dilations, c->before, c->after, step->attributes);
  }
  dnnl_alg_kind_t algorithm = c->is_winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
  return kdnn_lib.dnnl_convolution_forward_primitive_desc_create(
      &step->description, kdnn_lib.engine, dnnl_forward_inference, algorithm, x, kernel, bias, LAYOUT(&c->y), c->strides,
      c->dilations, c->before, c->after, step->attributes);
}

dnnl_status_t kdnn_choose_pooling(kdnn_step *step, const kdnn_pooling *p) {
  const dnnl_dims_t dilations = {0};
  dnnl_alg_kind_t algorithm = p->is_maximum ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
  return kdnn_lib.dnnl_pooling_forward_primitive_desc_create(
      &step->description, kdnn_lib.engine, dnnl_forward_inference, algorithm, LAYOUT(&p->x), LAYOUT(&p->y), p->strides,
      p->kernel, dilations, p->before, p->after, step->attributes);
}

dnnl_status_t kdnn_choose_product(kdnn_step *step, const kdnn_product *p) {
  return kdnn_lib.dnnl_matmul_primitive_desc_create(
      &step->description, kdnn_lib.engine, LAYOUT(&p->a), LAYOUT(&p->b), p->has_bias ? LAYOUT(&p->bias) : NULL,
      LAYOUT(&p->y), step->attributes);
}

dnnl_status_t kdnn_choose_unary(
    kdnn_step *step, kdnn_function function, float alpha, float beta, const kdnn_layout *x) {
  complete(function, &alpha, &beta);
  return kdnn_lib.dnnl_eltwise_forward_primitive_desc_create(
      &step->description, kdnn_lib.engine, dnnl_forward_inference, kdnn_functions[function], LAYOUT(x), LAYOUT(x), alpha,
      beta, step->attributes);
}

dnnl_status_t kdnn_choose_binary(
    kdnn_step *step, dnnl_alg_kind_t function, const kdnn_layout *x, const kdnn_layout *y, const kdnn_layout *z) {
  return kdnn_lib.dnnl_binary_primitive_desc_create(
      &step->description, kdnn_lib.engine, function, LAYOUT(x), LAYOUT(y), LAYOUT(z), step->attributes);
}

dnnl_status_t kdnn_choose_softmax(kdnn_step *step, const kdnn_layout *x, int axis) {
  return kdnn_lib.dnnl_softmax_forward_primitive_desc_create(
      &step->description, kdnn_lib.engine, dnnl_forward_inference, dnnl_softmax_accurate, LAYOUT(x), LAYOUT(x), axis,
      step->attributes);
}

dnnl_status_t kdnn_choose_layer_norm(
    kdnn_step *step, const kdnn_layout *x, const kdnn_layout *statistics, float epsilon) {
  return kdnn_lib.dnnl_layer_normalization_forward_primitive_desc_create(
      &step->description, kdnn_lib.engine, dnnl_forward_inference, LAYOUT(x), LAYOUT(x), LAYOUT(statistics), epsilon,
      dnnl_use_scale | dnnl_use_shift, step->attributes);
}

dnnl_status_t kdnn_choose_recurrent(kdnn_step *step, const kdnn_recurrent *r) {
  dnnl_prop_kind_t kind = dnnl_forward_inference;
  dnnl_rnn_direction_t direction = r->is_reversed ? dnnl_unidirectional_right2left : dnnl_unidirectional_left2right;
  kdnn_descriptor x = LAYOUT(&r->x), kernel = LAYOUT(&r->kernel), recurrent = LAYOUT(&r->recurrent_kernel);
  kdnn_descriptor bias = LAYOUT(&r->bias), y = LAYOUT(&r->y), last = LAYOUT(&r->state);
  kdnn_descriptor first = r->has_states ? last : NULL;
  switch (r->cell) {
    case kdnn_lstm:
      return kdnn_lib.dnnl_lstm_forward_primitive_desc_create(
          &step->description, kdnn_lib.engine, kind, direction, x, first, first, kernel, recurrent, NULL, NULL, bias, y,
          last, last, 0, step->attributes);
    case kdnn_gru:
      return kdnn_lib.dnnl_gru_forward_primitive_desc_create(
          &step->description, kdnn_lib.engine, kind, direction, x, first, kernel, recurrent, bias, y, last, 0,
          step->attributes);
    case kdnn_gru_reset_after:
      return kdnn_lib.dnnl_lbr_gru_forward_primitive_desc_create(
          &step->description, kdnn_lib.engine, kind, direction, x, first, kernel, recurrent, bias, y, last, 0,
          step->attributes);
  }
  return dnnl_invalid_arguments;
}

#endif
