import * as tf from "@tensorflow/tfjs";
import type { WasmInternals } from "./internals.ts";

/**
 * Slice, GatherV2 and Concat as the wasm backend should do them: as copies within the
 * heap. The published slice first reads its whole input out, all of an attention for one of its rows; the
 * published gather computes the address of each single element; the published concatenation makes two
 * objects for every run of elements, which is slow where runs are short, as in rotary positions.
 */
export function repairCopies(backend: WasmInternals): void {
  replaceKernel("Slice", ({ inputs, attrs }) => {
    const { x } = inputs as { x: tf.TensorInfo };
    const { begin, size } = attrs as unknown as { begin: number[]; size: number[] };
    const [first, count] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size);
    const out = backend.makeOutput(count, x.dtype);
    // The axes behind `inner` are taken whole: with them, one step along it is one run of elements.
    const inner = Math.max(
      0,
      count.findLastIndex((n, axis) => n !== x.shape[axis]),
    );
    const strides = x.shape.map((_, axis) => tf.util.sizeFromShape(x.shape.slice(axis + 1)));
    const run = count[inner] * strides[inner];
    const copy = copier(backend, x, out);
    let to = 0;
    const copyAxis = (axis: number, from: number) => {
      const start = from + first[axis] * strides[axis];
      if (axis === inner) {
        copy(start, to, run);
        to += run;
      } else for (let i = 0; i < count[axis]; i++) copyAxis(axis + 1, start + i * strides[axis]);
    };
    copyAxis(0, 0);
    return out;
  });

  replaceKernel("GatherV2", ({ inputs, attrs }) => {
    const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
    const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number };
    const [along] = tf.util.parseAxisParam(axis, x.shape);
    const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
      tf.backend_util.segment_util.collectGatherOpShapeInfo(x, indices, along, batchDims);
    const out = backend.makeOutput(outputShape, x.dtype);
    const indexValues = backend.typedArrayFromHeap(indices);
    const perBatch = indexValues.length / batchSize;
    const copy = copier(backend, x, out);
    let to = 0;
    for (let block = 0; block < batchSize * outerSize; block++) {
      const firstIndex = Math.floor(block / outerSize) * perBatch;
      for (let i = 0; i < perBatch; i++) {
        const index = indexValues[firstIndex + i];
        tf.util.assert(index >= 0 && index < dimSize, () => `gather: index ${index} is not in 0..${dimSize - 1}`);
        copy((block * dimSize + index) * sliceSize, to, sliceSize);
        to += sliceSize;
      }
    }
    return out;
  });

  replaceKernel("Concat", ({ inputs, attrs }) => {
    const parts = Object.values(inputs) as tf.TensorInfo[];
    const shapes = parts.map(({ shape }) => shape);
    const [axis] = tf.util.parseAxisParam((attrs as { axis: number }).axis, shapes[0]);
    tf.backend_util.assertParamsConsistent(shapes, axis);
    const out = backend.makeOutput(tf.backend_util.computeOutShape(shapes, axis), parts[0].dtype);
    const outer = tf.util.sizeFromShape(shapes[0].slice(0, axis));
    const runs = shapes.map((shape) => tf.util.sizeFromShape(shape.slice(axis)));
    const copies = parts.map((part) => copier(backend, part, out));
    let to = 0;
    for (let i = 0; i < outer; i++) {
      for (let part = 0; part < runs.length; part++) {
        copies[part](i * runs[part], to, runs[part]);
        to += runs[part];
      }
    }
    return out;
  });
}

/** Replaces a published kernel, which still handles strings: they are stored outside the heap. */
function replaceKernel(kernelName: string, kernelFunc: tf.KernelFunc): void {
  const published = tf.getKernel(kernelName, "wasm").kernelFunc;
  tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({
    kernelName,
    backendName: "wasm",
    kernelFunc(call) {
      const [first] = Object.values(call.inputs) as tf.TensorInfo[];
      return (first.dtype === "string" ? published : kernelFunc)(call);
    },
  });
}

/** Up to this many elements a loop is faster than the call that copies a block. */
const SHORT_RUN = 16;

/**
 * Copies runs of elements from one tensor to another: `copy(from, to, count)`. Valid until something is
 * allocated, which may move the heap; so make all outputs first.
 */
function copier(backend: WasmInternals, source: tf.TensorInfo, target: tf.TensorInfo) {
  const { buffer } = backend.typedArrayFromHeap(source);
  // As bits: NaN keeps its payload.
  const heap = source.dtype === "bool" ? new Uint8Array(buffer) : new Uint32Array(buffer);
  const sourceAt = backend.dataIdMap.get(source.dataId).memoryOffset / heap.BYTES_PER_ELEMENT;
  const targetAt = backend.dataIdMap.get(target.dataId).memoryOffset / heap.BYTES_PER_ELEMENT;
  return (from: number, to: number, count: number) => {
    const [start, end] = [sourceAt + from, sourceAt + from + count];
    if (count > SHORT_RUN) heap.copyWithin(targetAt + to, start, end);
    else for (let i = 0; i < count; i++) heap[targetAt + to + i] = heap[start + i];
  };
}
