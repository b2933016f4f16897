// Files by which two daemons do not get into each other's way.
#pragma once

#include <napi.h>

namespace knockd {

// lock(path: string): what it does is in src/platform/native.ts.
Napi::Value Lock(const Napi::CallbackInfo& info);

}  // namespace knockd
