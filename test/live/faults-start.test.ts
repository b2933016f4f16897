// Tests what can fail at the start: if the daemon can't go on, one line says why, and the status is 1.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, type Result, repo, Wire } from "./wire.ts";

const CONFIG = `[options]
LogFile = @dir@/events
[door]
sequence = 7000:udp
start_command = echo open >>$KNOCK_LOG
cmd_timeout = 0
stop_command = echo close >>$KNOCK_LOG
`;
// socket(AF_NETLINK) answers EAFNOSUPPORT, by seccomp(2): as under systemd's RestrictAddressFamilies without AF_NETLINK.
const WITHOUT_NETLINK = `
import ctypes, os, struct, sys
socket = {'x86_64': 41, 'aarch64': 198}[os.uname().machine]
load, equal, answer = 0x20, 0x15, 6
code = [(load, 0, 0, 0), (equal, 0, 3, socket), (load, 0, 0, 16), (equal, 0, 1, 16), (answer, 0, 0, 0x50000 | 97), (answer, 0, 0, 0x7fff0000)]
class Program(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_char_p)]
program = Program(len(code), b''.join(struct.pack('HBBI', *one) for one in code))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
`;
const sh = (script: string) => ["sh", "-ec", `${script}; exec "$@"`, "sh"];
const ADDON = join(repo, "build/Release/knockd.node");

describe("knockd at the start", { skip: needsRoot }, () => {
  let wire: Wire;
  before(async () => {
    wire = await Wire.open();
    mkdirSync(join(wire.dir, "etc"));
    writeFileSync(join(wire.dir, "etc/conf"), "[door]\nsequence = 7000:udp\n");
  });
  after(() => wire?.close());

  const run = (by: readonly string[], args: readonly string[]): Promise<Result> =>
    wire.run("server", [...by, process.execPath, join(repo, "dist/src/knockd.js"), ...args]);

  const ended: [why: string, by: readonly string[], args: readonly string[], says: RegExp][] = [
    [
      "it may have no netlink socket",
      ["python3", "-c", WITHOUT_NETLINK],
      ["-i", "eth0"],
      /^cannot watch the network interfaces: netlink: Address family not supported by protocol\n$/,
    ],
    [
      "it may have no netlink socket, and is to look for an interface",
      ["python3", "-c", WITHOUT_NETLINK],
      [],
      /^cannot read the network interfaces: netlink: Address family not supported by protocol\n$/,
    ],
    [
      "it may not listen",
      ["setpriv", "--bounding-set=-net_raw"],
      ["-i", "eth0"],
      /^could not open eth0: eth0: You don't have permission to perform this capture on that device.*\n$/,
    ],
    [
      "its addon is damaged, or libpcap is not there",
      ["unshare", "-m", ...sh(`mount --bind /dev/null ${ADDON}`)],
      ["-i", "eth0"],
      /^knockd: cannot load its native addon: .*knockd\.node: file too short\n$/,
    ],
    [
      "its working directory is gone",
      sh("mkdir gone; cd gone; rmdir ../gone"),
      ["-i", "eth0", "-d", "-p", "pid"],
      /^knockd: uv_cwd: No such file or directory\n$/,
    ],
  ];
  for (const [why, by, args, says] of ended) {
    it(`ends with one line and status 1 when ${why}`, async () => {
      const { status, stdout, stderr } = await run(
        [...sh(`cd ${wire.dir}`), ...by],
        [...args, "-c", join(wire.dir, "etc/conf")],
      );
      assert.match(stderr, says);
      assert.deepEqual([status, stdout], [1, ""]);
    });
  }

  const gone: [what: string, by: readonly string[]][] = [
    ["standard input, output and error are closed", sh("exec <&- >&- 2>&-")],
    ["/proc is not there", ["unshare", "-m", ...sh("umount -l /proc")]],
    ["/run can't be written", ["unshare", "-m", ...sh("mount -t tmpfs -o ro none /run")]],
  ];
  for (const [what, by] of gone) {
    it(`opens and closes its doors although ${what}`, async () => {
      const args = ["-i", "eth0", "-c", "@dir@/knockd.conf"];
      const daemon = await Daemon.start(wire, "ours", CONFIG, args, { by, ready: "" });
      const { client: from, server: to } = wire;
      await daemon.waitFor(() => isUnderWay(daemon));
      await wire.send([{ at: 0, frame: frame({ from, to, protocol: "udp", port: 7000 }) }]);
      await daemon.waitFor(() => daemon.commands().length === 2);
      assert.deepEqual(daemon.commands(), ["open", "close"]);
      assert.deepEqual(await daemon.stop(), { status: 15, signal: null });
    });
  }
});

function isUnderWay({ dir }: Daemon): boolean {
  const log = join(dir, "events");
  return existsSync(log) && readFileSync(log, "utf8").includes("] starting up, listening on eth0\n");
}
