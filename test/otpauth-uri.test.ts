import assert from "node:assert/strict";
import { test } from "node:test";
import { otpauthUri } from "../src/credentials/otpauth-uri.ts";
import { PHONE, TABLET } from "./credentials.ts";

test("the URI for an authenticator app", () => {
  assert.equal(
    otpauthUri("host.example", PHONE),
    "otpauth://totp/knock%20host.example:phone?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=knock%20host.example",
  );
  assert.match(otpauthUri("host.example", TABLET), /&digits=8&algorithm=SHA1&period=30$/);
});
