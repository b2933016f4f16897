#include "syslog.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <string>

#include "unix_socket.h"

namespace knockd {
namespace {

constexpr const char* kPath = "/dev/log";
// journald cuts longer lines, too, and a datagram must fit into the socket's buffer.
constexpr size_t kMaxBytes = 48 * 1024;

enum class Outcome { kSent, kFull, kAbsent };

class SystemLog {
 public:
  Outcome Send(const std::string& line) {
    // Try twice: the first socket may belong to a syslogd that has been restarted since.
    for (const bool fresh : {!socket_, true}) {
      if (!socket_) {
        const int error = Open();
        if (error != 0) return error == EAGAIN ? Outcome::kFull : Outcome::kAbsent;
      }
      const Outcome outcome = Write(line);
      if (outcome == Outcome::kSent) return outcome;
      if (stream_ && outcome == Outcome::kFull) return outcome;  // a part of a line may have been sent
      socket_.Reset();  // at the next try, the path may lead to another syslogd
      if (fresh || outcome == Outcome::kFull) return outcome;
    }
    return Outcome::kAbsent;
  }

 private:
  // Like libc: a datagram socket, or the stream socket of some syslogds.
  int Open() {
    rest_.clear();
    stream_ = false;
    int error = Connect(&socket_, SOCK_DGRAM, kPath);
    if (error != EPROTOTYPE) return error;
    stream_ = true;
    return Connect(&socket_, SOCK_STREAM, kPath);
  }

  Outcome Write(const std::string& line) {
    if (!stream_) {
      const ssize_t sent = send(socket_.Get(), line.data(), line.size(), MSG_NOSIGNAL);
      return sent >= 0 ? Outcome::kSent : Failure();
    }
    const Outcome before = WriteRest();
    if (before != Outcome::kSent) return before;
    rest_.assign(line.c_str(), line.size() + 1);  // lines of a stream end with NUL
    const Outcome outcome = WriteRest();
    if (outcome == Outcome::kFull && rest_.size() == line.size() + 1) {
      rest_.clear();  // nothing was sent, so the caller keeps the line
      return outcome;
    }
    return outcome == Outcome::kFull ? Outcome::kSent : outcome;
  }

  Outcome WriteRest() {
    while (!rest_.empty()) {
      const ssize_t sent = send(socket_.Get(), rest_.data(), rest_.size(), MSG_NOSIGNAL);
      if (sent < 0) return Failure();
      rest_.erase(0, static_cast<size_t>(sent));
    }
    return Outcome::kSent;
  }

  static Outcome Failure() {
    const bool full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
    return full ? Outcome::kFull : Outcome::kAbsent;
  }

  Descriptor socket_;
  bool stream_ = false;
  std::string rest_;
};

// Facility daemon, priority notice, identifier "knockd" without a pid, as in 0.8.
std::string Stamped(const std::string& text, time_t time) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  struct tm at {};
  localtime_r(&time, &at);
  char head[64];
  snprintf(head, sizeof head, "<29>%s %2d %02d:%02d:%02d knockd: ", kMonths[at.tm_mon], at.tm_mday, at.tm_hour,
           at.tm_min, at.tm_sec);
  return (head + text).substr(0, kMaxBytes);
}

}  // namespace

Napi::Value WriteSyslog(const Napi::CallbackInfo& info) {
  static SystemLog log;
  const auto time = static_cast<time_t>(info[1].ToNumber().Int64Value());
  const Outcome outcome = log.Send(Stamped(info[0].ToString().Utf8Value(), time));
  const char* const name = outcome == Outcome::kSent ? "sent" : outcome == Outcome::kFull ? "full" : "absent";
  return Napi::String::New(info.Env(), name);
}

}  // namespace knockd
