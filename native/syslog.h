// Lines to the system's log, through libc.
#pragma once

#include <napi.h>

namespace knockd {

// syslog(text: string): one line, identifier "knockd" without a pid, facility daemon, priority notice, as 0.8 writes
// it.
void WriteSyslog(const Napi::CallbackInfo& info);

}  // namespace knockd
