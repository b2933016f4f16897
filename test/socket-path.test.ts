// Tests where the daemon's socket is: beside its ledger, for any config and interfaces, and found again by the config
// alone.

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, it } from "node:test";
import { groupSocketOf, socketPath, socketsOf } from "../src/control/socket-path.ts";
import { makePrivateDirectory, STATE_DIRECTORY } from "../src/platform/state-directory.ts";
import { needsRoot } from "./live/wire.ts";

describe("the socket's path", () => {
  it("depends on the config and the interfaces", () => {
    assert.equal(socketPath("/etc/no.knockd.conf", ["eth0"]), "/run/knockd/etc-no.knockd.conf@eth0.sock");
    assert.equal(socketPath("/etc/no.knockd.conf", ["eth0", "ppp*"]), "/run/knockd/etc-no.knockd.conf@eth0,ppp*.sock");
  });

  it("is different for each, and short enough for the kernel, however long they are", () => {
    const long = (letter: string) => `/srv/${`${letter.repeat(100)}/`.repeat(20)}knockd.conf`;
    const paths = [long("a"), long("b"), `/${"ä".repeat(45)}`].flatMap((config) =>
      [["eth0"], ["eth1"], Array.from({ length: 100 }, (_, i) => `eth${i}`)].map((words) => socketPath(config, words)),
    );
    assert.equal(new Set(paths).size, paths.length);
    for (const path of paths) assert.ok(Buffer.byteLength(groupSocketOf(path)) <= 107, path);
  });

  it("is found by the config, short or long, without those of other configs", { skip: needsRoot }, () => {
    makePrivateDirectory(STATE_DIRECTORY);
    const group = `${STATE_DIRECTORY}/group`;
    const wasThere = fs.existsSync(group);
    makePrivateDirectory(group);
    const config = `/srv/test-${process.pid}.conf`;
    const many = Array.from({ length: 50 }, (_, i) => `eth${i}`);
    const mine = [socketPath(config, ["eth0"]), socketPath(config, many)];
    const others = [socketPath(`${config}2`, ["eth0"]), socketPath(`/x${config}`, many)];
    const all = [...mine, ...others].flatMap((path) => [path, groupSocketOf(path)]);
    try {
      for (const path of all) fs.writeFileSync(path, "");
      assert.deepEqual(socketsOf(config, "root's"), [...mine].sort());
      assert.deepEqual(socketsOf(config, "the group's"), mine.map(groupSocketOf).sort());
      assert.equal(new Set(all).size, 8);
    } finally {
      for (const path of all) fs.rmSync(path, { force: true });
      if (!wasThere) fs.rmdirSync(group);
    }
  });
});
