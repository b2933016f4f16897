// Gives memory back to the system. Declared and documented in src/platform/native.ts.
#pragma once

#include <napi.h>

namespace knockd {

// Gives each block of 128 KB or more a mapping of its own. glibc does so only until a larger block has been freed
// (mallopt(3)), and the files that Node reads at the start are larger. After that, glibc would fill our tables, which
// are mostly empty, with zeros: three megabytes.
void KeepBuffersApart();
void ReleaseUnusedMemory(const Napi::CallbackInfo& info);
void ZeroAndRelease(const Napi::CallbackInfo& info);

}  // namespace knockd
