// native/decode.cc and encapsulation.cc alone, under ASan and UBSan (decode-asan.test.ts builds and runs it): every
// frame on standard input cut at each byte, then MUTATIONS of them by the seed, each in a heap block of exactly its
// size.
//   decode-fuzz SEED MUTATIONS      exit status 0 and no output: all is well
//   decode-fuzz --over-read | --overflow      one fault on purpose: proves that it would be noticed
// A frame on standard input, all of whose bytes are needed: i32 link type, u32 length (this machine's order), the
// bytes.
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../../native/encapsulation.h"

namespace {

using knockd::DecodeSaved;
using knockd::Record;

struct Frame {
  int link_type;
  std::vector<uint8_t> bytes;
};

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "decode-fuzz: %s\n", what);
  exit(1);
}

std::vector<Frame> ReadFrames() {
  std::vector<Frame> frames;
  struct {
    int32_t link_type;
    uint32_t length;
  } head;
  while (const size_t got = fread(&head, 1, sizeof head, stdin)) {
    if (got != sizeof head || head.length > 65535) Fail("a bad head");
    std::vector<uint8_t> bytes(head.length);
    if (fread(bytes.data(), 1, head.length, stdin) != head.length) Fail("a frame is cut off");
    frames.push_back({head.link_type, std::move(bytes)});
  }
  if (frames.empty()) Fail("no frames");
  return frames;
}

// What DecodeSaved says of a prefix. A block of its own, so that one byte too far is out of bounds; two records with
// other bytes in them before, so that a field that was not written shows.
bool Try(const std::vector<uint8_t>& bytes, size_t length, int link_type) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[length]);
  if (length > 0) memcpy(exact.get(), bytes.data(), length);
  Record one, other;
  memset(&one, 0x00, sizeof one);
  memset(&other, 0xff, sizeof other);
  const bool knock = DecodeSaved(exact.get(), length, link_type, &one);
  if (knock != DecodeSaved(exact.get(), length, link_type, &other)) Fail("it depends on what the record held");
  if (!knock) return false;
  if (memcmp(&one, &other, offsetof(Record, length)) != 0) Fail("a field is not written");
  if (one.protocol != 6 && one.protocol != 17) Fail("a knock is neither TCP nor UDP");
  if (one.flags > 0x3f || (one.protocol == 17 && (one.flags != 0 || one.sequence != 0))) Fail("wrong flags");
  return true;
}

void CutEverywhere(const std::vector<Frame>& frames) {
  for (const Frame& frame : frames) {
    for (size_t length = 0; length < frame.bytes.size(); length++) {
      if (Try(frame.bytes, length, frame.link_type)) Fail("a knock with too few bytes");
    }
    if (!Try(frame.bytes, frame.bytes.size(), frame.link_type)) Fail("a whole frame is not a knock");
  }
}

void Mutate(const std::vector<Frame>& frames, uint32_t seed, uint64_t count) {
  std::mt19937 random(seed);
  // Where lengths, types and versions turn.
  const uint8_t edges[] = {0, 1, 4, 5, 6, 8, 15, 17, 43, 44, 51, 60, 0x40, 0x45, 0x60, 0x7f, 0x80, 0x81, 0x86, 0xff};
  uint64_t knocks = 0;
  for (uint64_t i = 0; i < count; i++) {
    const Frame& frame = frames[random() % frames.size()];
    std::vector<uint8_t> bytes = frame.bytes;
    for (uint32_t changes = random() % 8; changes > 0; changes--) {
      const size_t at = random() % bytes.size();
      bytes[at] = random() % 2 ? edges[random() % sizeof edges] : static_cast<uint8_t>(random());
    }
    const size_t length = random() % 2 ? bytes.size() : random() % (bytes.size() + 1);
    const int link_type = random() % 8 ? frame.link_type : frames[random() % frames.size()].link_type;
    if (Try(bytes, length, link_type)) knocks++;
  }
  if (knocks < count / 20 || knocks > count / 20 * 19) Fail("the mutations are all alike: they prove nothing");
}

int BreakOnPurpose(const std::string& how) {
  if (how == "--over-read") {  // an IPv4 header that has lost its last byte, and whoever calls says that it is there
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[19]{0x45, 0, 0, 20});
    Record record;
    return DecodeSaved(exact.get(), 20, knockd::kLinkRaw, &record);
  }
  if (how == "--overflow") {
    volatile int most = INT_MAX;
    most = most + 1;
    return 0;
  }
  Fail("usage: decode-fuzz SEED MUTATIONS | --over-read | --overflow");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return BreakOnPurpose(argv[1]);
  if (argc != 3) Fail("usage: decode-fuzz SEED MUTATIONS | --over-read | --overflow");
  const std::vector<Frame> frames = ReadFrames();
  CutEverywhere(frames);
  Mutate(frames, static_cast<uint32_t>(strtoul(argv[1], nullptr, 10)), strtoull(argv[2], nullptr, 10));
}
