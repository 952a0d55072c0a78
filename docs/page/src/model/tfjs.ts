/* What the worker takes of `@tensorflow/tfjs`: its operations as functions and as methods of tensors, without layers,
   converter, data sets, gradients and the backends that it does not run on. The build puts it in their place. */
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";

export * from "@tensorflow/tfjs-core";
