#include "expected_knock.h"

#include <uv.h>

#include <cstring>
#include <utility>

#include "nft.h"

namespace knockd {
namespace {

constexpr int kNotSent = -1;

// Source port and sequence number are not compared: they are new for each connection.
bool IsSame(const Record& a, const Record& b) {
  return memcmp(a.source, b.source, sizeof a.source) == 0 &&
         memcmp(a.destination, b.destination, sizeof a.destination) == 0 && a.port == b.port &&
         a.protocol == b.protocol && a.flags == b.flags;
}

}  // namespace

void ExpectedKnock::Expect(const Record& knock, const Period& period, NftSocket* socket, std::vector<uint8_t> batch) {
  knock_ = knock;
  period_ = period;
  socket_ = socket;
  batch_ = std::move(batch);
  is_awaited_ = true;
  result_ = kNotSent;
}

int ExpectedKnock::Take(const NftSocket* socket) {
  if (socket_ != socket) return kNotSent;
  socket_ = nullptr;
  is_awaited_ = false;
  return std::exchange(result_, kNotSent);
}

void ExpectedKnock::Meet(const Record& packet) {
  is_awaited_ = false;
  const uint64_t now = uv_hrtime();
  if (!IsSame(packet, knock_) || now < period_.begin || now >= period_.end) return;
  result_ = socket_->Transact(batch_.data(), batch_.size());
}

ExpectedKnock& TheExpectedKnock() {
  static ExpectedKnock only;
  return only;
}

}  // namespace knockd
