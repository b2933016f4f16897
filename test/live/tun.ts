// A tunnel interface in the server's namespace, and the end that a VPN would hold: packets written to it arrive there.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Wire } from "./wire.ts";

// Creates the interface (of another hardware type, if asked), says so, and passes on packets: 2 bytes of length, then
// the packet.
const PROGRAM = `
import fcntl, os, struct, subprocess, sys
name, hardware = sys.argv[1], int(sys.argv[2])
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
if hardware: fcntl.ioctl(tun, 0x400454cd, hardware)  # TUNSETLINK
subprocess.check_call(['ip', 'link', 'set', name, 'up'])
print('up', flush=True)
while True:
    head = sys.stdin.buffer.read(2)
    if len(head) < 2: break
    os.write(tun, sys.stdin.buffer.read(head[0] << 8 | head[1]))
`;

export class Tun {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `hardware`: an ARPHRD_ number of linux/if_arp.h; 0: that of a tunnel. */
  static async open(wire: Wire, name: string, hardware = 0): Promise<Tun> {
    const argv = ["python3", "-c", PROGRAM, name, `${hardware}`];
    const child = wire.spawn("server", argv, { stdio: ["pipe", "pipe", "inherit"] });
    const exited = once(child, "exit").then(() => assertUp());
    await Promise.race([once(child.stdout!, "data"), exited]);
    return new Tun(child);
  }

  write(packet: Buffer): void {
    this.#child.stdin!.write(Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 255]), packet]));
  }

  /** The interface disappears with it. */
  close(): void {
    this.#child.stdin!.end();
  }
}

function assertUp(): never {
  throw new Error("no tunnel could be made");
}
