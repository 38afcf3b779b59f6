#if defined(__linux__)
  #define _GNU_SOURCE
#endif
#include "library.h"
#include "processor.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#if HAS_ONEDNN

// MARK: - Loading

struct kdnn_library kdnn_lib;

static void load(void) {
  // OpenMP reads it as it is loaded: threads that wait give up their core soon, because on a machine that others use,
  // too, waiting by spinning makes a run several times slower.
  if (!getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", "20000", 0);
  // The version whose header this was compiled with: the other one's functions have other parameters.
  #define TEXT(x) #x
  #define NAME(before, major, after) before TEXT(major) after
  void *handle = dlopen(NAME("libdnnl.so.", DNNL_VERSION_MAJOR, ""), RTLD_NOW | RTLD_LOCAL);
  if (!handle) handle = dlopen(NAME("libdnnl.", DNNL_VERSION_MAJOR, ".dylib"), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  int found = 1;
  #define X(name) found &= (kdnn_lib.name = (__typeof__(&name))dlsym(handle, #name)) != NULL;
  FUNCTIONS(X)
  VERSION_FUNCTIONS(X)
  #undef X
  if (!found) return;
  // The library's own pool; builds without OpenMP run on the calling thread.
  *(void **)&kdnn_lib.omp_set_num_threads = dlsym(handle, "omp_set_num_threads");
  *(void **)&kdnn_lib.omp_get_max_threads = dlsym(handle, "omp_get_max_threads");
  *(void **)&kdnn_lib.omp_get_thread_num = dlsym(handle, "omp_get_thread_num");
  *(void **)&kdnn_lib.omp_get_num_threads = dlsym(handle, "omp_get_num_threads");
  *(void **)&kdnn_lib.GOMP_parallel = dlsym(handle, "GOMP_parallel");
  kdnn_lib.is_loaded = kdnn_lib.dnnl_engine_create(&kdnn_lib.engine, dnnl_cpu, 0) == dnnl_success;
}

int kdnn_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return kdnn_lib.is_loaded;
}

// MARK: - Threads

void kdnn_set_threads(int count) {
  if (kdnn_lib.omp_set_num_threads) kdnn_lib.omp_set_num_threads(count);
}

int kdnn_has_pool(void) {
  return kdnn_lib.GOMP_parallel && kdnn_lib.omp_get_max_threads && kdnn_lib.omp_get_thread_num && kdnn_lib.omp_get_num_threads;
}

// The thread sanitizer does not see how the library's threads begin and meet, which was not built with it.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define HANDS_OVER(call) __tsan_release(call)
#define TAKES_OVER(call) __tsan_acquire(call)
#endif
#endif
#ifndef HANDS_OVER
#define HANDS_OVER(call)
#define TAKES_OVER(call)
#endif

struct team_call {
  void (*body)(void *, int, int);
  void *context;
  int processor, arrived;
};

static void join_team(void *data) {
  struct team_call *call = data;
  TAKES_OVER(call);
  int member = kdnn_lib.omp_get_thread_num(), size = kdnn_lib.omp_get_num_threads();
  if (member > 0) kdnn_leave_processor(call->processor);
  __atomic_add_fetch(&call->arrived, 1, __ATOMIC_RELAXED);
  call->body(call->context, member, size);
  // The library waits for the others by spinning. That takes the processor from one that the system has put on the same
  // (new threads are): 2 ms for what takes 0.2, until the system moves it.
  for (int turn = 0; member == 0 && __atomic_load_n(&call->arrived, __ATOMIC_RELAXED) < size; turn++) {
    if (turn > 100) sched_yield();
  }
  HANDS_OVER(call);
}

void kdnn_team(int count, void (*body)(void *, int, int), void *context) {
  if (count > 1 && kdnn_has_pool() && kdnn_lib.omp_get_max_threads() > 1) {
    struct team_call call = {body, context, kdnn_processor(), 0};
    int threads = kdnn_lib.omp_get_max_threads();
    HANDS_OVER(&call);
    kdnn_lib.GOMP_parallel(join_team, &call, threads < count ? threads : count, 0);
    TAKES_OVER(&call);
    return;
  }
  body(context, 0, 1);
}

struct parallel_call {
  int count;
  void (*body)(void *, int);
  void *context;
};

static void run_share(void *data, int member, int size) {
  struct parallel_call *call = data;
  for (int i = member; i < call->count; i += size) call->body(call->context, i);
}

void kdnn_parallel(int count, void (*body)(void *, int), void *context) {
  struct parallel_call call = {count, body, context};
  kdnn_team(count, run_share, &call);
}

// MARK: - Layouts

int kdnn_layout_init(kdnn_layout *layout, int rank, const int64_t *sizes, const int64_t *strides) {
  return kdnn_load() && kdnn_make_layout(layout, rank, sizes, strides) == dnnl_success;
}

size_t kdnn_layout_byte_count(const kdnn_layout *layout) {
  return kdnn_lib.dnnl_memory_desc_get_size(kdnn_descriptor_of(layout));
}

int kdnn_layout_is_equal(const kdnn_layout *a, const kdnn_layout *b) {
  return kdnn_lib.dnnl_memory_desc_equal(kdnn_descriptor_of(a), kdnn_descriptor_of(b));
}

// MARK: - Steps

const dnnl_alg_kind_t kdnn_functions[kdnn_function_count] = {
    [kdnn_relu] = dnnl_eltwise_relu,         [kdnn_tanh] = dnnl_eltwise_tanh,
    [kdnn_elu] = dnnl_eltwise_elu,           [kdnn_square] = dnnl_eltwise_square,
    [kdnn_abs] = dnnl_eltwise_abs,           [kdnn_sqrt] = dnnl_eltwise_sqrt,
    [kdnn_linear] = dnnl_eltwise_linear,     [kdnn_logistic] = dnnl_eltwise_logistic,
    [kdnn_exp] = dnnl_eltwise_exp,           [kdnn_gelu_tanh] = dnnl_eltwise_gelu_tanh,
    [kdnn_gelu_erf] = dnnl_eltwise_gelu_erf, [kdnn_swish] = dnnl_eltwise_swish,
    [kdnn_clip] = dnnl_eltwise_clip_v2,      [kdnn_mish] = dnnl_eltwise_mish,
    [kdnn_hardswish] = dnnl_eltwise_hardswish,
};

static dnnl_status_t append(dnnl_post_ops_t ops, const kdnn_post *post) {
  kdnn_descriptor operand = kdnn_descriptor_of(&post->operand);
  switch (post->kind) {
    case kdnn_post_function: return kdnn_append_function(ops, post->function, post->alpha, post->beta);
    case kdnn_post_accumulate: return kdnn_append_accumulation(ops);
    case kdnn_post_add: return kdnn_lib.dnnl_post_ops_append_binary(ops, dnnl_binary_add, operand);
    case kdnn_post_multiply: return kdnn_lib.dnnl_post_ops_append_binary(ops, dnnl_binary_mul, operand);
  }
  return dnnl_invalid_arguments;
}

static int append_all(kdnn_step *step, dnnl_post_ops_t ops, const kdnn_posts *posts) {
  for (int i = 0; posts && i < posts->count; i++) {
    if (append(ops, &posts->items[i]) != dnnl_success) return 0;
    if (posts->items[i].kind < kdnn_post_add) continue;
    step->others[step->other_count].argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(i) | DNNL_ARG_SRC_1;
    step->others[step->other_count++].layout = posts->items[i].operand;
  }
  return 1;
}

kdnn_step *kdnn_begin(const kdnn_posts *posts) {
  kdnn_step *step = kdnn_load() ? calloc(1, sizeof *step) : NULL;
  if (!step) return NULL;
  dnnl_post_ops_t ops = NULL;
  int is_made = kdnn_lib.dnnl_primitive_attr_create(&step->attributes) == dnnl_success &&
               kdnn_lib.dnnl_primitive_attr_set_scratchpad_mode(step->attributes, dnnl_scratchpad_mode_user) ==
                   dnnl_success &&
               kdnn_lib.dnnl_post_ops_create(&ops) == dnnl_success && append_all(step, ops, posts) &&
               kdnn_lib.dnnl_primitive_attr_set_post_ops(step->attributes, ops) == dnnl_success;
  if (ops) kdnn_lib.dnnl_post_ops_destroy(ops);
  if (is_made) return step;
  kdnn_step_destroy(step);
  return NULL;
}

static void drop_attributes(kdnn_step *step) {
  if (step->attributes) kdnn_lib.dnnl_primitive_attr_destroy(step->attributes);
  step->attributes = NULL;
}

kdnn_step *kdnn_finish(kdnn_step *step, dnnl_status_t chosen, int x, int kernel, int bias, int y) {
  const int arguments[4] = {x, kernel, bias, y};
  step->x = x;
  step->kernel = kernel;
  step->bias = bias;
  step->y = y;
  for (int i = 0; chosen == dnnl_success && i < 4; i++) {
    if (!arguments[i]) continue;
    kdnn_set_layout(
        &step->layouts[i],
        kdnn_lib.dnnl_primitive_desc_query_md(step->description, dnnl_query_exec_arg_md, arguments[i]));
  }
  if (chosen == dnnl_success) {
    kdnn_descriptor scratch = kdnn_lib.dnnl_primitive_desc_query_md(step->description, dnnl_query_scratchpad_md, 0);
    step->scratch_byte_count = kdnn_lib.dnnl_memory_desc_get_size(scratch);
    kdnn_set_layout(&step->scratch, scratch);
    chosen = kdnn_lib.dnnl_primitive_create(&step->primitive, step->description);
  }
  drop_attributes(step);
  if (chosen == dnnl_success) return step;
  kdnn_step_destroy(step);
  return NULL;
}

kdnn_step *kdnn_convolution_create(const kdnn_convolution *c) {
  kdnn_step *step = kdnn_begin(&c->posts);
  if (!step) return NULL;
  return kdnn_finish(
      step, kdnn_choose_convolution(step, c), DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, c->has_bias ? DNNL_ARG_BIAS : 0,
      DNNL_ARG_DST);
}

kdnn_step *kdnn_pooling_create(const kdnn_pooling *p) {
  kdnn_step *step = kdnn_begin(NULL);
  return step ? kdnn_finish(step, kdnn_choose_pooling(step, p), DNNL_ARG_SRC, 0, 0, DNNL_ARG_DST) : NULL;
}

kdnn_step *kdnn_product_create(const kdnn_product *p) {
  kdnn_step *step = kdnn_begin(&p->posts);
  if (!step) return NULL;
  return kdnn_finish(
      step, kdnn_choose_product(step, p), DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, p->has_bias ? DNNL_ARG_BIAS : 0, DNNL_ARG_DST);
}

kdnn_step *kdnn_reorder_create(const kdnn_layout *from, const kdnn_layout *to) {
  kdnn_step *step = kdnn_begin(NULL);
  if (!step) return NULL;
  dnnl_status_t chosen = kdnn_lib.dnnl_reorder_primitive_desc_create(
      &step->description, kdnn_descriptor_of(from), kdnn_lib.engine, kdnn_descriptor_of(to), kdnn_lib.engine,
      step->attributes);
  return kdnn_finish(step, chosen, DNNL_ARG_FROM, 0, 0, DNNL_ARG_TO);
}

void kdnn_step_destroy(kdnn_step *step) {
  if (step->primitive) kdnn_lib.dnnl_primitive_destroy(step->primitive);
  if (step->description) kdnn_lib.dnnl_primitive_desc_destroy(step->description);
  drop_attributes(step);
  free(step);
}

int kdnn_step_layout(const kdnn_step *step, kdnn_argument argument, kdnn_layout *layout) {
  int other = (int)argument - kdnn_argument_other;
  *layout = other < 0 ? step->layouts[argument] : step->others[other].layout;
  return 1;
}

size_t kdnn_step_scratch(const kdnn_step *step) { return step->scratch_byte_count; }

const char *kdnn_step_name(const kdnn_step *step) {
  const char *name = "";
  kdnn_lib.dnnl_primitive_desc_query(step->description, dnnl_query_impl_info_str, 0, &name);
  return name;
}

// MARK: - Running

/// The arguments of one run, on its own stack: a step itself never changes.
struct arguments {
  int count;
  dnnl_exec_arg_t items[5 + KDNN_MAX_OTHERS];
};

static int add(struct arguments *all, int argument, const kdnn_layout *layout, const void *bytes) {
  if (!argument) return 1;
  dnnl_exec_arg_t *item = &all->items[all->count];
  item->arg = argument;
  kdnn_descriptor descriptor = kdnn_descriptor_of(layout);
  if (kdnn_lib.dnnl_memory_create(&item->memory, descriptor, kdnn_lib.engine, (void *)bytes) != dnnl_success) return 0;
  all->count++;
  return 1;
}

static dnnl_stream_t stream(void) {
  static _Thread_local dnnl_stream_t own;
  if (!own && kdnn_lib.dnnl_stream_create(&own, kdnn_lib.engine, dnnl_stream_default_flags) != dnnl_success) own = NULL;
  return own;
}

int kdnn_step_run(
    const kdnn_step *step, const void *x, const void *kernel, const void *bias, void *y, const void *const *others,
    void *scratch) {
  struct arguments all = {0};
  int is_ready = add(&all, step->x, &step->layouts[0], x) && add(&all, step->kernel, &step->layouts[1], kernel) &&
                add(&all, step->bias, &step->layouts[2], bias) && add(&all, step->y, &step->layouts[3], y);
  for (int i = 0; is_ready && i < step->other_count; i++) {
    is_ready = add(&all, step->others[i].argument, &step->others[i].layout, others[i]);
  }
  if (is_ready && step->scratch_byte_count) is_ready = add(&all, DNNL_ARG_SCRATCHPAD, &step->scratch, scratch);
  dnnl_stream_t queue = stream();
  is_ready = is_ready && queue &&
            kdnn_lib.dnnl_primitive_execute(step->primitive, queue, all.count, all.items) == dnnl_success;
  for (int i = 0; i < all.count; i++) kdnn_lib.dnnl_memory_destroy(all.items[i].memory);
  return is_ready;
}

int kdnn_sgemm(
    int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
    int64_t ldb, float *c, int64_t ldc) {
  return kdnn_lib.dnnl_sgemm('N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, 0, c, ldc) == dnnl_success;
}

#else

// Built without oneDNN: it is never there, and nothing else is ever called.

struct kdnn_step {
  int unused;
};

int kdnn_load(void) { return 0; }
void kdnn_set_threads(int count) {}
int kdnn_has_pool(void) { return 0; }
void kdnn_parallel(int count, void (*body)(void *, int), void *context) {
  for (int i = 0; i < count; i++) body(context, i);
}
void kdnn_team(int count, void (*body)(void *, int, int), void *context) { body(context, 0, 1); }
int kdnn_layout_init(kdnn_layout *layout, int rank, const int64_t *sizes, const int64_t *strides) { return 0; }
size_t kdnn_layout_byte_count(const kdnn_layout *layout) { return 0; }
int kdnn_layout_is_equal(const kdnn_layout *a, const kdnn_layout *b) { return 0; }
kdnn_step *kdnn_convolution_create(const kdnn_convolution *convolution) { return NULL; }
kdnn_step *kdnn_pooling_create(const kdnn_pooling *pooling) { return NULL; }
kdnn_step *kdnn_product_create(const kdnn_product *product) { return NULL; }
kdnn_step *kdnn_reorder_create(const kdnn_layout *from, const kdnn_layout *to) { return NULL; }
kdnn_step *kdnn_unary_create(kdnn_function function, float alpha, float beta, const kdnn_layout *x) { return NULL; }
kdnn_step *kdnn_binary_create(
    kdnn_binary_function function, const kdnn_layout *x, const kdnn_layout *y, const kdnn_layout *z) {
  return NULL;
}
kdnn_step *kdnn_softmax_create(const kdnn_layout *x, int axis) { return NULL; }
kdnn_step *kdnn_layer_norm_create(const kdnn_layout *x, const kdnn_layout *statistics, float epsilon) { return NULL; }
kdnn_step *kdnn_recurrent_create(const kdnn_recurrent *recurrent) { return NULL; }
void kdnn_step_destroy(kdnn_step *step) {}
int kdnn_step_layout(const kdnn_step *step, kdnn_argument argument, kdnn_layout *layout) { return 0; }
size_t kdnn_step_scratch(const kdnn_step *step) { return 0; }
const char *kdnn_step_name(const kdnn_step *step) { return ""; }
int kdnn_step_run(
    const kdnn_step *step, const void *x, const void *kernel, const void *bias, void *y, const void *const *others,
    void *scratch) {
  return 0;
}
int kdnn_sgemm(
    int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
    int64_t ldb, float *c, int64_t ldc) {
  return 0;
}

#endif
