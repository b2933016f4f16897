// Sends lines to the system's log without libc. Its syslog(3) blocks while the log's reader is slow, and the daemon
// would miss packets.
#pragma once

#include <napi.h>

namespace knockd {

// syslog(text: string, time: number): "sent" | "full" | "absent", see src/platform/native.ts.
Napi::Value WriteSyslog(const Napi::CallbackInfo& info);

}  // namespace knockd
