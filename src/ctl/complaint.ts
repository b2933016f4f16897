// What the user of knockctl should read: one line on standard error, and the exit status.

/** No daemon answers, or we may not ask it. */
export const UNREACHED = 3;

export class Complaint extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
