// What a person would take instead, installed into a folder of its own: nothing here belongs to the program.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PYTHON = ['ai-edge-litert', 'numpy'];
const NODE = ['@tensorflow/tfjs', 'onnxruntime-web', '@litertjs/core', '@litertjs/wasm-utils'];
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const worker = (name) => fileURLToPath(new URL(`workers/${name}`, import.meta.url));

/** Installs them where they are not; what cannot be installed is said and left out. */
export function installOthers(folder) {
  mkdirSync(folder, { recursive: true });
  const attempt = (what, action) => {
    try {
      action();
    } catch (error) {
      console.error(
        `(left out: ${what} cannot be installed: ${String(error.stderr ?? error)
          .trim()
          .slice(-200)})`,
      );
    }
  };
  const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: 'pipe' });
  attempt(PYTHON.join(', '), () => {
    if (!existsSync(pythonOf(folder))) run('python3', '-m', 'venv', 'venv');
    for (const name of PYTHON)
      try {
        run(pythonOf(folder), '-m', 'pip', 'show', '-q', name);
      } catch {
        run(pythonOf(folder), '-m', 'pip', 'install', '-q', name);
      }
  });
  attempt(NODE.join(', '), () => {
    if (!existsSync(join(folder, 'package.json')))
      writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const missing = NODE.filter((name) => !existsSync(join(folder, 'node_modules', name)));
    if (missing.length > 0) run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...missing);
  });
}

/**
 * What can be measured of the others: for each model its float32 backbone and default head, as `models export` writes
 * them, behind our log-mel; and YAMNet as Google gives it away, with its own front end.
 *
 * @param yamnetFile yamnet.tflite, if a person has it
 * @returns subjects: name, model, command, args
 */
export function otherSubjects(folder, models, { dir, yamnetFile, windows }) {
  const python = pythonOf(folder);
  const subjects = [];
  for (const [model, bundle] of models) {
    const files = Object.fromEntries(
      ['tflite', 'onnx'].map((format) => [format, exportTo(join(dir, `${model}.${format}`), bundle, format)]),
    );
    const add = (name, command, ...args) =>
      subjects.push({ name: `${name}, float32`, model, other: true, command, args: [...args, dir, windows] });
    if (existsSync(python)) add('LiteRT (Python)', python, worker('litert.py'), files.tflite, 'mels');
    add('LiteRT.js', process.execPath, worker('litert.mjs'), folder, files.tflite);
    add('onnxruntime-web', process.execPath, worker('onnxruntime-web.mjs'), folder, files.onnx);
    add('TensorFlow.js, plain', process.execPath, worker('tfjs.mjs'), folder, bundle);
  }
  if (!(yamnetFile && existsSync(python))) return subjects;
  const whole = (name, script, ...args) =>
    subjects.push({
      name: `${name}, int8 weights`,
      model: 'yamnet',
      other: true,
      frontEnd: true,
      command: python,
      args: [worker(script), yamnetFile, ...args, dir, windows],
    });
  whole('LiteRT (Python), own front end', 'litert.py', 'samples');
  return subjects;
}

function exportTo(file, bundle, format) {
  execFileSync(process.execPath, [MAIN, 'models', 'export', bundle, '--format', format, '-o', file], {
    stdio: 'pipe',
  });
  return file;
}

function pythonOf(folder) {
  return join(folder, 'venv', 'bin', 'python');
}
