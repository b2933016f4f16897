// Everything that a person needs to use a new client, on one screen.

import type { Client } from "../codes/client.ts";
import { formatClientUrl } from "../codes/client-url.ts";
import { card, commandLine } from "./card.ts";
import { otpauthUri } from "./otpauth-uri.ts";
import { qrLines } from "./qr.ts";

export interface InstructionOptions {
  /** The file that the line for knock was written to. */
  readonly file?: string | undefined;
  /** Use colours. */
  readonly isTerminal: boolean;
}

export function instructions(host: string, client: Client, options: InstructionOptions): string {
  const blocks = { code: ofCode, key: ofKey, list: ofList }[client.kind](host, client, options);
  return `${blocks.join("\n\n")}\n`;
}

function ofCode(host: string, client: Client, { isTerminal, file }: InstructionOptions): string[] {
  const uri = otpauthUri(host, client);
  return [
    "Scan this with an authenticator app:",
    qrLines(uri, isTerminal).join("\n"),
    `Or type the secret into the app: ${client.secret.text("code").replace(/.{4}(?!$)/g, "$& ")}\n${uri}`,
    card(host, client),
    `One line for a shell (replace the code by yours):\n${commandLine(host, client)}`,
    knockLine(host, client, file),
  ];
}

function ofKey(host: string, client: Client, { file }: InstructionOptions): string[] {
  const line =
    client.bind || client.protocol === "udp"
      ? []
      : [
          `Without knock, for a shell with openssl and curl:\nK=${client.secret.text("key")}\n${commandLine(host, client)}`,
        ];
  return [knockLine(host, client, file), ...line];
}

function ofList(host: string, client: Client): string[] {
  return [
    card(host, client),
    `Print the codes, each for one knock:\nsudo knockctl client paper ${client.name} 20 --host ${host}`,
  ];
}

function knockLine(host: string, client: Client, file: string | undefined): string {
  if (file !== undefined)
    return `The line for knock is in ${file}. Copy it to ~/.config/knock/${client.name}.knock (mode 600). Then run:\nknock ${client.name}`;
  return `For knock, write this line to ~/.config/knock/${client.name}.knock (mode 600). Then run: knock ${client.name}\n${formatClientUrl(host, client)}`;
}
