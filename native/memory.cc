#include "memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace knockd {
namespace {

struct Mapping {
  uintptr_t begin = 0, end = 0;
  bool of_file = false;    // a file's, private, not to be written
  bool untouched = false;  // no page of it is our own
};

// smaps rather than maps: it says whether the dynamic linker has written to a page that is read-only by now. Dropped,
// such a page would come back as it is in the file.
std::vector<Mapping> Clean() {
  std::vector<Mapping> all;
  std::ifstream smaps("/proc/self/smaps");
  for (std::string line; std::getline(smaps, line);) {
    Mapping one;
    char mode[5] = "";
    unsigned long inode = 0;
    if (sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &one.begin, &one.end, mode, &inode) == 4) {
      one.of_file = inode != 0 && mode[0] == 'r' && mode[1] == '-' && mode[3] == 'p';
      all.push_back(one);
    } else if (!all.empty() && line.compare(0, 10, "Anonymous:") == 0) {
      all.back().untouched = strtoul(line.c_str() + 10, nullptr, 10) == 0;
    }
  }
  return all;
}

constexpr int kOwnMapping = 128 * 1024;

}  // namespace

void KeepBuffersApart() { mallopt(M_MMAP_THRESHOLD, kOwnMapping); }

void ReleaseUnusedMemory(const Napi::CallbackInfo&) {
  malloc_trim(0);
  for (const Mapping& one : Clean()) {
    if (!one.of_file || !one.untouched) continue;
    // The pages stay in the system's cache, and a page fault brings them back. After MADV_PAGEOUT they would have to be
    // read from the SD card.
    madvise(reinterpret_cast<void*>(one.begin), one.end - one.begin, MADV_DONTNEED);
  }
}

void ZeroAndRelease(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArrayBuffer()) throw Napi::TypeError::New(env, "zeroAndRelease takes an ArrayBuffer");
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  char* const begin = static_cast<char*>(buffer.Data());
  char* const end = begin + buffer.ByteLength();
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto up = [page](char* at) { return at + (page - reinterpret_cast<uintptr_t>(at) % page) % page; };
  char* const first = up(begin);
  char* const last = end - reinterpret_cast<uintptr_t>(end) % page;
  // Private memory that is dropped comes back as zeros (madvise(2)). Other data shares only the first and last page.
  if (first >= last || madvise(first, static_cast<size_t>(last - first), MADV_DONTNEED) != 0) {
    memset(begin, 0, static_cast<size_t>(end - begin));
    return;
  }
  memset(begin, 0, static_cast<size_t>(first - begin));
  memset(last, 0, static_cast<size_t>(end - last));
}

}  // namespace knockd
