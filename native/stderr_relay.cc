#include "stderr_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace knockd {
namespace {

constexpr size_t kMaxHead = 512;
// At most PIPE_BUF: a pipe that poll(2) calls writable takes this much without waiting.
constexpr size_t kChunk = 4096;
// How much waits here if the reader of our standard error is slow. After that the command waits, as if it wrote to that
// reader itself.
constexpr size_t kMaxWaiting = 64 << 10;
constexpr uint64_t kTryAgainMs = 10;
// The most ended commands whose children still write. Each takes a descriptor, and a door that starts a server at every
// knock must not use up all of them.
constexpr int kMaxLeftRunning = 256;
int left_running_now = 0;

}  // namespace

std::unique_ptr<StderrRelay> StderrRelay::Open(uv_loop_t* loop) {
  std::unique_ptr<StderrRelay> relay(new StderrRelay);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return nullptr;
  relay->our_end_.Reset(ends[0]);
  const Descriptor write_only(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // Opened for reading and writing: a pipe whose writers are also its readers never breaks. A server that a knock has
  // started must not die of SIGPIPE because knockd restarts.
  const std::string path = "/proc/self/fd/" + std::to_string(ends[1]);
  relay->command_end_.Reset(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!relay->command_end_ || relay->poll_.Open(loop, ends[0], relay.get(), OnEvent) != 0) return nullptr;
  relay->timer_.Open(loop, relay.get(), OnEvent);
  relay->poll_.Unref();  // this process may end while programs that the command has left still write
  return relay;
}

StderrRelay::~StderrRelay() {
  if (left_running_) left_running_now--;
}

std::string StderrRelay::Finish(std::unique_ptr<StderrRelay> relay) {
  // From now on, programs that still write get "no room" instead of waiting for a reader that may be gone.
  fcntl(relay->command_end_.Get(), F_SETFL, O_NONBLOCK);
  relay->command_end_.Reset();
  relay->PassOn();
  std::string head = relay->head_;
  const bool done = relay->at_end_ && relay->waiting_.empty();  // nearly always true
  if (done || left_running_now >= kMaxLeftRunning) return head;
  left_running_now++;
  relay->left_running_ = true;
  relay.release();  // OnEvent deletes it
  return head;
}

void StderrRelay::Read() {
  char bytes[kChunk];
  while (!at_end_ && waiting_.size() < kMaxWaiting) {
    const ssize_t length = read(our_end_.Get(), bytes, sizeof bytes);
    if (length < 0) return;  // nothing more to read now
    if (length == 0) at_end_ = true;
    head_.append(bytes, std::min<size_t>(length, kMaxHead - head_.size()));
    waiting_.append(bytes, length);
  }
}

// Never waits: while it waited for a slow reader, the daemon would read no packet.
void StderrRelay::Write() {
  while (!waiting_.empty()) {
    pollfd ours{STDERR_FILENO, POLLOUT, 0};
    if (poll(&ours, 1, 0) != 1) return;
    const ssize_t length = write(STDERR_FILENO, waiting_.data(), std::min(waiting_.size(), kChunk));
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length < 0) waiting_.clear();  // the reader is gone, or the disk is full
    if (length > 0) waiting_.erase(0, length);
  }
}

void StderrRelay::PassOn() {
  Read();
  Write();
  if (!waiting_.empty()) {
    poll_.Stop();
    timer_.Start(kTryAgainMs, 0);
  } else if (!at_end_) {
    poll_.Start();
  }
}

void StderrRelay::OnEvent(void* pointer) {
  StderrRelay* self = static_cast<StderrRelay*>(pointer);
  self->PassOn();
  if (self->left_running_ && self->at_end_ && self->waiting_.empty()) delete self;
}

}  // namespace knockd
