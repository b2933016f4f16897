// Why packets cannot be captured: an error of the system or of libpcap, which ends the start with one line.

/** The interface can't be listened at, in libpcap's words. */
export class CaptureError extends Error {}
