// What JavaScript calls bytes: a Uint8Array, and so a Buffer.
#pragma once

#include <napi.h>

namespace knockd {

inline bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

}  // namespace knockd
