// Tests which program knockctl init starts without systemd: the package's own, so that pidof finds the daemon by its
// path.
import assert from "node:assert/strict";
import { it } from "node:test";
import { daemonCommand } from "../src/setup/daemon-command.ts";

it("starts the Debian packages' daemon by its own program", () =>
  assert.deepEqual(daemonCommand(["/usr/bin/node", "/usr/lib/knockd/knockctl.js"]), ["/usr/sbin/knockd"]));

it("starts the daemon beside any other knockctl by the same Node", () =>
  assert.deepEqual(daemonCommand(["/opt/node", "/srv/knockd/dist/src/knockctl.js"]), [
    "/opt/node",
    "/srv/knockd/dist/src/knockd.js",
  ]));
