#include "command.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "complaint.h"

extern char** environ;

namespace knockd {
namespace {

// How often to look whether a command has ended that has no descriptor to say so.
constexpr uint64_t kLookMs = 20;

// A command that runs. Lives until libuv has closed its handle.
struct Running {
  union {
    uv_handle_t handle;
    uv_poll_t poll;    // of its pidfd
    uv_timer_t timer;  // where no pidfd can be had, or polled: the command runs by then, and must not be forgotten
  };
  pid_t pid;
  int pidfd;
  Complaint::Pointer complaint;
  Napi::FunctionReference on_end;
};

void ReapIfEnded(Running* running) {
  int status = 0;
  pid_t reaped;
  do reaped = waitpid(running->pid, &status, WNOHANG);
  while (reaped < 0 && errno == EINTR);
  if (reaped == 0) return;  // not yet: the handle calls again
  uv_close(&running->handle, [](uv_handle_t* handle) {
    Running* done = static_cast<Running*>(handle->data);
    if (done->pidfd >= 0) close(done->pidfd);
    delete done;
  });
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  const std::string wrote = running->complaint ? Complaint::Take(std::move(running->complaint)) : "";
  const Napi::Env env = running->on_end.Env();
  const Napi::HandleScope scope(env);
  const napi_value arguments[] = {Napi::Number::New(env, code),
                                  Napi::Buffer<char>::Copy(env, wrote.data(), wrote.size())};
  napi_value result;
  if (napi_make_callback(env, nullptr, env.Global(), running->on_end.Value(), 2, arguments, &result) ==
      napi_pending_exception) {
    napi_value error;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
}

void OnPolled(uv_poll_t* poll, int, int) { ReapIfEnded(static_cast<Running*>(poll->data)); }

void OnTimer(uv_timer_t* timer) { ReapIfEnded(static_cast<Running*>(timer->data)); }

int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// libuv makes pipes non-blocking, for all who share them: a program that writes much would lose it.
void MakeStandardStreamsBlocking() {
  for (int fd = 0; fd <= 2; fd++) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

// What another user has left at that path is neither followed nor taken for a marker.
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
  // Onto themselves: that takes off the close-on-exec flag, which Node has put on these too.
  for (int fd = 0; fd <= 1; fd++) posix_spawn_file_actions_adddup2(&actions, fd, fd);
  posix_spawn_file_actions_adddup2(&actions, standard_error, STDERR_FILENO);
  // In the new process: the file is there exactly when it is, whatever becomes of this one meanwhile.
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

// What a shell tells its programs: our directory of now, not the one in which we were started.
void SetWorkingDirectory() {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) != nullptr) setenv("PWD", path, 1);
}

// [[file, argument, …], …]; empty when it is anything else.
std::vector<Words> Ways(const Napi::Value& value) {
  std::vector<Words> ways;
  if (!value.IsArray()) return ways;
  const Napi::Array given = value.As<Napi::Array>();
  for (uint32_t i = 0; i < given.Length(); i++) {
    const Napi::Value way = given[i];
    if (!way.IsArray() || way.As<Napi::Array>().Length() == 0) return {};
    Words words;
    for (uint32_t j = 0; j < way.As<Napi::Array>().Length(); j++) {
      words.push_back(way.As<Napi::Array>().Get(j).ToString().Utf8Value());
    }
    ways.push_back(std::move(words));
  }
  return ways;
}

}  // namespace

bool CanRunCommand() {
  const int own = OpenPidfd(getpid());
  if (own >= 0) close(own);
  return own >= 0;
}

Napi::Value RunCommand(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::vector<Words> ways = Ways(info[0]);
  if (ways.empty() || !info[1].IsString() || !info[2].IsFunction()) {
    throw Napi::TypeError::New(env, "runCommand takes command lines, a string and a function");
  }
  const std::string marker = info[1].As<Napi::String>().Utf8Value();
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env, "no event loop");

  auto running = std::make_unique<Running>();
  running->on_end = Napi::Persistent(info[2].As<Napi::Function>());
  // The descriptor by which the end is seen must be there before there is a command: this one keeps its place.
  const int place = OpenPidfd(getpid());
  if (place < 0) throw Napi::Error::New(env, strerror(errno));
  MakeStandardStreamsBlocking();
  SetWorkingDirectory();
  running->complaint = Complaint::Open(loop);
  const int standard_error = running->complaint ? running->complaint->command_end() : STDERR_FILENO;
  int error = -1;
  for (size_t i = 0; error != 0 && i < ways.size(); i++) error = Spawn(ways[i], marker, standard_error, &running->pid);
  // A full disk keeps no door open.
  if (error != 0 && !marker.empty()) error = Spawn(ways.back(), "", standard_error, &running->pid);
  close(place);
  if (error != 0) {
    // The file says that the command has been started. A process that got no further may have made it all the same.
    if (!marker.empty()) unlink(marker.c_str());
    throw Napi::Error::New(env, strerror(error));
  }
  // From here on nothing may fail: the command runs. Its pid stays its own until ReapIfEnded has waited for it.
  running->pidfd = OpenPidfd(running->pid);
  if (running->pidfd >= 0 && uv_poll_init(loop, &running->poll, running->pidfd) == 0) {
    uv_poll_start(&running->poll, UV_READABLE, OnPolled);
  } else {
    uv_timer_init(loop, &running->timer);
    uv_timer_start(&running->timer, OnTimer, kLookMs, kLookMs);
  }
  running->handle.data = running.get();
  return Napi::Number::New(env, running.release()->pid);  // ReapIfEnded's from now on
}

}  // namespace knockd
