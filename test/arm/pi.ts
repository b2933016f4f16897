// A whole ARM machine in QEMU, on the server's side of a wire: Debian and its kernel (packaging/arm-machine). All
// its changes are discarded at its end. Tests talk to it through QEMU's guest agent, whatever its network does.
import { type ChildProcess, execFileSync } from "node:child_process";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Result, repo, Wire } from "../live/wire.ts";

const BOOT_MS = 600_000;
const ANSWER_MS = 60_000;
const PING_MS = 5_000;

/** One that packaging/arm-machine makes. */
export type MachineName = "bookworm-arm64" | "bookworm-armhf" | "trixie-armhf";

let commandsSaid = 0;

export class Pi {
  readonly wire: Wire;
  readonly #qemu: ChildProcess;
  #said = "";

  private constructor(wire: Wire, name: MachineName, more: readonly string[]) {
    this.wire = wire;
    const server = (...words: string[]) => execFileSync("ip", ["-n", wire.namespaces.server, ...words]);
    // Its network card takes the place of the server's end of the cable, with the address on the card.
    server("link", "set", "eth0", "address", "02:00:0a:4d:00:03");
    server("address", "flush", "dev", "eth0");
    server("link", "add", "bridge", "type", "bridge");
    server("link", "set", "eth0", "master", "bridge");
    server("link", "set", "bridge", "up");
    server("tuntap", "add", "tap", "mode", "tap");
    server("link", "set", "tap", "up", "master", "bridge");
    const packages = join(wire.dir, "packages.img");
    execFileSync("truncate", ["-s", "32M", packages]);
    execFileSync("mkfs.ext4", ["-q", "-L", "packages", "-d", join(repo, "build/packages"), packages]);

    const machine = join(repo, "build/machines", name);
    const disk = (name: string, file: string) => [
      ...["-drive", `if=none,id=${name},format=raw,snapshot=on,file=${file}`],
      ...["-device", `virtio-blk-device,drive=${name}`],
    ];
    this.#qemu = wire.spawn(
      "server",
      [
        ...["sh", join(repo, "packaging/arm-qemu"), machine, ""],
        ...disk("root", join(machine, "root.img")),
        ...disk("packages", packages),
        ...disk("tools", join(machine, "tools.img")),
        ...["-netdev", "tap,id=net,ifname=tap,script=no,downscript=no"],
        ...["-device", `virtio-net-device,netdev=net,mac=${wire.serverMac}`],
        ...["-chardev", `socket,id=agent,server=on,wait=off,path=${this.#agent}`, "-device", "virtio-serial-device"],
        ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0", "-serial", "stdio"],
        ...more,
      ],
      { stdio: ["ignore", "pipe", "pipe"], env: { TMPDIR: wire.dir } },
    );
    for (const stream of [this.#qemu.stdout, this.#qemu.stderr]) {
      stream!.setEncoding("utf8").on("data", (text) => (this.#said += text));
    }
  }

  /** Passes further arguments to QEMU. */
  static async boot(name: MachineName, ...more: string[]): Promise<Pi> {
    const wire = await Wire.open();
    const pi = new Pi(wire, name, more);
    try {
      await pi.untilBooted();
      return pi;
    } catch (error) {
      await pi.close();
      throw error;
    }
  }

  /** `during` runs as soon as the machine answers. */
  async untilBooted(during: () => Promise<void> = async () => {}): Promise<void> {
    await this.until(async () => (await this.#isThere()) && (await this.run("true")).status === 0, "answer", BOOT_MS);
    await during();
    await this.until(
      async () => /^(running|degraded)/.test((await this.run("systemctl is-system-running")).stdout),
      "the end of the boot",
      BOOT_MS,
    );
  }

  /** Reboots the machine from within. QEMU keeps running. */
  async reboot(during?: () => Promise<void>): Promise<void> {
    const life = () => this.ok("cat /proc/sys/kernel/random/boot_id");
    const before = await life();
    await this.run("systemd-run --on-active=1 systemctl reboot");
    await this.until(
      async () => (await this.#isThere()) && (await life().catch(() => before)) !== before,
      "another life",
      BOOT_MS,
    );
    await this.untilBooted(during);
  }

  /** Runs a shell command in the machine, as root. */
  async run(script: string, timeoutMs = 1_200_000): Promise<Result> {
    const { pid } = await this.#ask<{ pid: number }>("guest-exec", {
      path: "/bin/sh",
      arg: ["-c", script],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"],
      "capture-output": true,
    });
    const text = (base64 = "") => Buffer.from(base64, "base64").toString();
    for (const end = Date.now() + timeoutMs; ; await sleep(200)) {
      const it = await this.#ask<Exec>("guest-exec-status", { pid });
      if (it.exited) {
        const signal = it.signal === undefined ? null : (`signal ${it.signal}` as NodeJS.Signals);
        return { status: it.exitcode ?? null, signal, stdout: text(it["out-data"]), stderr: text(it["err-data"]) };
      }
      if (Date.now() > end) throw new Error(`${script}: not done after ${timeoutMs} ms`);
    }
  }

  /** The same, but the command must end with status 0. Returns its output. */
  async ok(script: string): Promise<string> {
    const { status, signal, stdout, stderr } = await this.run(script);
    if (status !== 0) throw new Error(`${script}: ${signal ?? status}\n${stdout}${stderr}`);
    return stdout;
  }

  async write(file: string, text: string): Promise<void> {
    await this.ok(`echo ${Buffer.from(text).toString("base64")} | base64 -d >/${file}`);
  }

  /** What systemd says of a unit's state. */
  async property(name: string, unit = "knockd"): Promise<string> {
    return (await this.ok(`systemctl show -P ${name} ${unit}`)).trim();
  }

  async until(isTrue: () => Promise<boolean>, what: string, ms = 120_000): Promise<void> {
    for (const end = Date.now() + ms; !(await isTrue()); await sleep(200)) {
      if (Date.now() > end) throw new Error(`ARM: no ${what} after ${ms} ms\n${this.#said.slice(-2000)}`);
      if (this.#qemu.exitCode !== null) throw new Error(`ARM: QEMU has ended, no ${what}\n${this.#said}`);
    }
  }

  /** QEMU and the machine's changes disappear with the wire. */
  close(): Promise<void> {
    return this.wire.close();
  }

  get #agent(): string {
    return join(this.wire.dir, "agent");
  }

  async #isThere(): Promise<boolean> {
    try {
      await this.#ask("guest-ping", {}, PING_MS);
      return true;
    } catch {
      return false;
    }
  }

  /** Each request has its own connection to QEMU, so that one which a reboot left unanswered does no harm. */
  #ask<Answer>(execute: string, args: object = {}, ms = ANSWER_MS): Promise<Answer> {
    const id = ++commandsSaid;
    const line = createConnection(this.#agent);
    const answers = createInterface({ input: line });
    return new Promise<Answer>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`ARM: no answer to ${execute}`)), ms);
      line.once("error", reject).once("close", () => clearTimeout(limit));
      let isMine = false;
      answers.on("error", reject).on("line", (text) => {
        const { return: answer, error } = JSON.parse(text);
        if (isMine) {
          if (error) reject(new Error(`ARM: ${execute}: ${error.desc}`));
          else resolve(answer);
        } else if (answer === id) {
          isMine = true;
          line.write(`${JSON.stringify({ execute, arguments: args })}\n`);
        }
      });
      line.write(`${JSON.stringify({ execute: "guest-sync", arguments: { id } })}\n`);
    }).finally(() => line.destroy());
  }
}

/** The agent's answer about a process. The streams are in base64. */
interface Exec {
  exited: boolean;
  exitcode?: number;
  signal?: number;
  "out-data"?: string;
  "err-data"?: string;
}
