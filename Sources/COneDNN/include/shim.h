// What kconvert uses of oneDNN, behind plain structs: no header of the library is needed to include this one, and the
// library itself is loaded when the first plan asks for it.
//
// All tensors are float32. Functions return 0 (or NULL) when the library is missing or cannot do what is asked.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { KDNN_MAX_RANK = 6, KDNN_MAX_POSTS = 4, KDNN_MAX_OTHERS = 6 };

/// Sizes and the order of elements in memory: the library's own descriptor, whose bytes may be compared and kept.
typedef struct {
  uint64_t words[96];
} kdnn_layout;

/// A primitive prepared for operands of fixed layouts; may be run by several threads at once.
typedef struct kdnn_step kdnn_step;

/// Loads the library; 1 when it is there. Safe from several threads.
int kdnn_load(void);

/// The number of threads for everything that this thread prepares or runs from now on.
void kdnn_set_threads(int count);

/// 1 when the library is loaded and has threads of its own.
int kdnn_has_pool(void);

/// Calls `body(context, i)` for each i below `count`, spread over the library's threads; in order on this thread when
/// there are none.
void kdnn_parallel(int count, void (*body)(void *context, int index), void *context);

/// Calls `body(context, member, size)` on `count` of the library's threads at the same time; `size` is the number there
/// are, 1 when there are none but this.
void kdnn_team(int count, void (*body)(void *context, int member, int size), void *context);

/// The layout with these strides, in elements; `strides` NULL: whatever the primitive likes best.
int kdnn_layout_init(kdnn_layout *layout, int rank, const int64_t *sizes, const int64_t *strides);
/// The memory a tensor takes, padding included.
size_t kdnn_layout_byte_count(const kdnn_layout *layout);
int kdnn_layout_is_equal(const kdnn_layout *a, const kdnn_layout *b);

/// Functions of one element, of `alpha` and `beta` where they have any.
typedef enum {
  kdnn_relu,        // x above 0, else alpha * x
  kdnn_tanh,
  kdnn_elu,         // x above 0, else alpha * (exp(x) - 1)
  kdnn_square,
  kdnn_abs,
  kdnn_sqrt,
  kdnn_linear,      // alpha * x + beta
  kdnn_logistic,
  kdnn_exp,
  kdnn_gelu_tanh,
  kdnn_gelu_erf,
  kdnn_swish,       // x * logistic(alpha * x)
  kdnn_clip,        // into alpha ... beta
  kdnn_mish,
  kdnn_hardswish,
  kdnn_function_count
} kdnn_function;

typedef enum {
  kdnn_post_function,    // of the result
  kdnn_post_accumulate,  // what was in the result's memory before is added
  kdnn_post_add,         // another operand is added
  kdnn_post_multiply     // another operand is multiplied with
} kdnn_post_kind;

/// Something done to a result before it is stored.
typedef struct {
  kdnn_post_kind kind;
  kdnn_function function;
  float alpha, beta;
  /// Of the operand that is added or multiplied.
  kdnn_layout operand;
} kdnn_post;

typedef struct {
  int count;
  kdnn_post items[KDNN_MAX_POSTS];
} kdnn_posts;

typedef struct {
  /// `[N, C, space...]`, `[(G,) F, C, space...]`, `[F]`, `[N, F, space...]` in logical order.
  kdnn_layout x, kernel, bias, y;
  int has_bias, is_transposed, is_winograd;
  int64_t strides[3], dilations[3], before[3], after[3];
  kdnn_posts posts;
} kdnn_convolution;

typedef struct {
  kdnn_layout x, y;
  int is_maximum;
  int64_t kernel[3], strides[3], before[3], after[3];
} kdnn_pooling;

typedef struct {
  /// Equal ranks; leading sizes are equal or 1.
  kdnn_layout a, b, bias, y;
  int has_bias;
  kdnn_posts posts;
} kdnn_product;

/// Functions of two elements.
typedef enum { kdnn_add, kdnn_subtract, kdnn_multiply, kdnn_divide } kdnn_binary_function;

/// Recurrent cells with tanh and the logistic function, gates in Keras's order.
typedef enum { kdnn_lstm, kdnn_gru, kdnn_gru_reset_after } kdnn_cell;

typedef struct {
  kdnn_cell cell;
  int is_reversed;
  /// Whether the first step has states; zeros otherwise.
  int has_states;
  /// `[T, N, C]`, `[1, 1, C, G, U]`, `[1, 1, U, G, U]`, `[1, 1, G, U]` (one gate more for `kdnn_gru_reset_after`: the bias
  /// of the candidate's product with the state), `[1, 1, N, U]`, `[T, N, U]`.
  kdnn_layout x, kernel, recurrent_kernel, bias, state, y;
} kdnn_recurrent;

/// What `kdnn_step_layout` tells of; `kdnn_argument_other` and what follows: the operands behind y.
typedef enum {
  kdnn_argument_x,
  kdnn_argument_kernel,
  kdnn_argument_bias,
  kdnn_argument_y,
  kdnn_argument_other
} kdnn_argument;

kdnn_step *kdnn_convolution_create(const kdnn_convolution *convolution);
kdnn_step *kdnn_pooling_create(const kdnn_pooling *pooling);
kdnn_step *kdnn_product_create(const kdnn_product *product);
kdnn_step *kdnn_reorder_create(const kdnn_layout *from, const kdnn_layout *to);

// What this package has kernels of its own for, which are slow where it was built without optimisation.

/// A function of each element; y may be x.
kdnn_step *kdnn_unary_create(kdnn_function function, float alpha, float beta, const kdnn_layout *x);
/// `z = f(x, y)`, axes of y of size 1 repeated; the second operand is the step's kernel, z its y.
kdnn_step *kdnn_binary_create(
    kdnn_binary_function function, const kdnn_layout *x, const kdnn_layout *y, const kdnn_layout *z);
kdnn_step *kdnn_softmax_create(const kdnn_layout *x, int axis);
/// Along the last axis; the scale is the step's kernel, the shift its bias. `statistics`: the sizes of x but for the last.
kdnn_step *kdnn_layer_norm_create(const kdnn_layout *x, const kdnn_layout *statistics, float epsilon);
/// The operands behind y are the recurrent kernel, the last state h, of an LSTM c, and the first h and c where it has any.
kdnn_step *kdnn_recurrent_create(const kdnn_recurrent *recurrent);

void kdnn_step_destroy(kdnn_step *step);

/// The layout the primitive has chosen for an argument.
int kdnn_step_layout(const kdnn_step *step, kdnn_argument argument, kdnn_layout *layout);
/// Bytes of scratch memory that a run needs.
size_t kdnn_step_scratch(const kdnn_step *step);
/// The implementation's name, for profiles.
const char *kdnn_step_name(const kdnn_step *step);

/// Runs a step: x, kernel (or second factor), bias and y as the step has them, then the others in order.
/// An argument the step does not have is NULL.
int kdnn_step_run(
    const kdnn_step *step, const void *x, const void *kernel, const void *bias, void *y, const void *const *others,
    void *scratch);

/// `c[m, n] = alpha * a[m, k] . b[k, n]` with leading dimensions; `transpose_b`: b is `[n, k]`.
int kdnn_sgemm(
    int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
    int64_t ldb, float *c, int64_t ldc);
