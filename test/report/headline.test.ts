// Tests that the first sentence of a report claims only what the log says.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { headline } from "../../src/report/render/headline.ts";

const port = (attempts: number, protocol = "tcp", number = 22, service = "ssh") => [
  { protocol, port: number, service, attempts, sources: 1 },
];

describe("the headline", () => {
  const table: [title: string, report: Parameters<typeof headline>[0], text: string][] = [
    [
      "all rejected",
      { attempts: 512, rejected: 512, ports: port(82) },
      "82 of 512 attempts were for SSH, port 22. The log says that the firewall rejected all of them: nobody got in that way.",
    ],
    [
      "one",
      { attempts: 1, rejected: 1, ports: port(1) },
      "The only attempt was for SSH, port 22. The log says that the firewall rejected it: nobody got in that way.",
    ],
    [
      "one port, by its name of IANA",
      { attempts: 7, rejected: 7, ports: port(7, "udp", 427, "svrloc") },
      "All 7 attempts were for svrloc, port 427/udp. The log says that the firewall rejected all of them: nobody got in that way.",
    ],
    [
      "a prefix that says nothing",
      { attempts: 5, rejected: 0, ports: port(1, "tcp", 8765, "") },
      "1 of 5 attempts was for port 8765. The log does not say whether the firewall rejected them.",
    ],
    [
      "some",
      { attempts: 5, rejected: 4, ports: port(3, "icmp", 0, "") },
      "3 of 5 attempts were for ICMP. The log says that the firewall rejected 4 of them, and nothing about the other 1.",
    ],
    ["nothing", { attempts: 0, rejected: 0, ports: [] }, ""],
  ];
  for (const [title, report, text] of table) it(title, () => assert.equal(headline(report), text));

  it("separates thousands", () =>
    assert.match(headline({ attempts: 9000, rejected: 9000, ports: port(8000) }), /^8,000 of 9,000 /));
});
