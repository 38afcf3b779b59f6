// Copies of elements in another order, and between the floating-point types. Pointers may be unaligned; no two of them
// alias.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Writes `count` elements of a strided view from element `first` on, in row-major order of `sizes`.
///
/// One step along an axis is `strides` elements of `source`, which points at the view's first element. Elements have
/// 1, 2, 4 or 8 bytes. Blocked for the cache where the innermost axis is not the one that lies together in `source`.
void ck_copy_strided(
    const void *source, size_t width, size_t rank, const ptrdiff_t *sizes, const ptrdiff_t *strides, size_t first,
    size_t count, void *target);

/// Puts the bytes of each element together: `target[e * width + b] = source[b * count + e]`.
void ck_unshuffle(const uint8_t *source, size_t width, size_t count, uint8_t *target);

/// To IEEE's binary16 and back, and to bfloat16 and back; to nearest, ties to even, NaN stays NaN.
void ck_float_to_half(const void *x, void *y, size_t count);
void ck_half_to_float(const void *x, void *y, size_t count);
void ck_float_to_bfloat(const void *x, void *y, size_t count);
void ck_bfloat_to_float(const void *x, void *y, size_t count);
