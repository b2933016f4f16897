// Messages to systemd (sd_notify(3)), without libsystemd and without a process.
#pragma once

#include <napi.h>

namespace knockd {

// notify(socket: string, text: string): boolean, see src/platform/native.ts.
Napi::Value Notify(const Napi::CallbackInfo& info);

}  // namespace knockd
