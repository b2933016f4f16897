// Lock files: two daemons must not serve the same doors.
#pragma once

#include <napi.h>

namespace knockd {

// lock(path: string): what it does is in src/platform/native.ts.
Napi::Value Lock(const Napi::CallbackInfo& info);

}  // namespace knockd
