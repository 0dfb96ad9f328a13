import koffi from 'koffi';

export function lacksLibsystemd(): boolean {
  try {
    koffi.load('libsystemd.so.0').unload();
    return false;
  } catch {
    console.warn('SKIPPED: tests that need libsystemd.so.0, which is missing here');
    return true;
  }
}

/** The manager's side: a real unix datagram socket, which Node itself cannot open. */
export function openReceiver(path: string) {
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int, int, int)');
  const bind = libc.func('int bind(int, const void *, uint32_t)');
  const recv = libc.func('int64_t recv(int, _Out_ uint8_t *, size_t, int)');
  const close = libc.func('int close(int)');
  const [AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 0x40];
  const descriptor = socket(AF_UNIX, SOCK_DGRAM, 0);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  const address = Buffer.concat([family, Buffer.from(`${path}\0`)]);
  if (bind(descriptor, address, address.length) !== 0) throw new Error(`cannot bind ${path}`);
  return {
    path,
    received(): string[] {
      const messages: string[] = [];
      const buffer = Buffer.alloc(4096);
      for (;;) {
        const bytes = Number(recv(descriptor, buffer, buffer.length, MSG_DONTWAIT));
        if (bytes < 0) return messages;
        messages.push(buffer.toString('utf8', 0, bytes));
      }
    },
    close: () => close(descriptor),
  };
}
