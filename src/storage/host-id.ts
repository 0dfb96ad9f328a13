import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** What a host has of its own, best first: an installation, a board (device tree), a machine (readable for root only). */
const FILES = [
  '/etc/machine-id',
  '/var/lib/dbus/machine-id',
  '/sys/firmware/devicetree/base/serial-number',
  '/sys/class/dmi/id/product_uuid',
];
/** Set in addresses that somebody has made up, as for containers: they change. */
const LOCALLY_ADMINISTERED = 0x02;

/**
 * Something that stays the same on this host and is different on others; undefined where there is nothing. It may
 * be confidential (machine-id(5)): do not show it.
 *
 * @param read of a file; throws where there is none
 */
export function hostId(
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
  interfaces = networkInterfaces(),
): string | undefined {
  for (const path of FILES) {
    try {
      const id = read(path).replaceAll(/[\s\0]+/g, '');
      if (/[1-9a-f]/i.test(id) && id !== 'uninitialized') return id;
    } catch {
      // no such file: try the next
    }
  }
  const addresses = Object.values(interfaces).flatMap((each) => each ?? []);
  return addresses
    .filter(({ internal, mac }) => !internal && isOfHardware(mac))
    .map(({ mac }) => mac)
    .sort()[0];
}

function isOfHardware(mac: string): boolean {
  return (Number.parseInt(mac, 16) & LOCALLY_ADMINISTERED) === 0 && /[1-9a-f]/i.test(mac);
}
