// Tests which addresses belong to this host. Those of real interfaces: live/listening.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "../src/net/address.ts";
import { AddressSet } from "../src/net/address-set.ts";

const address = (text: string) => parseAddress(text)!;

describe("own addresses", () => {
  const own = new AddressSet(["10.77.0.1", "fd77::1"].map(address));

  it("contain exactly the given addresses, in any order", () => {
    const asked = ["10.77.0.1", "10.77.0.1", "10.77.0.2", "10.77.0.2", "fd77::1", "fd77::2", "10.77.0.1", "fd77::1"];
    const ours = asked.filter((text) => own.has(address(text)));
    assert.deepEqual(ours, ["10.77.0.1", "10.77.0.1", "fd77::1", "10.77.0.1", "fd77::1"]);
  });

  it("compare the address, not the object, which is reused for every packet", () => {
    const reused = { ...address("10.77.0.1") };
    assert.equal(own.has(reused), true);
    reused.w3++;
    assert.equal(own.has(reused), false);
    reused.w3--;
    assert.equal(own.has(reused), true);
  });

  it("are equal in any order, and differ if one address differs", () => {
    const same = new AddressSet(["fd77::1", "10.77.0.1"].map(address));
    assert.equal(own.equals(same), true);
    assert.equal(own.equals(new AddressSet(["fd77::2", "10.77.0.1"].map(address))), false);
    assert.equal(`${same}`, "10.77.0.1, fd77::1");
  });

  it("of the loopback interface only let hosts and this host be clients", () => {
    const loopback = new AddressSet(["127.0.0.1", "::1"].map(address));
    const asked = ["10.77.0.1", "127.0.0.2", "::1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"];
    const clients = asked.filter((text) => loopback.isClient(address(text)));
    assert.deepEqual(clients, ["10.77.0.1", "127.0.0.2", "::1"]);
  });
});
