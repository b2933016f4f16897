// A library to be preloaded: the code of an attacker inside a process. When the file $INJECTED.go is there, it tries in
// every thread to start /bin/sh, and in one of them what else gives more rights. It writes a line for each try to
// $INJECTED: who, what, and errno. A shell that does start writes "shell" there. With "foreign" in $INJECTED.go, it
// makes a system call in the way of another architecture instead.
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

// Ten minutes in all: no longer than any test.
constexpr int kMaxLooks = 30000;
constexpr timespec kPause{0, 20000000};

// No objects that are made before main(): Inject() comes first.
char results[256], command[300];
std::atomic<int> answered{0};

int Signal() { return SIGRTMIN + 10; }

void Tell(const char* who, const char* what, bool done) {
  const int error = done ? 0 : errno;
  char line[128];
  const int length = snprintf(line, sizeof line, "%s %s %d\n", who, what, error);
  const int file = open(results, O_WRONLY | O_CREAT | O_APPEND, 0600);
  (void)!write(file, line, static_cast<size_t>(length));
  close(file);
}

char* const* Argv() {
  static char shell[] = "/bin/sh", option[] = "-c";
  static char* argv[] = {shell, option, command, nullptr};
  return argv;
}

void Shell() { (void)syscall(SYS_execve, "/bin/sh", Argv(), environ); }

// Raw system calls only: it may be in a signal handler. A child that was made starts the shell in our place.
void StartShell(const char* who) {
  const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    Shell();
    _exit(0);
  }
  Tell(who, "fork", child > 0);
  (void)syscall(SYS_execveat, AT_FDCWD, "/bin/sh", Argv(), environ, 0);
  Tell(who, "execveat", false);
  Shell();
  Tell(who, "execve", false);
}

void OnSignal(int) {
  const int error = errno;
  StartShell(syscall(SYS_gettid) == getpid() ? "main" : "other");
  answered++;
  errno = error;
}

void TryAll(const char* who) {
  Tell(who, "system", system(command) == 0);
  pid_t pid;
  errno = posix_spawn(&pid, "/bin/sh", nullptr, nullptr, Argv(), environ);
  Tell(who, "posix_spawn", errno == 0);
  char parent[8];
  const iovec here{parent, sizeof parent}, there{nullptr, sizeof parent};
  Tell(who, "process_vm_readv", syscall(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0) >= 0);
  Tell(who, "ptrace", ptrace(PTRACE_SEIZE, getppid(), nullptr, nullptr) == 0);
  Tell(who, "mount", mount("none", "/nonexistent", "tmpfs", 0, nullptr) == 0);
  Tell(who, "unshare", unshare(CLONE_NEWUSER) == 0);
  Tell(who, "setuid", syscall(SYS_setuid, getuid()) == 0);
  Tell(who, "bpf", syscall(SYS_bpf, 0, nullptr, 0) == 0);
  Tell(who, "init_module", syscall(SYS_init_module, nullptr, 0, "") == 0);
  Tell(who, "userfaultfd", syscall(SYS_userfaultfd, 0) >= 0);
  Tell(who, "io_uring_setup", syscall(425, 1, nullptr) >= 0);
  Tell(who, "open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, nullptr, 0) >= 0);
  Tell(who, "clone3", syscall(435, nullptr, 0) >= 0);
  Tell(who, "tiocsti", ioctl(0, TIOCSTI, "x") == 0);
  StartShell(who);
}

void* Later(void*) {
  TryAll("later");
  return nullptr;
}

// One after the other, so that the answer is that thread's. One that blocks the signal gives none.
void TryInEachThread() {
  DIR* listing = opendir("/proc/self/task");
  while (const dirent* entry = readdir(listing)) {
    const int thread = atoi(entry->d_name);
    if (thread == 0 || thread == syscall(SYS_gettid)) continue;
    const int before = answered;
    syscall(SYS_tgkill, getpid(), thread, Signal());
    for (int looks = 0; answered == before && looks < 100; looks++) nanosleep(&kPause, nullptr);
    if (answered == before) Tell("blocked", "signal", true);
  }
  closedir(listing);
}

void* Wait(void*) {
  const std::string go = std::string(results) + ".go";
  for (int looks = 0; access(go.c_str(), F_OK) != 0; looks++) {
    if (looks == kMaxLooks) return nullptr;
    nanosleep(&kPause, nullptr);
  }
  char word[8] = "";
  FILE* file = fopen(go.c_str(), "r");
  (void)!fgets(word, sizeof word, file);
  fclose(file);
#ifdef __x86_64__
  if (strcmp(word, "foreign") == 0) syscall(0x40000000 | SYS_getpid);
#endif
  TryInEachThread();
  pthread_t later;
  pthread_create(&later, nullptr, Later, nullptr);
  pthread_join(later, nullptr);
  TryAll("waiting");
  Tell("all", "done", true);
  return nullptr;
}

__attribute__((constructor)) void Inject() {
  const char* path = getenv("INJECTED");
  if (path == nullptr) return;
  snprintf(results, sizeof results, "%s", path);
  snprintf(command, sizeof command, "echo shell >>%s", path);
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(Signal(), &action, nullptr);
  pthread_t waiting;
  pthread_create(&waiting, nullptr, Wait, nullptr);
}

}  // namespace
