import { ExitCode, UserError } from '../../errors.js';
import type { Bundle } from '../../model/bundle.js';
import { backboneFingerprint } from '../../model/fingerprint.js';
import { embeddingsOf, readFeedback } from '../../storage/feedback-records.js';
import type { Dataset } from '../../training/dataset.js';
import { warn } from '../support/print.js';

/** What a false alarm is where `--feedback` does not say, and a room in which nothing is heard. */
export const ORDINARY_LABEL = 'background';

/**
 * What people have said of alarms, as training data: a real alarm is of its own class, a false one of another.
 *
 * @throws UserError usage, where that class is not among those that are trained
 */
export function judgedAlarms(
  falseAs: string | true,
  { labels, dir }: Dataset,
  base: Bundle,
  folders: readonly string[],
) {
  const ordinary = falseAs === true ? ORDINARY_LABEL : falseAs;
  if (!labels.includes(ordinary))
    throw new UserError(
      ExitCode.usage,
      `--feedback: there is no class ${ordinary} in ${dir}`,
      `Say what false alarms really are: --feedback CLASS, one of ${labels.join(', ')}.`,
    );
  const records = folders.flatMap((folder) => readFeedback(folder, warn));
  const backbone = backboneFingerprint(base);
  const judged = records.flatMap((record) => {
    const label = record.verdict === 'real_alarm' ? record.label : ordinary;
    const embeddings = record.model.backbone === backbone ? embeddingsOf(record) : [];
    return embeddings.length > 0 && labels.includes(label) ? [{ label, embeddings }] : [];
  });
  const leftOut = records.length - judged.length;
  console.error(
    `feedback on ${judged.length} alarms is used${leftOut > 0 ? `, ${leftOut} of another backbone or class, or without a sound, left out` : ''}`,
  );
  return judged;
}
