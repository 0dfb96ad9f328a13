import { z } from 'zod';
import { TIME_OF_DAY } from '../constants.js';

/** Up to a day. */
export const seconds = (min = 0) => z.number().min(min).max(86_400);
export const probability = () => z.number().min(0).max(1);
/** `7:00` is the same time as `07:00`, and becomes the same text. */
export const timeOfDay = () =>
  z
    .string()
    .regex(TIME_OF_DAY, 'expected a time of day such as "22:00"')
    .overwrite((time) => time.padStart(5, '0'));
