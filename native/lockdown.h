// Gives up, for good, the rights that this process needs only to run commands.
#pragma once

#include <napi.h>

namespace knockd {

// lockDown(capabilities: number[]): what it does is in src/platform/native.ts.
void LockDown(const Napi::CallbackInfo& info);

}  // namespace knockd
