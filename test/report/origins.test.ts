import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { GeoIp } from "../../src/report/count/geoip.ts";
import { Origins } from "../../src/report/count/origins.ts";
import { database } from "./database.ts";

const source = (attempts: number) => ({ attempts, first: 0, last: 0, ports: [] });
const ip = (a: number, b: number, c: number, d: number) => ((a * 256 + b) * 256 + c) * 256 + d;

describe("origins", () => {
  const dir = mkdtempSync(join(tmpdir(), "origins-"));
  after(() => rmSync(dir, { recursive: true }));

  it("are countries, networks and places, each with all its sources", () => {
    database(join(dir, "city.mmdb"), { city: "Lund", latitude: 55.7, longitude: 13.2 });
    const origins = new Origins(new GeoIp([join(dir, "city.mmdb")]));
    origins.add(ip(8, 8, 8, 8), source(2));
    origins.add(ip(8, 8, 8, 9), source(3));
    origins.add(ip(192, 168, 0, 1), source(1));
    assert.deepEqual(origins.countries(), [
      { code: "US", name: "United States", attempts: 5, sources: 2 },
      { code: "", name: "unknown", attempts: 1, sources: 1 },
    ]);
    assert.deepEqual(origins.networks(), [
      { network: "8.8.8.0/24", attempts: 5, sources: 2 },
      { network: "192.168.0.0/24", attempts: 1, sources: 1 },
    ]);
    assert.deepEqual(origins.places(), [{ name: "Lund", latitude: 55.7, longitude: 13.2, attempts: 6 }]);
    assert.equal(origins.networksForgotten, 0);
  });

  it("drop networks with few attempts if there are too many, but no country", () => {
    const origins = new Origins(new GeoIp([]));
    origins.add(ip(8, 8, 8, 8), source(2));
    for (let i = 0; i < 65_536; i++) origins.add(ip(100, i >> 8, i & 255, 1), source(1));
    assert.equal(origins.networksForgotten, 32_768);
    assert.equal(origins.networks().length, 65_537 - 32_768);
    assert.equal(origins.networks()[0]?.network, "8.8.8.0/24");
    assert.equal(
      origins.countries().reduce((sum, { attempts }) => sum + attempts, 0),
      65_538,
    );
  });
});
