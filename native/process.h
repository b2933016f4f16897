// What a daemon does to its own process and Node cannot do.
#pragma once

#include <napi.h>

namespace knockd {

// Marks every descriptor above 2 close-on-exec. libpcap opens its socket and an eventfd without the flag, and has no
// call that returns the eventfd; 0.8 leaks both into every command it runs.
void CloseOnExec();

// nameProcess(name: string, index: number, count: number): what others see of this process. Its short name (ps -C,
// pgrep -x, killall) is `name`, and its command line (pgrep -f, pidof, monit) goes without `count` words behind the
// first `index`, which are Node's.
void NameProcess(const Napi::CallbackInfo& info);

// detach(): standard input, output and error become /dev/null and the working directory /, as a daemon's are.
// Throws an Error in the system's words.
void Detach(const Napi::CallbackInfo& info);

// isClockSet(): boolean. Does a program (chrony, systemd-timesyncd, ntpd) keep the kernel's clock synchronised?
Napi::Value IsClockSet(const Napi::CallbackInfo& info);

// exitNow(status: number): _exit(2). Node's own exit waits for its threads, and one that asks a dead name server takes
// ten seconds.
void ExitNow(const Napi::CallbackInfo& info);

}  // namespace knockd
