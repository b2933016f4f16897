// /usr/sbin/knockd of the Debian packages. A script's process has Node's executable; this program's has its own, which
// `pidof /usr/sbin/knockd` and `start-stop-daemon --exec` look for. It loads the library that Debian's /usr/bin/node is
// linked with, and does what that program does: it calls node::Start. A Node without a library (NodeSource's) is
// executed, as for a script. It is not part of the addon: packaging/debian/rules builds it.

#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#ifndef NODE
#define NODE "/usr/bin/node"
#endif
#ifndef SCRIPT
#define SCRIPT "/usr/lib/knockd/knockd.js"
#endif

namespace {

// As in the first line of the script (packaging/bundle.js): SIGUSR1 cannot open Node's debugger at this address.
constexpr char kNoInspector[] = "--inspect-port=192.0.2.1:1024";

// The libnode.so.N that Node is linked with; its number changes with Node's version. Empty if there is none. A Node
// with a library is a file of some 30 kB, one without has 90 MB and no such name in its first megabyte.
std::string LibraryOfNode() {
  std::string bytes(1 << 20, '\0');
  std::ifstream file(NODE, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const size_t at = bytes.find("libnode.so.");
  return at == std::string::npos ? "" : bytes.c_str() + at;
}

// node::Start(int argc, char* argv[]): returns the exit status.
using Start = int (*)(int, char**);

// Null if this Node has no library or the library cannot be loaded.
Start FindStart() {
  const std::string library = LibraryOfNode();
  if (library.empty()) return nullptr;
  // Global: the addon finds Node-API in it.
  void* const node = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  return node == nullptr ? nullptr : reinterpret_cast<Start>(dlsym(node, "_ZN4node5StartEiPPc"));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<const char*> words = {argc > 0 ? argv[0] : "knockd", kNoInspector, SCRIPT};
  for (int i = 1; i < argc; i++) words.push_back(argv[i]);

  // src/platform/launcher.ts reads and removes it. Without /proc, no other process can see the executable either.
  char self[PATH_MAX] = "";
  const bool is_known = readlink("/proc/self/exe", self, sizeof self - 1) > 0;
  if (is_known)
    setenv("KNOCKD_LAUNCHER", self, 1);
  else
    unsetenv("KNOCKD_LAUNCHER");

  if (const Start start = is_known ? FindStart() : nullptr) {
    // Node gets a copy, so that the kernel still shows our own arguments. The copy is one block, because Node writes a
    // title over all words (--title).
    std::string piece;
    for (const char* word : words) piece.append(word).push_back('\0');
    std::vector<char*> copies;
    for (size_t at = 0; at < piece.size(); at += strlen(&piece[at]) + 1) copies.push_back(&piece[at]);
    copies.push_back(nullptr);
    return start(static_cast<int>(words.size()), copies.data());
  }
  words.push_back(nullptr);
  execv(NODE, const_cast<char**>(words.data()));
  fprintf(stderr, "knockd: %s: %s\n", NODE, strerror(errno));
  return 1;
}
