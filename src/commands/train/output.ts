import type { Epoch } from '../../training/fit/fit-head.js';
import type { ClassReport } from '../../training/train-report.js';
import { warn } from '../support/print.js';
import { type Progress, showProgress } from '../support/progress.js';

export function warnOfIgnored(files: readonly string[]): void {
  if (files.length === 0) return;
  const named = files.slice(0, 5).join(', ');
  warn(
    `${files.length} files are left out, no audio file in a class folder: ${named}${files.length > 5 ? ', …' : ''}`,
  );
}

export function splitLines(classes: readonly ClassReport[]): string[] {
  const width = Math.max(...classes.map(({ label }) => label.length));
  return classes.map(
    ({ label, recordings, training, validation }) =>
      `${label.padEnd(width)}  ${training} clips to train, ${validation} to validate, from ${recordings} recordings`,
  );
}

export function epochLine(epoch: Epoch, epochs: number): string {
  const { loss, accuracy, validationLoss, validationAccuracy } = epoch;
  const part = (name: string, each: number, right: number) =>
    `${name} loss ${each.toFixed(4)} accuracy ${right.toFixed(3)}`;
  const checked =
    validationLoss === undefined || validationAccuracy === undefined
      ? ''
      : `   ${part('validation', validationLoss, validationAccuracy)}`;
  const number = `${epoch.epoch}`.padStart(`${epochs}`.length);
  return `epoch ${number}/${epochs}   ${part('training', loss, accuracy)}${checked}`;
}

/** One bar after the other. */
export function createProgress() {
  let bar: { step: string; total: number; progress: Progress } | undefined;
  const stop = () => {
    bar?.progress.stop();
    bar = undefined;
  };
  return {
    update(step: string, done: number, total: number) {
      if (bar?.step !== step || done === 1) {
        stop();
        bar = { step, total, progress: showProgress(step, total) };
      }
      bar.progress.update(done);
    },
    stop,
  };
}
