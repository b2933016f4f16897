// Packets cannot be captured: an error of the system or of libpcap. It ends the start with one line.

/** The message is libpcap's, or that of the system. */
export class CaptureError extends Error {}
