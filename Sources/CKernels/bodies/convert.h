// Conversions of 16-bit floating-point numbers by their bits, without branches, so that they become vector code.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t any_u32 __attribute__((aligned(1)));
typedef uint16_t any_u16 __attribute__((aligned(1)));

void NAME(ck_float_to_half)(const void *x, void *y, size_t count) {
  const any_u32 *from = x;
  any_u16 *to = y;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = from[i], size = bits & 0x7fffffff;
    float value;
    memcpy(&value, &size, sizeof value);
    // Adding 0.5 aligns the last fraction bit with binary16's and rounds to nearest even.
    value += 0.5f;
    uint32_t small;
    memcpy(&small, &value, sizeof small);
    uint32_t result = (size + 0xfff + ((size >> 13) & 1) - (112u << 23)) >> 13;
    result = size < 0x38800000 ? small - 0x3f000000 : result;
    result = size >= 0x477ff000 ? 0x7c00 : result;
    result = size > 0x7f800000 ? 0x7e00 : result;
    to[i] = (uint16_t)(result | (bits >> 16 & 0x8000));
  }
}

void NAME(ck_half_to_float)(const void *x, void *y, size_t count) {
  const any_u16 *from = x;
  any_u32 *to = y;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = from[i], exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
    float value = (float)(int32_t)fraction * 0x1p-24f;
    uint32_t result;
    memcpy(&result, &value, sizeof result);
    result = exponent != 0 ? (exponent + 112) << 23 | fraction << 13 : result;
    result = exponent == 31 ? 0x7f800000 | fraction << 13 : result;
    to[i] = result | (bits & 0x8000) << 16;
  }
}

void NAME(ck_float_to_bfloat)(const void *x, void *y, size_t count) {
  const any_u32 *from = x;
  any_u16 *to = y;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = from[i], rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    to[i] = (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : rounded);
  }
}

void NAME(ck_bfloat_to_float)(const void *x, void *y, size_t count) {
  const any_u16 *from = x;
  any_u32 *to = y;
  for (size_t i = 0; i < count; i++) to[i] = (uint32_t)from[i] << 16;
}
