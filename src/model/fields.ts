import { z } from "zod";

/**
 * What a field of a checkpoint's files does here:
 * - `honoured`: it is read, and its value is used or, where only one value is supported, checked;
 * - `none`: it is known, and changes nothing here;
 * - `unknown`: this program does not read it.
 */
export type Effect = "honoured" | "none" | "unknown";

/** A field of a JSON file. */
export interface Field {
  /** Names from the top, joined by dots: "text_config.rope_theta". */
  readonly path: string;
  readonly value: unknown;
  readonly effect: Effect;
}

/** The names of an object's fields that change nothing because of what its other fields say. */
export type Idle = (value: Readonly<Record<string, unknown>>) => readonly string[];

const registry = z.registry<{ readonly names: readonly string[]; readonly idle: Idle }>();

/**
 * A schema that knows names of fields which it does not read, because they change nothing here.
 *
 * @param idle of those that it reads
 */
export function unread<S extends z.ZodObject>(schema: S, names: readonly string[], idle: Idle = () => []): S {
  registry.add(schema, { names, idle });
  return schema;
}

/** Every field of an object, sorted by the schema that it is read with. Objects in it are gone through, too. */
export function fieldsOf(json: Readonly<Record<string, unknown>>, schema: z.ZodType, prefix = ""): Field[] {
  const objects = objectsIn(schema);
  const known = objects.flatMap((object) => registry.get(object) ?? []);
  const harmless = new Set(known.flatMap(({ names }) => names));
  const idle = new Set(known.flatMap((one) => one.idle(json)));
  return Object.entries(json).flatMap(([name, value]): Field[] => {
    const path = prefix + name;
    const readers = objects.flatMap(({ shape }) => (Object.hasOwn(shape, name) ? [shape[name] as z.ZodType] : []));
    if (readers.length === 0) return [{ path, value, effect: harmless.has(name) ? "none" : "unknown" }];
    if (idle.has(name)) return [{ path, value, effect: "none" }];
    const inner = readers.find((reader) => objectsIn(reader).length > 0);
    return inner && isObject(value) ? fieldsOf(value, inner, `${path}.`) : [{ path, value, effect: "honoured" }];
  });
}

/** The objects that a schema takes, inside defaults, options and alternatives. */
function objectsIn(schema: z.core.$ZodType): z.ZodObject[] {
  if (schema instanceof z.ZodObject) return [schema];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(objectsIn);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return objectsIn(schema.unwrap());
  return [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
