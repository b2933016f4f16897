#include "lockdown.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "syscall_filter.h"

namespace knockd {
namespace {

// Missing in older headers. Without this flag, kernels before Linux 5.16 slow down all of our code, as a defence
// against untrusted code in a sandbox.
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

[[noreturn]] void Fail(Napi::Env env, const std::string& what, int error) {
  throw Napi::Error::New(env, what + ": " + strerror(error));
}

void FilterSystemCalls(Napi::Env env) {
  std::vector<sock_filter> filter = SyscallFilter();
  if (filter.empty()) throw Napi::Error::New(env, "the system calls of this processor are not known");
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail(env, "PR_SET_NO_NEW_PRIVS", errno);
  constexpr unsigned long kAllThreads = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  // Above 0 would mean that a thread has a filter of its own. None of ours has.
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kAllThreads, &program);
  if (result != 0) Fail(env, "seccomp", result < 0 ? errno : EBUSY);
}

// capset(2) works for the calling thread alone, and Node has threads before it runs any code of ours. Each thread must
// call it, so each gets a signal. One of them (Node's for SIGUSR1) blocks every signal that a program may block. So it
// is the signal by which libc itself makes all threads call setuid(2): libc never blocks that one.
constexpr int kSetxidSignal = 33;
// How often to repeat this, because threads begin and end meanwhile.
constexpr int kMaxPasses = 1000;
constexpr timespec kPause{0, 1000000};

// libc hides this signal from sigaction(3). What the system call takes, on the processors of syscall_filter.cc.
struct KernelAction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask[sizeof(uint64_t) / sizeof(long)];  // not one uint64_t: ARM would align it otherwise
};

long SetAction(const KernelAction* action, KernelAction* old) {
  return syscall(SYS_rt_sigaction, kSetxidSignal, action, old, sizeof action->mask);
}

std::atomic<uint64_t> kept{0};

// In a signal handler: system calls only.
void DropCapabilities(int) {
  const int error = errno;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, halves) == 0) {
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
      halves[i].permitted &= static_cast<uint32_t>(kept.load() >> (32 * i));
      halves[i].effective = halves[i].permitted;
      halves[i].inheritable = 0;
    }
    syscall(SYS_capset, &header, halves);
  }
  errno = error;
}

std::vector<pid_t> Threads() {
  std::vector<pid_t> threads;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir("/proc/self/task"), closedir);
  if (!listing) return threads;
  while (const dirent* entry = readdir(listing.get())) {
    const pid_t thread = atoi(entry->d_name);  // "." and ".." become 0
    if (thread > 0) threads.push_back(thread);
  }
  return threads;
}

// A thread that has ended has none.
bool HasMore(pid_t thread) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, 7, "CapPrm:") == 0) return (strtoull(line.c_str() + 7, nullptr, 16) & ~kept.load()) != 0;
  }
  return false;
}

// True if no thread has more capabilities than it should. Otherwise signals those that have.
bool Pass(const std::vector<pid_t>& threads) {
  bool done = true;
  for (const pid_t thread : threads) {
    if (!HasMore(thread)) continue;
    done = false;
    syscall(SYS_tgkill, getpid(), thread, kSetxidSignal);
  }
  return done;
}

void KeepCapabilities(Napi::Env env, uint64_t capabilities) {
  kept = capabilities;
  if (Threads().empty()) throw Napi::Error::New(env, "capabilities: /proc is missing");
  KernelAction libcs{};
  if (SetAction(nullptr, &libcs) != 0 || libcs.handler == nullptr) {
    throw Napi::Error::New(env, "capabilities: libc handles no signal 33");
  }
  KernelAction ours = libcs;
  ours.handler = DropCapabilities;
  if (SetAction(&ours, nullptr) != 0) Fail(env, "capabilities", errno);
  // The second pass finds a thread that began during the first one with more capabilities than it should have.
  int clean = 0;
  for (int passes = 0; clean < 2 && passes < kMaxPasses; passes++) {
    clean = Pass(Threads()) ? clean + 1 : 0;
    if (clean == 0) nanosleep(&kPause, nullptr);
  }
  SetAction(&libcs, nullptr);
  if (clean < 2) throw Napi::Error::New(env, "capabilities: a thread keeps more");
}

}  // namespace

void LockDown(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray()) throw Napi::TypeError::New(env, "lockDown takes an array of capabilities");
  const Napi::Array capabilities = info[0].As<Napi::Array>();
  uint64_t bits = 0;
  for (uint32_t i = 0; i < capabilities.Length(); i++) {
    bits |= uint64_t{1} << (capabilities.Get(i).ToNumber().Uint32Value() & 63);
  }
  FilterSystemCalls(env);
  KeepCapabilities(env, bits);
}

}  // namespace knockd
