#include "syscall_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace knockd {
namespace {

// A process can also make system calls of another architecture, which have other numbers.
#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr uint32_t kFirstForeign = 0x40000000;  // x32
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr uint32_t kFirstForeign = 0;  // none
#elif defined(__arm__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_ARM;
constexpr uint32_t kFirstForeign = 0;
#elif defined(__i386__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_I386;
constexpr uint32_t kFirstForeign = 0;
#else
constexpr uint32_t kArchitecture = 0;  // not known
constexpr uint32_t kFirstForeign = 0;
#endif

// Newer than some headers. From 424 on, numbers are the same on all architectures.
constexpr uint32_t kIoUringSetup = 425, kOpenTree = 428, kMoveMount = 429, kFsopen = 430, kFsconfig = 431,
                   kFsmount = 432, kFspick = 433, kClone3 = 435, kPidfdGetfd = 438, kProcessMadvise = 440,
                   kMountSetattr = 442, kOpenTreeAttr = 467;

// These get EPERM. Calls that need a capability, such as setting the clock, are left out: the daemon has dropped it.
constexpr uint32_t kDenied[] = {
    // Start a program. Without them there is no shell, even if an attacker's code runs in here.
    SYS_execve,
    SYS_execveat,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
    // Read, write or control other processes.
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    kPidfdGetfd,
    kProcessMadvise,
    // Make paths lead to other files.
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    kOpenTree,
    kOpenTreeAttr,
    kMoveMount,
    kFsopen,
    kFsconfig,
    kFsmount,
    kFspick,
    kMountSetattr,
    SYS_unshare,
    SYS_setns,
    // Open files to which the caller has no path.
    SYS_open_by_handle_at,
    // Run code in the kernel, or another kernel.
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
    SYS_reboot,
    SYS_bpf,
    SYS_perf_event_open,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
    // Parts of the kernel that attackers have often used, and that neither Node nor we need. A ring of io_uring also
    // makes system calls that no filter sees.
    SYS_userfaultfd,
    kIoUringSetup,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,  // starts a program as root
    // Become another user.
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
    SYS_setfsuid,
    SYS_setfsgid,
#ifdef SYS_setuid32
    SYS_setuid32,
    SYS_setgid32,
    SYS_setreuid32,
    SYS_setregid32,
    SYS_setresuid32,
    SYS_setresgid32,
    SYS_setgroups32,
    SYS_setfsuid32,
    SYS_setfsgid32,
#endif
    // Turn off what makes memory hard to attack.
    SYS_personality,
};

// Types into the terminal from which the daemon was started: root's shell would run that.
constexpr uint32_t kDeniedIoctls[] = {TIOCSTI, TIOCLINUX};

#define KNOCKD_FIELD(name) static_cast<uint32_t>(offsetof(seccomp_data, name))

class Assembler {
 public:
  void Load(uint32_t offset) { Add(BPF_LD | BPF_W | BPF_ABS, offset); }
  void Return(uint32_t action) { Add(BPF_RET | BPF_K, action); }
  // The next `count` instructions belong to the condition.
  void IfEqual(uint32_t value, uint8_t count = 1) { Jump(BPF_JEQ, value, 0, count); }
  void IfNotEqual(uint32_t value) { Jump(BPF_JEQ, value, 1, 0); }
  void IfAtLeast(uint32_t value) { Jump(BPF_JGE, value, 0, 1); }
  void IfAnyBit(uint32_t bits) { Jump(BPF_JSET, bits, 0, 1); }

  std::vector<sock_filter> program;

 private:
  void Add(uint16_t code, uint32_t k) { program.push_back({code, 0, 0, k}); }
  void Jump(uint16_t test, uint32_t k, uint8_t if_true, uint8_t if_false) {
    program.push_back({static_cast<uint16_t>(BPF_JMP | test | BPF_K), if_true, if_false, k});
  }
};

constexpr uint32_t Errno(int error) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error); }

}  // namespace

std::vector<sock_filter> SyscallFilter() {
  if (kArchitecture == 0) return {};
  // None of our code does this, so it is an attack.
  constexpr uint32_t kForeign = SECCOMP_RET_KILL_PROCESS;
  // The low half of a 64-bit argument: all of these processors are little-endian.
  constexpr uint32_t kFlags = KNOCKD_FIELD(args[0]), kRequest = KNOCKD_FIELD(args[1]);

  Assembler filter;
  filter.Load(KNOCKD_FIELD(arch));
  filter.IfNotEqual(kArchitecture);
  filter.Return(kForeign);
  filter.Load(KNOCKD_FIELD(nr));
  if (kFirstForeign != 0) {
    filter.IfAtLeast(kFirstForeign);
    filter.Return(kForeign);
  }
  for (const uint32_t number : kDenied) {
    filter.IfEqual(number);
    filter.Return(Errno(EPERM));
  }
  // Allow threads, but no processes. A filter cannot see the arguments of clone3, which are in memory. libc falls back
  // to clone.
  filter.IfEqual(kClone3);
  filter.Return(Errno(ENOSYS));
  filter.IfEqual(SYS_clone, 4);
  filter.Load(kFlags);
  filter.IfAnyBit(CLONE_THREAD);
  filter.Return(SECCOMP_RET_ALLOW);
  filter.Return(Errno(EPERM));
  filter.IfEqual(SYS_ioctl, 1 + 2 * sizeof kDeniedIoctls / sizeof kDeniedIoctls[0]);
  filter.Load(kRequest);
  for (const uint32_t request : kDeniedIoctls) {
    filter.IfEqual(request);
    filter.Return(Errno(EPERM));
  }
  filter.Return(SECCOMP_RET_ALLOW);
  return filter.program;
}

}  // namespace knockd
