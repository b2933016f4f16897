// Starts commands without copying this process, and reports how they ended.
#pragma once

#include <napi.h>

namespace knockd {

// False before Linux 5.3, or if pidfd_open is forbidden.
bool CanRunCommand();

// runCommand(candidates: string[][], marker: string, onEnd: (status: number, wrote: Buffer) => void): number: what it
// does is in src/platform/native.ts.
Napi::Value RunCommand(const Napi::CallbackInfo& info);

}  // namespace knockd
