// Tests the daemon's two sockets: root's and the group's.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Handler } from "../src/control/handler.ts";
import { requestLine } from "../src/control/protocol.ts";
import { ControlServer } from "../src/control/server.ts";
import { needsRoot } from "./live/wire.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "control-"));
after(() => fs.rmSync(dir, { recursive: true }));

describe("the daemon's sockets", () => {
  const MAY: Handler = ({ mayChange }) => [{ type: "error", error: `${mayChange}` }];

  async function open(
    directory: string,
    group: number | undefined,
  ): Promise<{ control: ControlServer; troubles: string[] }> {
    const troubles: string[] = [];
    const trouble = (why: string) => troubles.push(why);
    const path = join(directory, "x.sock");
    const handlers = { answered: new Map([["may", MAY]]), streamed: new Map() };
    const control = new ControlServer({ path, config: "/etc/x.conf", handlers, trouble }, group);
    await control.open();
    return { control, troubles };
  }

  function may(path: string): Promise<string> {
    return new Promise((resolve) => {
      let text = "";
      const socket = connect(path, () => socket.write(requestLine("may")));
      socket.on("data", (more) => (text += more)).on("close", () => resolve(JSON.parse(text.split("\n")[1]!).error));
    });
  }

  it("are root's only if there is no group", async () => {
    const place = join(dir, "alone");
    const { control, troubles } = await open(place, undefined);
    assert.deepEqual(fs.readdirSync(place), ["x.sock"]);
    assert.equal(fs.statSync(place).mode & 0o777, 0o700);
    assert.equal(await may(join(place, "x.sock")), "true");
    control.close();
    assert.deepEqual(fs.readdirSync(place), []);
    assert.deepEqual(troubles, []);
  });

  it("are two with a group, and the group's changes nothing", { skip: needsRoot }, async () => {
    const place = join(dir, "shared");
    const { control, troubles } = await open(place, 64_123);
    assert.deepEqual(fs.readdirSync(place), ["group", "x.sock"]);
    assert.equal(await may(join(place, "x.sock")), "true");
    assert.equal(await may(join(place, "group", "x.sock")), "false");
    control.close();
    assert.deepEqual(fs.readdirSync(place), ["group"]);
    assert.deepEqual(fs.readdirSync(join(place, "group")), []);
    assert.deepEqual(troubles, []);
  });

  it("that cannot be made are reported once", async () => {
    const place = join(dir, "no", "such");
    const { control, troubles } = await open(place, undefined);
    assert.deepEqual(troubles, [`${place}/x.sock: No such file or directory`]);
    control.close();
  });
});
