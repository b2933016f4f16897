import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { Settings } from "../src/config/settings.ts";
import { CommandLock } from "../src/daemon/command-lock.ts";
import type { Log } from "../src/log/logger.ts";

const OPEN = "[ssh]\nsequence = 7000,8000,9000\nopen = tcp/22\n";
const SETTINGS = { logFile: "/var/log/knockd.log", pidFile: "/run/knockd.pid", stateFile: undefined } as Settings;

const configOf = (text: string) => parseConfig(text, "/etc/knockd.conf", () => [{ protocol: "tcp", port: 1 }]);

/** A lock that records its requests and its log lines. */
function lockOf(lockDown: (files: readonly string[]) => readonly string[] = () => []) {
  const lines: string[] = [];
  const asked: (readonly string[])[] = [];
  const log = { note: (line: string) => lines.push(line), warn: (line: string) => lines.push(`warn: ${line}`) };
  const lock = new CommandLock(log as unknown as Log, (files) => {
    asked.push(files);
    return lockDown(files);
  });
  return { lock, lines, asked };
}

describe("the lock against commands", () => {
  it("is applied if every door is opened by the kernel alone, and still allows files to be reopened", () => {
    const { lock, lines, asked } = lockOf();
    lock.close(configOf(`${OPEN}[other]\none_time_sequences = /etc/once\nopen = udp/53\n`), SETTINGS);
    assert.deepEqual(asked, [["/etc/knockd.conf", "/var/log/knockd.log", "/run/knockd.pid", "/etc/once"]]);
    assert.deepEqual(lines, ["locked down: no program can be started until knockd restarts"]);
  });

  it("allows the clients files, if doors have any", () => {
    const { lock, asked } = lockOf();
    const config = parseConfig(
      `[ssh]\nclients = /etc/c\nopen = tcp/22\n`,
      "/k",
      () => undefined,
      () => [],
    );
    lock.close(config, { ...SETTINGS, clientsState: "/var/lib/c.json" });
    assert.deepEqual(asked[0]!.slice(-2), ["/etc/c", "/var/lib/c.json"]);
  });

  it("names the files that belong to other users", () => {
    const { lock, lines } = lockOf(() => ["/home/bob/once", "/var/log/k"]);
    lock.close(configOf(OPEN), SETTINGS);
    assert.deepEqual(lines, [
      "locked down: no program can be started until knockd restarts; keeps access to files of other users: /home/bob/once, /var/log/k",
    ]);
  });

  for (const [title, config] of [
    ["a door has a start command", `${OPEN}start_command = x\n`],
    ["a door has a stop command", `${OPEN}[b]\nsequence = 1\nstop_command = x\n`],
    ["a door has a command for IPv6 clients", `${OPEN}start_command_6 = x\n`],
    ["a door has a stop command for IPv6 clients", `${OPEN}stop_command_6 = x\n`],
    ["no door is a built-in one, as in 0.8's configs", "[ssh]\nsequence = 7000\n"],
  ] as const) {
    it(`is not applied if ${title}`, () => {
      const { lock, lines, asked } = lockOf();
      lock.close(configOf(config), SETTINGS);
      lock.admit(configOf("[b]\nsequence = 1\ncommand = x\n"));
      assert.deepEqual([asked, lines], [[], []]);
    });
  }

  it("treats an empty command as none", () => {
    const { lock, asked } = lockOf();
    lock.close(configOf(`${OPEN}start_command_6 =\n`), SETTINGS);
    assert.equal(asked.length, 1);
  });

  it("then refuses a config with a command, naming file, line and text", () => {
    const { lock } = lockOf();
    const command = configOf(`${OPEN}[b]\nsequence = 1\ncommand = /bin/true\n`);
    lock.admit(command);
    lock.close(configOf(OPEN), SETTINGS);
    lock.admit(configOf(OPEN));
    assert.throws(
      () => lock.admit(command),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(
          error.message,
          "config: line 6: door 'b' has a command, and this knockd can run none: restart to run commands (/etc/knockd.conf: command = /bin/true)",
        );
        return true;
      },
    );
  });

  it("is not applied if the system refuses it, with a warning", () => {
    const { lock, lines } = lockOf(() => {
      throw new Error("seccomp: Function not implemented");
    });
    lock.close(configOf(OPEN), SETTINGS);
    lock.admit(configOf("[b]\nsequence = 1\ncommand = x\n"));
    assert.deepEqual(lines, ["warn: not locked down: seccomp: Function not implemented"]);
  });
});
