import { lookup } from 'node:dns';
import { type LookupFunction, setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

/**
 * So long an address of a host is tried where it has another one. Node's 250 ms are less than a slow line takes there and
 * back: where IPv6 leads nowhere, each try would cut IPv4 off and end with the error of IPv6, for ever. This is enough
 * also where the first packet is lost, which is sent again after 1 s; and three addresses that do not answer leave time
 * for a fourth in the 10 s that a connection to the broker may take.
 */
export const ADDRESS_MS = 3000;

/** So long a name is looked up: less than a connection to the broker may take, so that it is the name that is said. */
export const NAME_MS = 8000;

/** Gives every address time enough, whoever connects in this process: MQTT.js as well as `notify`. */
export function giveAddressesTime(): void {
  setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_MS);
}

/**
 * Looks each name up once at a time; whoever asks for it meanwhile gets the same answer. A resolver that does not answer
 * holds one of the two threads that Node has for that until it gives up, and nobody can take it back: with a look-up for
 * each attempt to connect no other name would be looked up any more.
 *
 * @param resolve `dns.lookup`, which knows /etc/hosts and mDNS
 * @param limitMs after which whoever asks gets an error
 */
export function lookupOnce(resolve: LookupFunction, limitMs: number): LookupFunction {
  const asked = new Map<string, Set<Parameters<LookupFunction>[2]>>();
  return (hostname, options, callback) => {
    const question = JSON.stringify([hostname, options]);
    const asking = asked.get(question) ?? new Set();
    const late = setTimeout(() => {
      asking.delete(answered);
      callback(Object.assign(new Error(`${hostname} is not resolved in time`), { code: 'EAI_AGAIN' }), []);
    }, limitMs);
    const answered: typeof callback = (...answer) => {
      clearTimeout(late);
      callback(...answer);
    };
    asking.add(answered);
    if (asked.has(question)) return;
    asked.set(question, asking);
    resolve(hostname, options, (...answer) => {
      asked.delete(question);
      for (const each of asking) each(...answer);
    });
  };
}

/** That of this process. */
export const lookUp = lookupOnce(lookup, NAME_MS);
