// Gives memory back to the system. Declared and documented in src/platform/native.ts.
#pragma once

#include <napi.h>

namespace knockd {

void ReleaseUnusedMemory(const Napi::CallbackInfo& info);
void ZeroAndRelease(const Napi::CallbackInfo& info);

}  // namespace knockd
