import { expect, it } from 'vitest';
import { Outbox } from '../../src/publish/outbox.js';

it('hands out what came first and keeps it until it is removed', () => {
  const outbox = new Outbox<string>(3);
  outbox.add('a');
  outbox.add('b');
  expect(outbox.first).toBe('a');
  expect(outbox.first).toBe('a');
  outbox.remove('a');
  expect([...outbox]).toStrictEqual(['b']);
});

it('drops the oldest when it is full, and counts', () => {
  const outbox = new Outbox<number>(3);
  for (let i = 0; i < 10; i++) outbox.add(i);
  expect([...outbox]).toStrictEqual([7, 8, 9]);
  expect(outbox.size).toBe(3);
  expect(outbox.dropped).toBe(7);
});

it('removes nothing else where the item was dropped meanwhile', () => {
  const outbox = new Outbox<string>(1);
  outbox.add('on its way');
  outbox.add('next');
  outbox.remove('on its way');
  expect(outbox.first).toBe('next');
});
