// hanging-disk FOLDER PROGRAM [ARGUMENT …]: mounts a file system at the folder whose server never answers, and becomes
// the program. Whatever looks at a file there waits until it is killed, as on a network disk whose server is away. Only
// for a mount namespace of its own.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  mkdir(argv[1], 0755);
  const int server =
      open("/dev/fuse", O_RDWR);  // the program inherits it: without it, the disk would fail and not hang
  if (server < 0) {
    perror("/dev/fuse");
    return 1;
  }
  const std::string options = "fd=" + std::to_string(server) + ",rootmode=40755,user_id=0,group_id=0";
  if (mount("hanging-disk", argv[1], "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    perror("mount");
    return 1;
  }
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
