// native/decode.cc and encapsulation.cc under libFuzzer, ASan and UBSan (fuzz.ts builds and runs it). The first byte of
// an input selects the link type, the rest is the frame.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <memory>

#include "../native/encapsulation.h"

namespace {

using knockd::Record;

// fuzz.ts uses the same order in the corpus.
const int kLinkTypes[] = {0, 1, 12, 101, 108, 113, 276, 9, 50, 51, 204, 228, 229};

void Require(bool invariant) {
  if (!invariant) abort();
}

// Decodes a frame in a block of exactly its size, so that ASan sees a read of one byte too many. Decodes it twice, into
// records that are filled with different bytes, so that a field that was not written shows.
bool Try(const uint8_t* bytes, size_t length, int link_type) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[length]);
  if (length > 0) memcpy(exact.get(), bytes, length);
  Record one, other;
  memset(&one, 0x00, sizeof one);
  memset(&other, 0xff, sizeof other);
  const bool knock = knockd::DecodeSaved(exact.get(), length, link_type, &one);
  Require(knock == knockd::DecodeSaved(exact.get(), length, link_type, &other));
  if (!knock) return false;
  Require(memcmp(&one, &other, offsetof(Record, length)) == 0);
  Require(one.protocol == 6 || one.protocol == 17);
  Require(one.flags <= 0x3f);
  Require(one.protocol == 6 || (one.flags == 0 && one.sequence == 0));
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  if (size == 0) return -1;
  const int link_type = kLinkTypes[input[0] % (sizeof kLinkTypes / sizeof kLinkTypes[0])];
  const bool whole = Try(input + 1, size - 1, link_type);
  // If a frame without its last byte is a knock, the whole frame is one too.
  if (size > 1) Require(!Try(input + 1, size - 2, link_type) || whole);
  return 0;
}
