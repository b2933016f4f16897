// Bytes from JavaScript: a Uint8Array, which a Buffer is, too.
#pragma once

#include <napi.h>

namespace knockd {

inline bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

}  // namespace knockd
