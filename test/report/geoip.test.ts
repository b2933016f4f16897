import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { addressText, countryName, GeoIp } from "../../src/report/count/geoip.ts";
import { NoReport } from "../../src/report/options.ts";
import { database } from "./database.ts";

const ip4 = (...bytes: number[]) => bytes.reduce((word, byte) => word * 256 + byte, 0);
const ip6 = (...groups: number[]) => String.fromCharCode(...groups);

describe("the origin of an address", () => {
  const dir = mkdtempSync(join(tmpdir(), "geoIp-"));
  after(() => rmSync(dir, { recursive: true }));
  const own = (name: string, answer: Parameters<typeof database>[1]): string => {
    database(join(dir, name), answer);
    return join(dir, name);
  };

  it("is known worldwide without the user's own database", () => {
    const where = new GeoIp([]);
    assert.deepEqual(where.find(ip4(8, 8, 8, 8)), { country: "US", network: "8.8.8.0/24", place: undefined });
    assert.deepEqual(where.find(ip4(255, 255, 255, 255)).network, "255.255.255.0/24");
    assert.deepEqual(where.find(ip6(0x2a02, 0x8071, 1, 2, 3, 4, 5, 6)), {
      country: "DE",
      network: "2a02:8071:1::/48",
      place: undefined,
    });
    for (const key of [ip4(192, 168, 1, 1), ip4(10, 0, 0, 1), ip4(127, 0, 0, 1), ip6(0xfd77, 0, 0, 0, 0, 0, 0, 1)]) {
      assert.equal(where.find(key).country, "", addressText(key));
    }
    assert.deepEqual(where.sourcesOfData, [
      { name: "DB-IP Lite, IP to Country", licence: "CC BY 4.0", link: "https://db-ip.com/" },
    ]);
  });

  it("comes first from the user's own databases, of either kind", () => {
    const city = own("city.mmdb", {
      country: { iso_code: "FR" },
      city: { names: { en: "Lyon", fr: "Lyon" } },
      location: { latitude: 45.76, longitude: 4.84 },
    });
    const system = own("asn.mmdb", {
      autonomous_system_number: 3320,
      autonomous_system_organization: "Deutsche Telekom AG",
    });
    const where = new GeoIp([city, system]);
    assert.deepEqual(where.find(ip4(8, 8, 8, 8)), {
      country: "FR",
      network: "AS3320 Deutsche Telekom AG",
      place: { name: "Lyon", latitude: 45.76, longitude: 4.84 },
    });
    assert.deepEqual(where.sourcesOfData[0], { name: "city.mmdb", licence: "given with --geo", link: "" });
    const flat = own("flat.mmdb", { country_code: "SE", city: "Lund", latitude: 55.7, longitude: -13.2 });
    assert.deepEqual(new GeoIp([flat]).find(ip4(8, 8, 8, 8)), {
      country: "SE",
      network: "8.8.8.0/24",
      place: { name: "Lund", latitude: 55.7, longitude: -13.2 },
    });
  });

  it("ignores impossible values in a database", () => {
    const odd = own("odd.mmdb", { country_code: "<b>", latitude: 91.5, longitude: 0, city: 7 });
    assert.deepEqual(new GeoIp([odd]).find(ip4(8, 8, 8, 8)), {
      country: "US",
      network: "8.8.8.0/24",
      place: undefined,
    });
  });

  it("cannot be read from a file that is not a database", () => {
    const text = join(dir, "text.mmdb");
    writeFileSync(text, "no database");
    assert.throws(
      () => new GeoIp([text]),
      (error) => error instanceof NoReport && error.message.startsWith(`${text} is no .mmdb database`),
    );
    assert.throws(() => new GeoIp([join(dir, "none.mmdb")]), { code: "ENOENT" });
  });

  it("has a name", () => {
    assert.deepEqual(["DE", "XK", "", "ZZ"].map(countryName), ["Germany", "Kosovo", "unknown", "Unknown Region"]);
  });

  it("names the database that is damaged inside", () => {
    const path = own("damaged.mmdb", { country_code: "SE" });
    const bytes = readFileSync(path);
    bytes[6 + 16] = 0; // the first byte of the answer: a type that does not exist
    writeFileSync(path, bytes);
    assert.throws(() => new GeoIp([path]).find(ip4(8, 8, 8, 8)), {
      constructor: NoReport,
      message: /^\S+damaged\.mmdb is damaged: /,
    });
  });
});
