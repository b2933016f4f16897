/** What the user should read: one line on standard error, then the exit status. */
export class Complaint extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}
