// Tests a door whose script lies on a disk that does not answer, such as NFS without its server: other doors still open.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { compiled, needsRoot, Wire } from "./wire.ts";

describe("a script on a disk that hangs", { skip: needsRoot }, () => {
  let wire: Wire;
  let disk: string;
  let sequence = 0;
  let daemon: Daemon | undefined;

  before(async () => {
    wire = await Wire.open();
    disk = compiled("test/live/hanging-disk.cc", "build/hanging-disk");
  });
  after(() => wire?.close());
  afterEach(() => daemon?.stop("SIGKILL"));

  async function knock(port: number): Promise<void> {
    const sourcePort = 20_000 + (++sequence % 30_000);
    const { client: from, server: to } = wire;
    await wire.send([{ at: 0, frame: frame({ from, to, protocol: "udp", port, sourcePort }) }]);
  }

  for (const [how, line] of [
    ["by its path", "@dir@/disk/open.sh %IP%"],
    ["by a shell", "sh @dir@/disk/open.sh %IP%; echo opened"],
    ["by a local script that names it", "sh @dir@/open.sh %IP%"],
  ] as const) {
    it(`delays no other door, when the door starts it ${how}`, async () => {
      const door = (name: string, port: number, command: string) =>
        `[${name}]\nsequence = ${port}:udp\ncommand = ${command}\n`;
      daemon = await Daemon.start(
        wire,
        "ours",
        `[options]\nStateFile = @dir@/ledger\n${door("hangs", 7000, line)}${door("other", 7500, "/bin/sh @dir@/other.sh")}`,
        ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"],
        {
          by: ["unshare", "-m", disk, "@dir@/disk"],
          files: { "open.sh": ". @dir@/disk/more.sh\n", "other.sh": "echo other >>$KNOCK_LOG\n" },
        },
      );
      const opened = (times: number) => daemon!.waitFor(() => daemon!.commands().length === times);
      await knock(7500); // its script has been read by the time that it has run
      await opened(1);
      await knock(7000);
      await daemon.waitFor("hangs: running command");
      await knock(7500);
      await opened(2);
      await knock(7000);
      await knock(7500);
      await opened(3);
      assert.deepEqual(daemon.commands(), ["other", "other", "other"]);
    });
  }
});
