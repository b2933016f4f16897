// Memory that start-up has left behind. Declared and documented in src/platform/native.ts.
#pragma once

#include <napi.h>

namespace knockd {

void GiveBack(const Napi::CallbackInfo& info);
void Clear(const Napi::CallbackInfo& info);

}  // namespace knockd
