import { SCORE_FLOOR } from '../head.js';
import { OnnxGraphBuilder } from '../onnx/graph.js';
import type { ExportPlan, PatchOrder, PlannedPart } from './plan.js';

/** Backbone and head as an ONNX file: input `log_mel`, output `scores`. */
export function onnxModel(
  { description, labels, backbone, parts, bias, weight }: ExportPlan,
  order: PatchOrder,
): Uint8Array {
  const graph = new OnnxGraphBuilder({ bandsFirst: order === 'bands-frames' });
  const embedding = graph.backbone(backbone, weight);

  const scoresOf = ({ layers, map }: PlannedPart): string => {
    const classes = graph.dense(embedding, layers);
    if (map === undefined) return classes;
    const highest = map.ranges.map(({ begin, size }) => {
      if (size === 0) return graph.constant([1, 1], new Float32Array(1));
      const ends = [graph.ints(begin), graph.ints(begin + size), graph.ints(1)];
      return graph.step('ReduceMax', [graph.step('Slice', [classes, ...ends])], { axes: [1], keepdims: 1 });
    });
    const joined = graph.step('Concat', highest, { axis: 1 });
    const raised = graph.step('Add', [joined, graph.constant([1, labels.length], map.bias)]);
    const positive = graph.step('Relu', [raised]);
    const sum = graph.step('ReduceSum', [positive, graph.ints(1)], { keepdims: 1 });
    return graph.step('Div', [positive, sum]);
  };
  const opinions = parts.map(scoresOf);
  let [scores = ''] = opinions;

  if (bias) {
    const floor = graph.constant([1, 1], Float32Array.of(SCORE_FLOOR));
    const pooled = opinions.reduce(
      (sum, opinion, k) => {
        const log = graph.step('Log', [graph.step('Max', [opinion, floor])]);
        const weight = graph.constant([1, 1], Float32Array.of(parts[k]?.weight ?? 0));
        return graph.step('Add', [sum, graph.step('Mul', [log, weight])]);
      },
      graph.constant([1, labels.length], bias),
    );
    scores = graph.step('Softmax', [pooled], { axis: -1 });
  }
  graph.output('scores', scores, labels.length);
  return graph.write(description);
}
