#include "lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "descriptor.h"

namespace knockd {
namespace {

Napi::Value Answer(Napi::Env env, const char* name, int number) {
  Napi::Object answer = Napi::Object::New(env);
  answer[name] = Napi::Number::New(env, number);
  return answer;
}

// Only for our user: another user who could open it could hold the lock and keep the daemon from starting.
bool IsTrusted(int fd) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return false;
  return S_ISREG(file.st_mode) && (file.st_uid == 0 || file.st_uid == geteuid()) && (file.st_mode & 0022) == 0;
}

}  // namespace

Napi::Value Lock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].ToString().Utf8Value();
  for (;;) {
    Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!file) throw Napi::Error::New(env, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    if (!IsTrusted(file.Get())) throw Napi::Error::New(env, "other users can write it");
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (fcntl(file.Get(), F_SETLK, &lock) == 0) {
      // The previous holder may have removed the file between our opening it and locking it.
      struct stat ours {
      }, there{};
      const bool same = fstat(file.Get(), &ours) == 0 && stat(path.c_str(), &there) == 0 &&
                        ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
      if (same) return Answer(env, "descriptor", file.Release());  // open, and so locked
      continue;
    }
    const int error = errno;
    const bool held = error == EACCES || error == EAGAIN;
    const bool told = held && fcntl(file.Get(), F_GETLK, &lock) == 0;
    if (!held) throw Napi::Error::New(env, strerror(error));
    if (told && lock.l_type == F_UNLCK) continue;  // it has just been released
    return Answer(env, "holder", told && lock.l_pid > 0 ? lock.l_pid : 0);
  }
}

}  // namespace knockd
