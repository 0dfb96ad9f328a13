/**
 * The script of a page: it zooms by making the plots wider in a frame that scrolls, and moves a line along with the
 * sound. It runs in a browser and is written into the page, so it imports nothing.
 */
const frame = document.querySelector<HTMLElement>('#frame')!;
const inner = document.querySelector<HTMLElement>('#inner')!;
const axis = document.querySelector<HTMLElement>('#axis')!;
const head = document.querySelector<HTMLElement>('#playhead')!;
const at = document.querySelector<HTMLElement>('#at')!;
const audio = document.querySelector<HTMLAudioElement>('audio')!;
const seconds = Number(inner.dataset.seconds);
const mostZoom = Math.max(1, Number(inner.dataset.columns) / 250);
/** Pixels that the words at a tick need. */
const TICK_WIDTH = 84;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200];
let zoom = 1;

/** Zooms; the time under `x`, pixels from the left of the frame, stays there. */
function setZoom(wanted: number, x = frame.clientWidth / 2): void {
  const time = (frame.scrollLeft + x) / inner.clientWidth;
  zoom = Math.min(mostZoom, Math.max(1, wanted));
  inner.style.width = `${100 * zoom}%`;
  frame.scrollLeft = time * inner.clientWidth - x;
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-zoom]'))
    button.disabled = Number(button.dataset.zoom) > 1 ? zoom >= mostZoom : zoom <= 1;
  drawAxis();
}

function drawAxis(): void {
  const most = Math.max(2, inner.clientWidth / TICK_WIDTH);
  const step = STEPS.find((each) => seconds / each <= most) ?? 86_400;
  const ticks: HTMLElement[] = [];
  for (let i = 0; i * step <= seconds; i++) {
    const tick = document.createElement('i');
    tick.style.left = `${(100 * i * step) / seconds}%`;
    if (i * step > 0.97 * seconds) tick.className = 'last';
    tick.textContent = clock(i * step);
    ticks.push(tick);
  }
  axis.replaceChildren(...ticks);
}

function clock(time: number): string {
  if (seconds < 60) return `${Number(time.toFixed(1))} s`;
  const whole = Math.floor(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const rest = Number.isInteger(time) ? '' : (time - whole).toFixed(1).slice(1);
  return `${h > 0 ? `${h}:${two(m)}` : m}:${two(s)}${rest}`;
}

function showTime(): void {
  const share = Math.min(1, audio.currentTime / seconds);
  head.style.left = `${100 * share}%`;
  at.textContent = clock(Math.round(audio.currentTime * 10) / 10);
  const x = share * inner.clientWidth - frame.scrollLeft;
  // What plays stays in sight; who looks elsewhere while it rests is left alone.
  if (!audio.paused && (x < 0 || x > frame.clientWidth - 20)) frame.scrollLeft += x - 40;
}

function follow(): void {
  showTime();
  if (!audio.paused) requestAnimationFrame(follow);
}

function seek(time: number): void {
  audio.currentTime = Math.max(0, Math.min(seconds, time));
  showTime();
}

function togglePlay(): void {
  if (audio.paused)
    void audio.play().catch(() => {}); // what is wrong is said by its error event
  else audio.pause();
}

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-zoom]'))
  button.addEventListener('click', () => setZoom(zoom * Number(button.dataset.zoom)));
document.querySelector('#whole')!.addEventListener('click', () => setZoom(1));
for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-at]'))
  button.addEventListener('click', () => {
    seek(Number(button.dataset.at) - 1);
    frame.scrollLeft = (audio.currentTime / seconds) * inner.clientWidth - 40;
  });

frame.addEventListener('click', (event) => {
  seek(((event.clientX - inner.getBoundingClientRect().left) / inner.clientWidth) * seconds);
});
frame.addEventListener(
  'wheel',
  (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // it scrolls
    event.preventDefault();
    setZoom(zoom * Math.exp(-event.deltaY / 300), event.clientX - frame.getBoundingClientRect().left);
  },
  { passive: false },
);
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof HTMLButtonElement || event.target instanceof HTMLAudioElement) return;
  if (event.key === '+') setZoom(zoom * 2);
  else if (event.key === '-') setZoom(zoom / 2);
  else if (event.key === '0') setZoom(1);
  else if (event.key === ' ') togglePlay();
  else return;
  event.preventDefault();
});
audio.addEventListener('play', follow);
audio.addEventListener('seeked', showTime);
audio.addEventListener('timeupdate', showTime);
audio.addEventListener('error', () => {
  document.querySelector<HTMLElement>('#silent')!.hidden = false;
});
// It may have failed before this was read.
if (audio.error) document.querySelector<HTMLElement>('#silent')!.hidden = false;
addEventListener('resize', drawAxis);
setZoom(1);
showTime();
