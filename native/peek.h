// Looks at the first bytes of an open file, a pipe or a socket, and leaves them there.
#pragma once

#include <napi.h>

namespace knockd {

// peek(descriptor: number, count: number): what it does is in src/platform/native.ts.
Napi::Value Peek(const Napi::CallbackInfo& info);

}  // namespace knockd
