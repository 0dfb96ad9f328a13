import { beforeEach, expect, it } from 'vitest';
import { Company } from '../src/company.js';

let told: [name: string, lacking: boolean][];
const member = (name: string, ...illness: string[]) => ({
  illness: () => illness,
  lacking: (any: boolean) => void told.push([name, any]),
});
beforeEach(() => {
  told = [];
});

it('who is missing is told once to all that listen, to those that come later, and when it has come', () => {
  const company = new Company(true);
  company.join('bath', member('bath'));
  company.miss('hall');
  company.miss('hall'); // found out again and again
  company.join('attic', member('attic'));
  expect(told.splice(0)).toEqual([
    ['bath', true],
    ['attic', true],
  ]);
  expect(company.illness()).toEqual(['hall: another process has it']);
  company.join('hall', member('hall'));
  expect(told.filter(([, lacking]) => lacking)).toEqual([]);
  expect(told.slice(0, 2)).toEqual([
    ['bath', false],
    ['attic', false],
  ]);
  expect(company.illness()).toEqual([]);
});

it('each word says whose it is where there are several; of one that has ended there is none', () => {
  const company = new Company(true);
  company.join('bath', member('bath'));
  company.join('hall', member('hall', 'no_sound', 'outbox_not_durable'));
  expect(company.illness()).toEqual(['hall: no_sound', 'hall: outbox_not_durable']);
  company.leave('hall');
  expect(company.illness()).toEqual([]);
  const alone = new Company(false);
  alone.join('bath', member('bath', 'no_sound'));
  expect(alone.illness()).toEqual(['no_sound']);
});
