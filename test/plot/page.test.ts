import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from '../../src/plot/page.js';
import { domOf, lacksBrowser } from '../support/browser.js';
import { aRecording } from '../support/recording.js';
import { wavBytes } from '../support/sound.js';

let dir: string;
let sound: string;
const bytes = wavBytes([new Float32Array(160_000)]);
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-page-'));
  sound = join(dir, 'a night & more.wav');
  writeFileSync(sound, bytes);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the page of a recording', () => {
  it('has the recording in it, and asks for nothing from outside', async () => {
    const page = await renderPage(aRecording(), sound, join(dir, 'page.html'));
    const [, data] = /<audio [^>]*src="data:audio\/wav;base64,([^"]*)"/.exec(page) ?? [];
    expect(Buffer.from(data ?? '', 'base64').equals(bytes)).toBe(true);
    expect(page.match(/(?:src|href)="(?!data:)[^"]*"|@import|url\(|fetch\(|https?:/g)).toBeNull();
    expect(page).toContain('whoever gets the page can hear it');
  });

  it('leaves a large recording where it is, and says where', async () => {
    const large = join(dir, 'a long night #1.wav');
    writeFileSync(large, bytes);
    truncateSync(large, 17 * 2 ** 20); // sparse
    const page = await renderPage(aRecording({ seconds: 557 }), large, join(dir, 'plots', 'page.html'));
    expect(page).toContain('src="../a%20long%20night%20%231.wav"');
    expect(page).toContain('17 MiB) is larger than 16 MiB');
    expect(page.length).toBeLessThan(3_000_000);
  });

  it('of a day is no larger, and says how fine it is', async () => {
    const page = await renderPage(aRecording({ seconds: 86_400 }), sound, join(dir, 'page.html'));
    expect(page.length).toBeLessThan(3_000_000);
    expect(page).toContain('A column of waveform and spectrogram is 21.6 s');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('shows names as they are', async () => {
    const recording = aRecording({
      name: '</title><script>alert(1)</script>',
      alarms: [{ name: '"><img>', startSeconds: 1, endSeconds: 2, peakConfidence: 1 }],
    });
    const page = await renderPage(recording, sound, join(dir, 'page.html'));
    expect(page).not.toMatch(/<script>alert|<img>/);
  });

  it('leads to the sounds beside the alarm, too', async () => {
    const dog = { id: 'dog', name: 'Dog', startSeconds: 2, endSeconds: 4, peakScore: 0.4 };
    const page = await renderPage(aRecording({ sounds: [dog] }), sound, join(dir, 'page.html'));
    expect(page).toMatch(/<ul [^>]*aria-label="sounds"><li><button [^>]*data-at="2">Dog at 2 s \(0\.40\)</);
    expect(page).toContain('<strong>Sounds</strong>');
    expect(await renderPage(aRecording(), sound, join(dir, 'page.html'))).not.toMatch(/[sS]ounds["<]/);
  });

  it.skipIf(lacksBrowser())('zooms, seeks and plays in a browser', async () => {
    const path = join(dir, 'page.html');
    const page = await renderPage(aRecording(), sound, path);
    // A person's clicks, and what can be seen after them.
    const hands = `
        const see = {};
        const inner = document.querySelector('#inner'), frame = document.querySelector('#frame');
        const audio = document.querySelector('audio'), zoom = (by) => document.querySelector('[data-zoom="' + by + '"]');
        const ticks = () => document.querySelectorAll('#axis i').length;
        const ready = () => {
          see.seconds = audio.duration;
          see.ticks = [ticks()];
          zoom('2').click(); zoom('2').click();
          see.zoomed = inner.clientWidth / frame.clientWidth;
          see.ticks.push(ticks());
          document.querySelector('[data-at]').click();
          see.alarmAt = audio.currentTime;
          document.dispatchEvent(new KeyboardEvent('keydown', { key: '0' }));
          see.whole = inner.clientWidth / frame.clientWidth;
          const { left, width } = frame.getBoundingClientRect();
          frame.dispatchEvent(new MouseEvent('click', { clientX: left + width / 4, bubbles: true }));
          see.clickedAt = audio.currentTime;
          see.playhead = document.querySelector('#playhead').style.left;
          see.silent = document.querySelector('#silent').hidden;
          document.body.dataset.seen = JSON.stringify(see);
        };
        if (audio.readyState > 0) ready(); else audio.addEventListener('loadedmetadata', ready);`;
    writeFileSync(path, page.replace('</body>', `<script type="module">${hands}</script></body>`));
    const dom = await domOf(path);
    const seen = JSON.parse(/data-seen="([^"]*)"/.exec(dom)?.[1]?.replaceAll('&quot;', '"') ?? '{}');
    expect(seen).toEqual({
      seconds: 10,
      ticks: [expect.any(Number), expect.any(Number)],
      zoomed: expect.closeTo(4, 1),
      alarmAt: 4, // a second before it
      whole: expect.closeTo(1, 1),
      clickedAt: expect.closeTo(2.5, 1),
      playhead: expect.stringMatching(/^2[45]\.?\d*%$/),
      silent: true,
    });
    expect(seen.ticks[1]).toBeGreaterThan(seen.ticks[0]);
  });

  it.skipIf(lacksBrowser())('says so where the recording cannot be played', async () => {
    const path = join(dir, 'dumb.html');
    const page = await renderPage(aRecording(), sound, path);
    writeFileSync(path, page.replace(/src="data:audio[^"]*"/, 'src="gone.wav"'));
    expect(await domOf(path)).toMatch(/<p id="silent">This browser cannot play/);
  });
});

it('its script is one that needs no other', () => {
  const compiled = new URL('../../dist/plot/page/zoom.js', import.meta.url);
  expect(readFileSync(compiled, 'utf8')).not.toMatch(/\b(import|require)\b|<\/script/);
});
