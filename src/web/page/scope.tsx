import { useEffect, useRef } from 'preact/hooks';
import { classProperty, colourOf, isDark, reducedMotion } from './colours.js';
import { sound, status } from './live.js';
import { SHOWN_SECONDS } from './sound.js';
import { heightOf, Spectrogram } from './spectrogram.js';
import { drawStrip, type StripLook } from './strip.js';
import { nameOf, t } from './texts.js';

/** Often enough for the eye, and half the work. */
const FRAME_MS = 33;
const SECONDS = [30, 20, 10];
const HERTZ = [250, 500, 1000, 2000, 4000];

/** The last half minute: waveform and spectrogram over one axis of time. */
export function Scope() {
  const strip = useRef<HTMLCanvasElement>(null);
  const mel = useRef<HTMLCanvasElement>(null);
  const look = stripLook();
  const dark = isDark.value;
  useEffect(() => (strip.current && mel.current ? run(strip.current, mel.current, look, dark) : undefined));
  const texts = t().sound;
  return (
    <section class="card scope" aria-labelledby="scope">
      <h2 id="scope">{texts.title}</h2>
      <canvas ref={strip} class="strip" role="img" aria-label={texts.waveform} />
      <div class="mel">
        <canvas ref={mel} role="img" aria-label={texts.spectrogram} />
        {HERTZ.map((hz) => (
          <span key={hz} aria-hidden="true" style={{ bottom: `${100 * heightOf(hz)}%` }}>
            {hz < 1000 ? hz : `${hz / 1000}k`}
          </span>
        ))}
      </div>
      <div class="axis" aria-hidden="true">
        {SECONDS.map((seconds) => (
          <span key={seconds} style={{ left: `${100 - (100 * seconds) / SHOWN_SECONDS}%` }}>
            {texts.ago(seconds)}
          </span>
        ))}
        <span class="end">{texts.now}</span>
      </div>
    </section>
  );
}

function stripLook(): StripLook {
  const { labels = [], alarmLabels = [] } = status.value?.model ?? {};
  return {
    colours: labels.map((label, i) => colourOf(classProperty(label, i, alarmLabels))),
    names: labels.map((label) => nameOf(t().classes, label)),
    alarm: colourOf('--alarm'),
    alarmName: t().sound.alarm,
    ink: colourOf('--muted'),
    line: colourOf('--line'),
    font: colourOf('--font'),
  };
}

/** Draws until it is called off. */
function run(
  strip: HTMLCanvasElement,
  mel: HTMLCanvasElement,
  look: StripLook,
  dark: boolean,
): (() => void) | undefined {
  const [over, under] = [strip.getContext('2d'), mel.getContext('2d')];
  if (!over || !under) return undefined;
  const spectrogram = new Spectrogram(sound);
  let [request, drawnAtMs, drawnEdge] = [0, 0, -1];
  const draw = (nowMs: number) => {
    request = requestAnimationFrame(draw);
    const edge = sound.edge(reducedMotion.matches);
    const resized = [resize(strip), resize(mel)].includes(true);
    if (!resized && (edge === drawnEdge || nowMs - drawnAtMs < FRAME_MS)) return;
    [drawnAtMs, drawnEdge] = [nowMs, edge];
    const place = { width: strip.width, height: strip.height, ratio: devicePixelRatio, edge };
    drawStrip(over, sound, place, look);
    spectrogram.draw(under, mel.width, mel.height, edge, dark);
  };
  request = requestAnimationFrame(draw);
  return () => cancelAnimationFrame(request);
}

/** Gives a canvas as many pixels as the screen has. @returns whether it had others */
function resize(canvas: HTMLCanvasElement): boolean {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) =>
    Math.round(size * devicePixelRatio),
  ) as [number, number];
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}
