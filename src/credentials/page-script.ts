// The script of the page that knocks, for a browser. The page is a single file on a phone, so there are no modules and
// no libraries. `client` is defined before it. The test runs it beside codes/derive.ts.

export const PAGE_SCRIPT = String.raw`
"use strict";

function rotate(word, count) {
  return (word << count) | (word >>> (32 - count));
}

// FIPS 180-4. Takes and returns bytes.
function padded(bytes) {
  const length = (bytes.length + 72) & ~63;
  const block = new Uint8Array(length);
  block.set(bytes);
  block[bytes.length] = 128;
  const view = new DataView(block.buffer);
  view.setUint32(length - 8, Math.floor(bytes.length / 536870912));
  view.setUint32(length - 4, (bytes.length * 8) >>> 0);
  return view;
}

function bytesOf(words) {
  const view = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, i) => view.setUint32(4 * i, word >>> 0));
  return new Uint8Array(view.buffer);
}

function sha1(bytes) {
  const view = padded(bytes);
  const hash = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  const w = new Int32Array(80);
  for (let at = 0; at < view.byteLength; at += 64) {
    for (let i = 0; i < 80; i++)
      w[i] = i < 16 ? view.getInt32(at + 4 * i) : rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    let [a, b, c, d, e] = hash;
    for (let i = 0; i < 80; i++) {
      const f = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
      const k = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][Math.floor(i / 20)];
      const next = (rotate(a, 5) + f + e + k + w[i]) | 0;
      [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
    }
    [a, b, c, d, e].forEach((word, i) => (hash[i] = (hash[i] + word) | 0));
  }
  return bytesOf(hash);
}

// The first 32 bits of the fractional parts of the roots of primes.
function fractions(count, root) {
  const found = [];
  for (let n = 2; found.length < count; n++) {
    let isPrime = true;
    for (let i = 2; i * i <= n; i++) if (n % i === 0) isPrime = false;
    if (isPrime) found.push(Math.floor((Math.pow(n, 1 / root) % 1) * 4294967296) | 0);
  }
  return found;
}
const ROUNDS = fractions(64, 3);
const START = fractions(8, 2);

function sha256(bytes) {
  const view = padded(bytes);
  const hash = START.slice();
  const w = new Int32Array(64);
  for (let at = 0; at < view.byteLength; at += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        w[i] = view.getInt32(at + 4 * i);
        continue;
      }
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = rotate(x, 25) ^ rotate(x, 14) ^ (x >>> 3);
      const s1 = rotate(y, 15) ^ rotate(y, 13) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 26) ^ rotate(e, 21) ^ rotate(e, 7);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const s0 = rotate(a, 30) ^ rotate(a, 19) ^ rotate(a, 10);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (hash[i] = (hash[i] + word) | 0));
  }
  return bytesOf(hash);
}

// RFC 2104.
function hmac(hash, key, message) {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? hash(key) : key);
  const join = (pad, rest) => {
    const bytes = new Uint8Array(64 + rest.length);
    for (let i = 0; i < 64; i++) bytes[i] = block[i] ^ pad;
    bytes.set(rest, 64);
    return bytes;
  };
  return hash(join(0x5c, hash(join(0x36, message))));
}

function hexBytes(text) {
  return new Uint8Array(text.match(/../g).map((two) => parseInt(two, 16)));
}

function windowAt(milliseconds) {
  return Math.floor(milliseconds / 30000);
}

// RFC 6238 with RFC 4226: the digits of a code.
function digitsAt(counter) {
  const message = new Uint8Array(8);
  new DataView(message.buffer).setUint32(0, Math.floor(counter / 4294967296));
  new DataView(message.buffer).setUint32(4, counter >>> 0);
  const hash = hmac(sha1, hexBytes(client.secret), message);
  const word = new DataView(hash.buffer).getUint32(hash[19] & 15) & 0x7fffffff;
  return String(word % Math.pow(10, client.digits)).padStart(client.digits, "0");
}

function portsAt(counter) {
  if (client.kind === "code") {
    const digits = digitsAt(counter);
    return client.blocks.map((first, i) => first + Number(digits.slice(2 * i, 2 * i + 2)));
  }
  const message = "knockd-ng 1\n" + client.door + "\n" + client.name + "\n-\n" + counter + "\n";
  const hash = hmac(sha256, hexBytes(client.secret), new TextEncoder().encode(message));
  return client.blocks.map((first, i) => first + (((hash[2 * i] << 8) | hash[2 * i + 1]) & 1023));
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// One SYN is a knock. No reply is needed.
async function knock(port) {
  const control = new AbortController();
  const limit = setTimeout(() => control.abort(), 180);
  try {
    await fetch("http://" + client.host + ":" + port + "/", {
      mode: "no-cors",
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: control.signal,
    });
  } catch {
    // refused, dropped or not a web server: the packet was sent anyway
  }
  clearTimeout(limit);
}

async function knockAll(onKnock) {
  const ports = portsAt(windowAt(Date.now()));
  for (let i = 0; i < ports.length; i++) {
    onKnock(i + 1, ports.length);
    const begun = Date.now();
    await knock(ports[i]);
    await wait(Math.max(0, 200 - (Date.now() - begun)));
  }
  await wait(300);
}

function start() {
  const find = (id) => document.getElementById(id);
  const button = find("knock");
  const said = find("said");
  let shown = -1;
  const draw = () => {
    const now = Date.now();
    const counter = windowAt(now);
    const left = 30 - Math.floor((now % 30000) / 1000);
    find("left").value = left;
    find("seconds").textContent = "New code in " + left + " s";
    if (counter === shown) return;
    shown = counter;
    find("ports").textContent = portsAt(counter).join(" ");
    if (client.kind === "code") find("digits").textContent = digitsAt(counter).replace(/..(?!$)/g, "$& ");
  };
  draw();
  setInterval(draw, 250);
  button.addEventListener("click", async () => {
    button.disabled = true;
    await knockAll((number, count) => (said.textContent = "Knocking " + number + " of " + count + " …"));
    said.textContent = "Knocks sent. Connect now.";
    button.disabled = false;
    button.focus();
  });
  find("copy").addEventListener("click", async () => {
    const text = find("ports").textContent;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "Ports copied.";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(find("ports"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      said.textContent = "Ports selected. Copy them now.";
    }
  });
}

if (typeof document !== "undefined") start();
`;
