// A kernel that accepts every change and has nothing: for what only behaves as if it opened doors.

import type { NativeNftSocket } from "../platform/native.ts";

const ENOENT = 2;

export class NoKernel implements NativeNftSocket {
  readonly port = 1;

  transact(): number {
    return 0;
  }

  expect(): void {}

  takeExpected(): undefined {}

  ask(): number {
    return ENOENT;
  }

  close(): void {}
}
