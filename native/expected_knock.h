// The knock that would open a door at once, if it is the next packet. While a client has one knock left, this is known
// in advance. If exactly this packet comes next, it opens the door before JavaScript runs. JavaScript then decides
// about the packet as about any other, and closes the door again if it disagrees (src/firewall/expected-opening.ts).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "decode.h"

namespace knockd {

class NftSocket;

// A period of uv_hrtime(), in nanoseconds.
struct Period {
  uint64_t begin;
  uint64_t end;
};

class ExpectedKnock {
 public:
  // Expects this knock within this period instead of any other. Then the socket sends the batch.
  void Expect(const Record& knock, const Period& period, NftSocket* socket, std::vector<uint8_t> batch);
  // Stops expecting what this socket would send. Returns the batch's errno, 0 if it went well, or -1 if it was not
  // sent.
  int Take(const NftSocket* socket);
  bool IsAwaited() const { return is_awaited_; }
  // The next packet is this one. It opens the door if it is the expected knock. No later packet does.
  void Meet(const Record& packet);

 private:
  NftSocket* socket_ = nullptr;
  Record knock_{};
  Period period_{};
  std::vector<uint8_t> batch_;
  bool is_awaited_ = false;
  int result_ = -1;
};

// There is only one: a process has one socket that opens doors, and reads its captures in turn.
ExpectedKnock& TheExpectedKnock();

}  // namespace knockd
