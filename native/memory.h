// Gives memory back to the system. Declared and documented in src/platform/native.ts.
#pragma once

#include <napi.h>

namespace knockd {

// Gives each block from 128 KB on a mapping of its own, as glibc does until a larger one has been freed (mallopt(3)). The
// files that Node reads at the start are larger; afterwards our tables, which are mostly empty, would be written full of
// zeros: three megabytes.
void KeepBuffersApart();
void ReleaseUnusedMemory(const Napi::CallbackInfo& info);
void ZeroAndRelease(const Napi::CallbackInfo& info);

}  // namespace knockd
