import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

/**
 * So long an address of a host is tried where it has another one. Node's 250 ms are less than a slow line takes there and
 * back: where IPv6 leads nowhere, each try would cut IPv4 off and end with the error of IPv6, for ever. This is enough
 * also where the first packet is lost, which is sent again after 1 s; and three addresses that do not answer leave time
 * for a fourth in the 10 s that a connection to the broker may take.
 */
export const ADDRESS_MS = 3000;

/** Gives every address time enough, whoever connects in this process: MQTT.js as well as `notify`. */
export function giveAddressesTime(): void {
  setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_MS);
}
