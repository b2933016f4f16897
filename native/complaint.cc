#include "complaint.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace knockd {
namespace {

constexpr size_t kMostKept = 512;
// At most PIPE_BUF: so much goes into a pipe that poll(2) calls writable without waiting.
constexpr size_t kChunk = 4096;
// When our reader is slow, so much waits here, and then the command waits, as if it wrote to that reader itself.
constexpr size_t kMostWaiting = 64 << 10;
constexpr uint64_t kTryAgainMs = 10;
// Ended commands whose children still write. A descriptor each: a door that starts a server at every knock must not
// use up ours.
constexpr int kMostLeftRunning = 256;
int left_running_now = 0;

}  // namespace

Complaint::Pointer Complaint::Open(uv_loop_t* loop) {
  Pointer complaint(new Complaint);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return nullptr;
  complaint->our_end_ = ends[0];
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // To read and to write: a pipe whose writers are its readers too is never broken. A server that was started by a
  // knock must not die by SIGPIPE because knockd is restarted.
  const std::string path = "/proc/self/fd/" + std::to_string(ends[1]);
  complaint->command_end_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
  close(ends[1]);
  if (complaint->command_end_ < 0 || uv_poll_init(loop, &complaint->poll_, ends[0]) != 0) return nullptr;
  uv_timer_init(loop, &complaint->timer_);
  complaint->handles_ = 2;
  complaint->poll_.data = complaint->timer_.data = complaint.get();
  uv_unref(reinterpret_cast<uv_handle_t*>(&complaint->poll_));  // what is left running is waited for by nobody
  uv_poll_start(&complaint->poll_, UV_READABLE, OnReadable);
  return complaint;
}

std::string Complaint::Take(Pointer complaint) {
  // What still writes there is told that there is no room, rather than made to wait for a reader who may be gone.
  fcntl(complaint->command_end_, F_SETFL, O_NONBLOCK);
  close(std::exchange(complaint->command_end_, -1));
  complaint->PassOn();
  std::string first = complaint->first_;
  const bool done = complaint->at_end_ && complaint->waiting_.empty();  // nearly always
  if (done || left_running_now >= kMostLeftRunning) return first;
  left_running_now++;
  complaint->left_running_ = true;
  complaint.release();
  return first;
}

void Complaint::Read() {
  char bytes[kChunk];
  while (!at_end_ && waiting_.size() < kMostWaiting) {
    const ssize_t length = read(our_end_, bytes, sizeof bytes);
    if (length < 0) return;  // there is no more now
    if (length == 0) at_end_ = true;
    first_.append(bytes, std::min<size_t>(length, kMostKept - first_.size()));
    waiting_.append(bytes, length);
  }
}

// Never waits: a reader of ours that has fallen asleep must not make us deaf.
void Complaint::Write() {
  while (!waiting_.empty()) {
    pollfd ours{STDERR_FILENO, POLLOUT, 0};
    if (poll(&ours, 1, 0) != 1) return;
    const ssize_t length = write(STDERR_FILENO, waiting_.data(), std::min(waiting_.size(), kChunk));
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length < 0) waiting_.clear();  // the reader is gone, or the disk is full
    if (length > 0) waiting_.erase(0, length);
  }
}

void Complaint::PassOn() {
  Read();
  Write();
  if (waiting_.empty()) {
    if (!at_end_) uv_poll_start(&poll_, UV_READABLE, OnReadable);
    return;
  }
  uv_poll_stop(&poll_);
  uv_timer_start(&timer_, OnTimer, kTryAgainMs, 0);
}

void Complaint::OnReadable(uv_poll_t* poll, int, int) { OnTimer(&static_cast<Complaint*>(poll->data)->timer_); }

void Complaint::OnTimer(uv_timer_t* timer) {
  Complaint* self = static_cast<Complaint*>(timer->data);
  self->PassOn();
  if (self->left_running_ && self->at_end_ && self->waiting_.empty()) self->Close();
}

void Complaint::Close() {
  if (left_running_) left_running_now--;
  if (command_end_ >= 0) close(command_end_);
  if (handles_ == 0) {  // it has not come to being polled
    if (our_end_ >= 0) close(our_end_);
    delete this;
    return;
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), OnClosed);
}

void Complaint::OnClosed(uv_handle_t* handle) {
  Complaint* done = static_cast<Complaint*>(handle->data);
  if (--done->handles_ > 0) return;
  close(done->our_end_);
  delete done;
}

}  // namespace knockd
