#include "command.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "callback.h"
#include "descriptor.h"
#include "poll.h"
#include "stderr_relay.h"

extern char** environ;

namespace knockd {
namespace {

// How often to check whether a command without a pidfd has ended.
constexpr uint64_t kLookMs = 20;

// A command that runs. It owns itself until OnEvent has reaped it.
struct Running {
  pid_t pid;
  std::unique_ptr<StderrRelay> relay;
  Napi::FunctionReference on_end;
  // The poll ends before the descriptor: members are destroyed in reverse order.
  Descriptor pidfd;
  Poll poll;
  LoopTimer timer;  // used without a pidfd, or if it cannot be polled: the command runs and must not be forgotten
};

void OnEvent(void* pointer) {
  Running* running = static_cast<Running*>(pointer);
  int status = 0;
  pid_t reaped;
  do reaped = waitpid(running->pid, &status, WNOHANG);
  while (reaped < 0 && errno == EINTR);
  if (reaped == 0) return;  // not yet: there will be another event
  const std::unique_ptr<Running> ended(running);
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  const std::string wrote = ended->relay ? StderrRelay::Finish(std::move(ended->relay)) : "";
  const Napi::Env env = ended->on_end.Env();
  const Napi::HandleScope scope(env);
  CallBack(env.Global(), ended->on_end.Value(),
           {Napi::Number::New(env, code), Napi::Buffer<char>::Copy(env, wrote.data(), wrote.size())});
}

Descriptor OpenPidfd(pid_t pid) { return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

// libuv makes pipes non-blocking for every process that shares them. A program that writes much would lose output.
void MakeStandardStreamsBlocking() {
  for (int fd = 0; fd <= 2; fd++) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

// A file that another user has left at this path is neither followed nor taken for a marker.
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

// The words of a program's command line, the first of them its file.
using Words = std::vector<std::string>;

// posix_spawn, which shares our memory until the program is there: fork, as in Node's own spawn, takes eight times as
// long with a process of this size. 0, or errno.
int Spawn(const Words& words, const std::string& marker, int standard_error, pid_t* pid) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&actions);
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);  // Node ignores SIGPIPE: a shell's pipelines must not
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  // Duplicate them onto themselves: that removes the close-on-exec flag, which Node has set on these, too.
  for (int fd = 0; fd <= 1; fd++) posix_spawn_file_actions_adddup2(&actions, fd, fd);
  posix_spawn_file_actions_adddup2(&actions, standard_error, STDERR_FILENO);
  // The new process makes the file. So the file exists exactly if that process does, even if this one dies meanwhile.
  if (!marker.empty()) posix_spawn_file_actions_addopen(&actions, 3, marker.c_str(), kNewFile, 0600);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int error = posix_spawn(pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

// The PWD that a shell would set: our current directory, not the one in which knockd was started.
void SetWorkingDirectory() {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) != nullptr) setenv("PWD", path, 1);
}

// Reads [[file, argument, …], …]. Empty if the value is anything else.
std::vector<Words> ArgvCandidates(const Napi::Value& value) {
  std::vector<Words> candidates;
  if (!value.IsArray()) return candidates;
  const Napi::Array given = value.As<Napi::Array>();
  for (uint32_t i = 0; i < given.Length(); i++) {
    const Napi::Value argv = given[i];
    if (!argv.IsArray() || argv.As<Napi::Array>().Length() == 0) return {};
    Words words;
    for (uint32_t j = 0; j < argv.As<Napi::Array>().Length(); j++) {
      words.push_back(argv.As<Napi::Array>().Get(j).ToString().Utf8Value());
    }
    candidates.push_back(std::move(words));
  }
  return candidates;
}

}  // namespace

bool CanRunCommand() { return static_cast<bool>(OpenPidfd(getpid())); }

Napi::Value RunCommand(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::vector<Words> candidates = ArgvCandidates(info[0]);
  if (candidates.empty() || !info[1].IsString() || !info[2].IsFunction()) {
    throw Napi::TypeError::New(env, "runCommand takes command lines, a string and a function");
  }
  const std::string marker = info[1].As<Napi::String>().Utf8Value();
  uv_loop_t* loop = EventLoop(env);

  auto running = std::make_unique<Running>();
  running->on_end = Napi::Persistent(info[2].As<Napi::Function>());
  // Before the command starts, there must be room for its pidfd. This descriptor keeps a place free.
  Descriptor place = OpenPidfd(getpid());
  if (!place) throw Napi::Error::New(env, strerror(errno));
  MakeStandardStreamsBlocking();
  SetWorkingDirectory();
  running->relay = StderrRelay::Open(loop);
  const int standard_error = running->relay ? running->relay->command_end() : STDERR_FILENO;
  int error = -1;
  for (size_t i = 0; error != 0 && i < candidates.size(); i++)
    error = Spawn(candidates[i], marker, standard_error, &running->pid);
  // A full disk must not keep a door open.
  if (error != 0 && !marker.empty()) error = Spawn(candidates.back(), "", standard_error, &running->pid);
  place.Reset();
  if (error != 0) {
    // The marker says that the command was started. A process that has failed after making it may have left it.
    if (!marker.empty()) unlink(marker.c_str());
    throw Napi::Error::New(env, strerror(error));
  }
  // From here on nothing may fail, because the command runs. Its pid stays valid until OnEvent has waited for it.
  running->pidfd = OpenPidfd(running->pid);
  if (!running->pidfd || running->poll.Open(loop, running->pidfd.Get(), running.get(), OnEvent) != 0) {
    running->timer.Open(loop, running.get(), OnEvent);
    running->timer.Start(kLookMs, kLookMs);
  }
  return Napi::Number::New(env, running.release()->pid);  // OnEvent deletes it
}

}  // namespace knockd
