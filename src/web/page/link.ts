import { signal } from '@preact/signals';

/** `opening`: nothing is known yet; `login`: a password is asked for; `refused`: for a reason that is said. */
type Link = 'opening' | 'open' | 'lost' | 'login' | 'refused';

/** How this page stands with the device. */
export const link = signal<Link>('opening');
