// The clips that `train` and `evaluate --split validation` keep back, and those between: node blocks.mjs DIR
import { scanDataset } from '../../dist/training/dataset.js';
import { splitByGroup } from '../../dist/training/split.js';

const [dir] = process.argv.slice(2);
const { validation, leftOut } = splitByGroup((await scanDataset(dir)).clips, 0.2, 1);
for (const { path } of [...validation, ...leftOut]) console.log(path);
