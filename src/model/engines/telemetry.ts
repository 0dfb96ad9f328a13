/**
 * ONNX Runtime 1.29 and later reports to its maker about machine and command line unless this variable is set before
 * its first session; and on a long command line (a folder of files) its regular expressions overflow the stack. In a
 * thread `process.env` is a copy that C does not see, so whoever starts a thread calls this before.
 */
export function forbidTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}
