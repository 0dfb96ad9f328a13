import { z } from 'zod';

/** Up to a day. */
export const seconds = (min = 0) => z.number().min(min).max(86_400);
export const probability = () => z.number().min(0).max(1);
export const timeOfDay = () =>
  z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d$/, 'expected a time of day such as "22:00"');
